//! A reply held back until its first event with content, so that a failure before it can be made good elsewhere.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt as _;
use llm_core::embedding::EmbeddingResponse;
use llm_core::event::Event;
use llm_core::provider::{BoxStream, NativeStream, ReplyBody, truncated};
use llm_core::rerank::RerankResponse;
use llm_core::wire::WireBody;
use llm_core::{ChatResponse, Error, Result, Seen};

/// An answer that has begun: nothing of it was seen by the client, and it is past the point of failover.
pub enum Started {
    /// Whole, bytes of the client's dialect.
    Native {
        /// The body.
        body: WireBody,
        /// What metering needs of it.
        seen: Box<Seen>,
    },
    /// Whole, canonical.
    Decoded(Box<ChatResponse>),
    /// Whole embeddings, canonical.
    Embeddings(Box<EmbeddingResponse>),
    /// A whole ranking, canonical.
    Rerank(Box<RerankResponse>),
    /// A stream of bytes: what was held, and the rest.
    NativeStream {
        /// Bytes that were held back.
        held: Vec<Bytes>,
        /// What follows.
        rest: Pin<Box<dyn NativeStream>>,
    },
    /// A stream of events: what was held, and the rest.
    Events {
        /// Events that were held back.
        held: Vec<Event>,
        /// What follows.
        rest: BoxStream<Result<Vec<Event>>>,
    },
}

/// How much of a stream is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Up to its first content: after that the client sees it grow.
    FirstContent,
    /// All of it, as long as it fits into memory: the client waits, and sees no answer that broke off.
    Whole,
}

/// The most bytes, and the most events, of a stream that is held back whole; a longer one begins then.
const MOST_HELD_BYTES: usize = 16 << 20;
const MOST_HELD_EVENTS: usize = 200_000;

/// Waits for the first content of a reply, or for all of it.
///
/// # Errors
/// What the vendor said or did before it.
pub(crate) async fn start(body: ReplyBody, hold: Hold) -> Result<Started> {
    match body {
        ReplyBody::Native { body, seen } => Ok(Started::Native { body, seen }),
        ReplyBody::Decoded(response) => Ok(Started::Decoded(response)),
        ReplyBody::Embeddings(response) => Ok(Started::Embeddings(response)),
        ReplyBody::Rerank(response) => Ok(Started::Rerank(response)),
        ReplyBody::NativeStream(stream) => start_native(stream, hold).await,
        ReplyBody::Events(stream) => start_events(stream, hold).await,
    }
}

async fn start_native(mut stream: Pin<Box<dyn NativeStream>>, hold: Hold) -> Result<Started> {
    let mut held: Vec<Bytes> = Vec::with_capacity(1);
    let mut size = 0;
    loop {
        match poll_fn(|context| stream.as_mut().poll_bytes(context)).await {
            Some(Ok(bytes)) => {
                size += bytes.len();
                held.push(bytes);
            }
            Some(Err(error)) => return Err(error),
            None if stream.seen().error.is_none() => break,
            None => {}
        }
        let seen = stream.seen();
        let is_whole = hold == Hold::Whole && size <= MOST_HELD_BYTES;
        if let Some(error) = &seen.error
            && (!seen.content || is_whole)
        {
            return Err(error.clone());
        }
        if seen.ended || seen.content && !is_whole {
            break;
        }
    }
    Ok(Started::NativeStream { held, rest: stream })
}

async fn start_events(mut stream: BoxStream<Result<Vec<Event>>>, hold: Hold) -> Result<Started> {
    let mut held: Vec<Event> = Vec::new();
    loop {
        let Some(events) = stream.next().await else { return Err(truncated()) };
        let (from, mut has_begun) = (held.len(), false);
        held.extend(events?);
        for event in &held[from..] {
            match event {
                Event::Error(error) => return Err(Error::clone(error)),
                event => has_begun |= begins(event, hold),
            }
        }
        if has_begun || held.len() > MOST_HELD_EVENTS {
            return Ok(Started::Events { held, rest: stream });
        }
    }
}

fn begins(event: &Event, hold: Hold) -> bool {
    *event == Event::End || hold == Hold::FirstContent && event.is_content()
}
