//! What is read of an answer while it passes: tokens, where it is one of a dialect that is known. Whatever cannot be
//! read is not counted; it passes all the same.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::dialect::{Dialect, Peek, Seen, StreamTap, TapOptions};
use llm_core::framing::Splitter;
use llm_core::provider::NativeStream;
use llm_core::{Result, Usage};
use llm_transport::UpstreamBody;

use super::is_content;

/// The most bytes of an answer that are kept to be read at its end.
const KEPT: usize = 16 << 20;

/// How an answer is read.
pub(super) enum Watch {
    /// Not at all.
    Nothing,
    /// At its end, as a whole.
    Whole { dialect: Arc<dyn Dialect>, kept: BytesMut },
    /// Frame by frame.
    Frames { splitter: Splitter, tap: Box<dyn StreamTap> },
}

/// An answer that passes.
pub(super) struct Watched {
    body: Option<UpstreamBody>,
    held: Option<Bytes>,
    watch: Watch,
    seen: Seen,
}

impl Watch {
    /// By what the answer says it is.
    pub(super) fn of(dialect: Arc<dyn Dialect>, headers: &HeaderMap) -> Self {
        if is_content(headers, &["stream", "ndjson"]) {
            let options = TapOptions { public_model: None, include_usage: true };
            return Self::Frames { splitter: Splitter::new(dialect.framing()), tap: dialect.tap(options) };
        }
        if is_content(headers, &["json"]) {
            return Self::Whole { dialect, kept: BytesMut::new() };
        }
        Self::Nothing
    }

    /// Whether it is read at its end, as a whole.
    pub(super) fn is_of_document(&self) -> bool {
        matches!(self, Self::Whole { .. })
    }

    fn chunk(&mut self, chunk: &Bytes, seen: &mut Seen) {
        let read = match self {
            Self::Nothing => true,
            Self::Whole { kept, .. } => {
                kept.extend_from_slice(chunk);
                kept.len() <= KEPT
            }
            Self::Frames { splitter, tap } => {
                splitter.push(chunk.clone()).is_ok()
                    && std::iter::from_fn(|| splitter.next_frame()).all(|raw| tap.frame(&raw, seen).is_ok())
            }
        };
        if !read {
            *self = Self::Nothing;
        }
    }

    fn end(&mut self, seen: &mut Seen) {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => {}
            Self::Whole { dialect, kept } => {
                let peek = peek(&*dialect, &kept);
                (seen.usage, seen.finish) = (peek.usage, peek.finish);
            }
            Self::Frames { mut splitter, mut tap } => {
                while let Some(raw) = splitter.take_rest() {
                    if tap.frame(&raw, seen).is_err() {
                        break;
                    }
                }
            }
        }
        (seen.content, seen.ended) = (true, true);
    }
}

/// An answer to a chat, or to another kind of call that the dialect has.
fn peek(dialect: &dyn Dialect, body: &[u8]) -> Peek {
    let used = |peek: &Peek| peek.usage != Usage::default();
    let chat = dialect.peek(body).ok();
    let embeddings = || dialect.embeddings().and_then(|kind| kind.peek(body).ok());
    let rerank = || dialect.rerank().and_then(|kind| kind.peek(body).ok());
    chat.filter(used)
        .or_else(|| embeddings().filter(used))
        .or_else(|| rerank().filter(used))
        .unwrap_or_default()
}

impl Watched {
    pub(super) fn new(body: UpstreamBody, watch: Watch) -> Self {
        Self { body: Some(body), held: None, watch, seen: Seen::default() }
    }

    /// An answer that is already there.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { body: None, held: Some(bytes), watch: Watch::Nothing, seen: Seen::default() }
    }
}

impl NativeStream for Watched {
    fn poll_bytes(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = &mut *self;
        if let Some(held) = this.held.take() {
            return Poll::Ready(Some(Ok(held)));
        }
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match ready!(body.poll_chunk(context)) {
            Some(Ok(chunk)) => {
                this.watch.chunk(&chunk, &mut this.seen);
                Poll::Ready(Some(Ok(chunk)))
            }
            None => {
                this.watch.end(&mut this.seen);
                Poll::Ready(None)
            }
            broken => Poll::Ready(broken),
        }
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }
}
