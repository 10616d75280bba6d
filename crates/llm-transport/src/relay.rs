//! Requests whose path is written from the host's root, and whose body may still be arriving.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use llm_core::provider::{BoxStream, Deadlines};
use llm_core::relay::RelayBody;
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;

use crate::deadline::Watch;
use crate::failure;
use crate::outgoing::{Outgoing, RequestBody};
use crate::pool::Lease;
use crate::target::Target;
use crate::upstream::{Upstream, UpstreamReply, wait};

impl Upstream {
    /// Sends a request to a path that begins at the host's root, the base URL's own path and query left out, and waits
    /// for the answer's head. `request.body` is left out too: the body is `body`.
    ///
    /// A body that is still arriving goes out as it comes, and waits where the vendor does not take it; it cannot be
    /// sent twice, so it gets a connection that was not used before.
    ///
    /// # Errors
    /// As [`Upstream::send`]; or what ended the client's body.
    pub async fn relay(
        &self,
        mut request: WireRequest,
        body: RelayBody,
        deadlines: &Deadlines,
    ) -> Result<UpstreamReply> {
        let path = Target::path_from_root(&request.path)?;
        let (length, chunks) = match body {
            RelayBody::Whole(bytes) => {
                request.body = bytes.into();
                return self.send_to(path, request, deadlines).await;
            }
            RelayBody::Arriving { chunks, .. } if self.tape().is_some() => {
                request.body = whole(chunks, self.max_body()).await?.into();
                return self.send_to(path, request, deadlines).await;
            }
            RelayBody::Arriving { length, chunks } => (length, chunks),
        };
        request.body = WireBody::default();
        let mut watch = Watch::begin(deadlines);
        let mut outgoing = Outgoing::new(request);
        outgoing.announce(length);
        let mut lease = Box::pin(self.open(deadlines, &watch, true)).await?;
        let broke = Broke::default();
        let chunks: BoxStream<Result<Bytes>> = Box::pin(Noting { chunks, broke: broke.clone() });
        let body = RequestBody::arriving(length, chunks, watch.progress());
        watch.sending();
        let sent = match &mut lease {
            Lease::Http1(http1) => {
                let (target, extra) = self.http1_head(&path)?;
                let request = outgoing.request_with(body, target, extra);
                wait(pin!(http1.connection()?.send(request)), &mut watch).await
            }
            Lease::Http2(http2) => {
                let target = self.target.absolute_form(path)?;
                wait(pin!(http2.send(outgoing.request_with(body, target, None))), &mut watch).await
            }
        };
        match sent {
            Ok(Ok(head)) => self.reply(head, lease, watch),
            Ok(Err(refused)) => Err(broke.take().unwrap_or_else(|| failure::exchanging(refused.error()))),
            Err(late) => Err(late),
        }
    }
}

/// A body that is held because a tape wants all of it.
async fn whole(mut chunks: BoxStream<Result<Bytes>>, most: usize) -> Result<Bytes> {
    let mut held = BytesMut::new();
    while let Some(chunk) = chunks.next().await.transpose()? {
        if held.len() + chunk.len() > most {
            let message =
                format!("the body is larger than {most} bytes, the limit while exchanges are recorded");
            return Err(Error::new(ErrorKind::PayloadTooLarge, message));
        }
        held.extend_from_slice(&chunk);
    }
    Ok(held.freeze())
}

/// What ended the client's body, told beside the connection: on it any end looks like the vendor's.
#[derive(Clone, Default)]
struct Broke(Arc<Mutex<Option<Error>>>);

impl Broke {
    fn take(&self) -> Option<Error> {
        self.0.lock().take()
    }
}

struct Noting {
    chunks: BoxStream<Result<Bytes>>,
    broke: Broke,
}

impl Stream for Noting {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.chunks.as_mut().poll_next(context));
        if let Some(Err(error)) = &next {
            *self.broke.0.lock() = Some(error.clone());
        }
        Poll::Ready(next)
    }
}
