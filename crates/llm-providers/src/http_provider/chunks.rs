//! The chunks of a streamed answer, under the deadline for its first content.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use llm_core::{Error, ErrorKind, Result};
use llm_transport::UpstreamBody;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How long the connection of a complete answer may take to end, so that it can be used again.
const GRACE: Duration = Duration::from_millis(250);
/// How many chunks after the end of an answer are read away.
const REST: usize = 16;

/// A body whose first chunk was read ahead.
pub(crate) struct Chunks {
    first: Option<Bytes>,
    body: UpstreamBody,
    first_content: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Chunks {
    /// Reads up to the first chunk; `None`: the body is empty.
    pub(crate) async fn begin(
        mut body: UpstreamBody,
        first_content: Option<Instant>,
    ) -> Result<Option<Self>> {
        loop {
            match std::future::poll_fn(|context| body.poll_chunk(context)).await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    return Ok(Some(Self { first: Some(chunk), body, first_content, timer: None }));
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(None),
            }
        }
    }

    /// The first chunk, while nobody has taken it.
    pub(crate) fn first(&self) -> &[u8] {
        self.first.as_deref().unwrap_or_default()
    }

    /// The whole body, for an answer that is no stream after all.
    pub(crate) async fn collect(self) -> Result<Bytes> {
        let rest = self.body.collect().await?;
        Ok(match self.first {
            Some(first) if rest.is_empty() => first,
            Some(first) => [first, rest].concat().into(),
            None => rest,
        })
    }

    /// Something of the answer itself came: its deadline is met.
    pub(crate) fn content_came(&mut self) {
        self.first_content = None;
        self.timer = None;
    }

    /// The next chunk.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if let Poll::Ready(chunk) = self.body.poll_chunk(context) {
            return Poll::Ready(chunk);
        }
        let Some(deadline) = self.first_content else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        timer.as_mut().poll(context).map(|()| Some(Err(no_content())))
    }

    /// After the end of the answer: reads on to the end of the body.
    pub(crate) fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..REST {
            match ready!(self.body.poll_chunk(context)) {
                Some(Ok(_)) => {}
                _ => break,
            }
        }
        Poll::Ready(())
    }

    /// The same, but waits for it only a little.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.poll_rest(context).is_ready() {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(GRACE)));
        timer.as_mut().poll(context)
    }
}

/// The error of a stream without content in time.
pub(crate) fn no_content() -> Error {
    Error::new(ErrorKind::Timeout, "the vendor's answer did not begin in time (first content deadline)")
}
