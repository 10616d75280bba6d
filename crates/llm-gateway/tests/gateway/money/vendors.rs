//! Vendors whose answers take time, pass as they are, or end badly.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{DialectId, Seen};
use llm_core::provider::{BoxFuture, Call, NativeStream, Provider, Reply, ReplyBody};
use llm_core::{FinishReason, Result, Usage};
use llm_testkit::fake::answer;

fn reply(body: ReplyBody) -> Reply {
    Reply { headers: HeaderMap::new(), losses: Vec::new(), body }
}

/// A vendor that takes its time and then uses all that a call may use: as many tokens as its body has bytes, and as many
/// as its limit allows.
#[derive(Default)]
pub(super) struct Greedy {
    pub calls: AtomicUsize,
}

impl Provider for Greedy {
    fn dialect(&self) -> DialectId {
        DialectId::new("test.greedy")
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let input = Some(call.inbound.body.len() as u64);
        let output = call.inbound.decoded().ok().and_then(|request| request.max_output_tokens);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut response = answer("all of it");
            response.usage = Usage { input, output, ..Usage::default() };
            Ok(reply(ReplyBody::Decoded(Box::new(response))))
        })
    }
}

/// A vendor that fails in a way that nobody expects.
pub(super) struct Panicking;

impl Provider for Panicking {
    fn dialect(&self) -> DialectId {
        DialectId::new("test.panicking")
    }

    fn chat<'a>(&'a self, _call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async { panic!("a mistake of ours") })
    }
}

/// A vendor whose stream passes as it is: frames of words, then one with what was used, then the end.
pub(super) struct Passing {
    pub words: Vec<&'static str>,
}

pub(super) const USED: Usage = {
    let mut usage = Usage { input: None, ..EMPTY };
    usage.input = Some(11);
    usage.output = Some(7);
    usage
};

const EMPTY: Usage = Usage {
    input: None,
    cache_read: None,
    cache_write_5m: None,
    cache_write_1h: None,
    output: None,
    reasoning: None,
    audio_in: None,
    audio_out: None,
    image_in: None,
    image_out: None,
    web_searches: None,
    images: None,
    audio_seconds: None,
    characters: None,
    reported_cost: None,
    tier: None,
    estimated: false,
};

impl Provider for Passing {
    fn dialect(&self) -> DialectId {
        llm_testkit::fake::PLAIN
    }

    fn chat<'a>(&'a self, _call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        let frame = |words: &&str| {
            let words = serde_json::Value::from(*words);
            Bytes::from(format!(
                "data: {{\"id\":\"vendor-9\",\"choices\":[{{\"delta\":{{\"content\":{words}}}}}]}}\n\n"
            ))
        };
        let frames = self.words.iter().map(frame);
        let stream =
            Frames { frames: frames.collect(), at: 0, words: self.words.len(), seen: Seen::default() };
        Box::pin(std::future::ready(Ok(reply(ReplyBody::NativeStream(Box::pin(stream))))))
    }
}

struct Frames {
    frames: VecDeque<Bytes>,
    at: usize,
    words: usize,
    seen: Seen,
}

impl NativeStream for Frames {
    fn poll_bytes(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.at += 1;
        let next = match self.frames.pop_front() {
            Some(frame) => {
                self.seen.content = true;
                Some(frame)
            }
            None if self.at == self.words + 1 => {
                self.seen.usage = USED;
                self.seen.finish = Some(FinishReason::Stop);
                Some(Bytes::from_static(b"data: {\"usage\":{\"total\":18}}\n\n"))
            }
            None if self.at == self.words + 2 => {
                self.seen.ended = true;
                Some(Bytes::from_static(b"data: [DONE]\n\n"))
            }
            None => None,
        };
        Poll::Ready(next.map(Ok))
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }
}

pub(super) fn greedy() -> Arc<Greedy> {
    Arc::default()
}
