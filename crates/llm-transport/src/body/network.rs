//! A body that comes from the network, with its connection and its deadlines.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use llm_core::Result;
use llm_core::hush::hushed;

use crate::deadline::Watch;
use crate::decode::Decoder;
use crate::failure;
use crate::pool::Lease;

/// Chunks off a connection.
pub(crate) struct Network {
    incoming: Incoming,
    lease: Option<Lease>,
    watch: Watch,
    decoder: Option<Box<Decoder>>,
    end: Option<Result<()>>,
}

impl Network {
    pub(crate) fn new(incoming: Incoming, lease: Lease, watch: Watch, decoder: Option<Decoder>) -> Self {
        let decoder = decoder.map(Box::new);
        let mut body = Self { incoming, lease: Some(lease), watch, decoder, end: None };
        body.release_when_read();
        body
    }

    /// The length that the head tells, as far as it does.
    pub(super) fn announced(&self) -> u64 {
        self.incoming.size_hint().lower()
    }

    /// The next chunk, as it came or decoded.
    pub(super) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
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
}
