//! A vendor's answer, chunk by chunk or whole.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;
use llm_core::hush::hushed;
use llm_core::{Error, Result};

use crate::deadline::Watch;
use crate::decode::Decoder;
use crate::failure;
use crate::pool::Lease;

/// Most memory that is set aside because of an announced length, before the bytes are there.
const LARGEST_RESERVE: u64 = 4 * 1024 * 1024;

/// The body of an answer. Dropping it before its end cancels the call: the connection is closed or the stream reset.
///
/// # Behavior
/// - Ends with `None` only when the answer is complete by HTTP's own rules; anything else is an error, and stays one.
/// - Content encodings are undone.
/// - The idle deadline and the total deadline hold while somebody waits for a chunk.
pub struct UpstreamBody {
    incoming: Incoming,
    lease: Option<Lease>,
    watch: Watch,
    decoder: Option<Box<Decoder>>,
    most: usize,
    end: Option<Result<()>>,
}

impl UpstreamBody {
    pub(crate) fn new(
        incoming: Incoming,
        lease: Lease,
        watch: Watch,
        decoder: Option<Decoder>,
        most: usize,
    ) -> Self {
        let decoder = decoder.map(Box::new);
        let mut body = Self { incoming, lease: Some(lease), watch, decoder, most, end: None };
        body.release_when_read();
        body
    }

    /// The next chunk, as it came or decoded.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            match &self.end {
                Some(Ok(())) => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.clone()))),
                None => {}
            }
            match ready!(self.poll_step(context)) {
                Ok(Some(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Ok(None) => {}
                Err(error) => self.finish(Err(error)),
            }
        }
    }

    /// The next chunk, for those who do not poll.
    pub async fn chunk(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// The whole body; a body of one chunk is not copied.
    ///
    /// # Errors
    /// When it does not come whole and in time, or is larger than [`crate::Options::max_body`].
    pub fn collect(mut self) -> impl Future<Output = Result<Bytes>> + Send {
        let announced = self.incoming.size_hint().lower();
        // What a block captures is used where it is; an async function would copy it once more.
        async move {
            self.check(announced)?;
            let Some(first) = self.chunk().await.transpose()? else { return Ok(Bytes::new()) };
            self.check(first.len() as u64)?;
            let Some(mut chunk) = self.chunk().await.transpose()? else { return Ok(first) };
            let expected = usize::try_from(announced.min(LARGEST_RESERVE)).unwrap_or_default();
            let mut whole = BytesMut::with_capacity(expected.max(first.len() + chunk.len()));
            whole.extend_from_slice(&first);
            loop {
                self.check(whole.len() as u64 + chunk.len() as u64)?;
                whole.extend_from_slice(&chunk);
                match self.chunk().await.transpose()? {
                    Some(next) => chunk = next,
                    None => return Ok(whole.freeze()),
                }
            }
        }
    }

    /// `None`: nothing to hand on yet, but something happened.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let Some(decoder) = &mut self.decoder
            && let Some(piece) = decoder.next()?
        {
            return Poll::Ready(Ok(Some(piece)));
        }
        let (frame, connection) = hushed(|| Pin::new(&mut self.incoming).poll_frame(context));
        if self.incoming.is_end_stream() {
            connection.forget();
        } else {
            connection.wake();
        }
        let Poll::Ready(frame) = frame else {
            return self.watch.poll_expired(context).map(Err);
        };
        let chunk = match frame {
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(cause)) => return Poll::Ready(Err(failure::receiving(&cause))),
            None => {
                self.decoder.as_ref().map_or(Ok(()), |decoder| decoder.finish())?;
                self.finish(Ok(()));
                return Poll::Ready(Ok(None));
            }
        };
        self.watch.received();
        self.release_when_read();
        match &mut self.decoder {
            Some(decoder) => decoder.feed(chunk),
            None if !chunk.is_empty() => return Poll::Ready(Ok(Some(chunk))),
            None => {}
        }
        Poll::Ready(Ok(None))
    }

    /// A connection whose answer was read to the end is free for the next call, even while this one is decoded.
    fn release_when_read(&mut self) {
        if self.incoming.is_end_stream() {
            self.lease.take().into_iter().for_each(Lease::give_back);
        }
    }

    fn finish(&mut self, end: Result<()>) {
        let lease = self.lease.take();
        if end.is_ok() {
            lease.into_iter().for_each(Lease::give_back);
        }
        self.end = Some(end);
    }

    fn check(&self, length: u64) -> Result<()> {
        if length > self.most as u64 {
            return Err(Error::bad_answer(format!(
                "the vendor's answer is larger than {} bytes, the limit for whole answers",
                self.most
            )));
        }
        Ok(())
    }
}
