//! The built-in mock vendor: models that need no key and no network, for a first try and for tests.
//!
//! Its answers say that they come from a mock. It works in canonical form, for clients of every dialect. The
//! model's name is a script: words joined with dashes, in any order.
//!
//! | word | what the model does |
//! |---|---|
//! | `echo` | says the last user text again (what it does when no other word says what to say) |
//! | `tools` | calls the first tool offered (or the one that the request names), with arguments made from its schema; after the results it answers with words |
//! | `json` | answers with JSON that follows the schema asked for |
//! | `long-1000` | says 1,000 words |
//! | `refusal` | declines |
//! | `reasoning` | thinks before it answers, with a signature that must come back |
//! | `length` | ends as if the token limit were met |
//! | `delay-20ms` | waits before the answer, in a stream before each chunk |
//! | `cut-3` | breaks a stream after three chunks with content, and a whole answer at once |
//! | `error-429` | fails with that status; after `cut-3`, in the middle of the stream |
//! | `hang` | never answers, so that a deadline passes |
//!
//! So `mock/echo`, `mock/echo-delay-20ms`, `mock/reasoning-tools`, `mock/cut-3-error-500`. Tokens are counted as
//! a fourth of the letters, rounded up for each part, and are the same for the same request every time. The
//! request's own limit on answer tokens and its number of choices are kept.
//!
//! Every model makes embeddings too (vectors of length one; texts that share words are near) and reranks (by the words
//! that a document shares with the query); of the script's words those about time and errors count then.

mod answer;
mod example;
mod kinds;
mod script;

use std::collections::VecDeque;
use std::future;
use std::time::{Duration, Instant};

use futures_util::stream;
use http::HeaderMap;
use llm_core::dialect::DialectId;
use llm_core::event::{Delta, Event, unfold};
use llm_core::operation::Operation;
use llm_core::provider::{
    BoxFuture, BoxStream, Call, Deadlines, Inbound, Provider, Reply, ReplyBody, not_served, truncated,
};
use llm_core::{Error, ErrorKind, Result};

use script::Script;

/// The mock's own dialect: nothing else speaks it.
pub(crate) const MOCK: DialectId = DialectId::new("mock");

const NOTICE: &str = "This is the gateway's built-in mock; no model answered.";

/// The mock vendor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mock;

impl Provider for Mock {
    fn dialect(&self) -> DialectId {
        MOCK
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(chat(call))
    }

    fn serves(&self, inbound: &Inbound) -> bool {
        let operation = inbound.asked.operation;
        operation.is_chat() || matches!(operation, Operation::Embeddings | Operation::Rerank)
    }

    fn exchange<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(exchange(call))
    }

    fn count_tokens<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Option<u64>>> {
        let counted = Script::parse(call.model).and_then(|_| call.inbound.decoded());
        Box::pin(future::ready(counted.map(|request| Some(answer::prompt_tokens(request)))))
    }
}

async fn exchange(call: Call<'_>) -> Result<Reply> {
    let script = Script::parse(call.model)?;
    let inbound = call.inbound;
    let patience = Patience { deadlines: call.deadlines, started: Instant::now(), stream: false };
    patience.wait(if script.hang { None } else { Some(script.delay) }).await?;
    if let Some(failure) = script.failure() {
        return Err(failure);
    }
    let body = match inbound.asked.operation {
        Operation::Embeddings => {
            let answer = kinds::embeddings(inbound.embedding_request()?, call.public_model)?;
            ReplyBody::Embeddings(Box::new(answer))
        }
        Operation::Rerank => {
            let answer = kinds::ranking(inbound.rerank_request()?, call.public_model);
            ReplyBody::Rerank(Box::new(answer))
        }
        operation => return Err(not_served(call.public_model, operation)),
    };
    Ok(Reply { headers: HeaderMap::new(), losses: Vec::new(), body })
}

async fn chat(call: Call<'_>) -> Result<Reply> {
    let script = Script::parse(call.model)?;
    let request = call.inbound.decoded()?;
    let started = Instant::now();
    let patience = Patience { deadlines: call.deadlines, started, stream: call.stream };
    patience.wait(if script.hang { None } else { Some(script.delay) }).await?;
    if let Some(failure) = script.failure().filter(|_| script.cut.is_none()) {
        return Err(failure);
    }
    let response = answer::answer(&script, request, call.public_model);
    let body = if call.stream {
        ReplyBody::Events(events(&script, chunks(unfold(response)), patience))
    } else if script.cut.is_some() {
        return Err(script.failure().unwrap_or_else(truncated));
    } else {
        ReplyBody::Decoded(Box::new(response))
    };
    Ok(Reply { headers: HeaderMap::new(), losses: Vec::new(), body })
}

/// The deadlines of the transport, kept by a vendor that has no transport.
#[derive(Clone, Copy)]
struct Patience {
    deadlines: Deadlines,
    started: Instant,
    stream: bool,
}

impl Patience {
    /// Waits before the answer's head; `None` waits for ever.
    async fn wait(&self, delay: Option<Duration>) -> Result<()> {
        let first = self.deadlines.first_content.filter(|_| self.stream);
        let limits = [self.deadlines.headers, first, self.left()];
        within(delay, limits.into_iter().flatten().min()).await
    }

    /// Waits before a chunk.
    async fn pause(&self, delay: Duration) -> Result<()> {
        within(Some(delay), [self.deadlines.idle, self.left()].into_iter().flatten().min()).await
    }

    fn left(&self) -> Option<Duration> {
        self.deadlines.total.map(|end| end.saturating_duration_since(Instant::now().max(self.started)))
    }
}

async fn within(delay: Option<Duration>, limit: Option<Duration>) -> Result<()> {
    match (delay, limit) {
        (Some(delay), limit) if limit.is_none_or(|limit| delay <= limit) => {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(())
        }
        (_, Some(limit)) => {
            tokio::time::sleep(limit).await;
            Err(Error::new(ErrorKind::Timeout, "the mock did not answer in time"))
        }
        _ => future::pending().await,
    }
}

/// Cuts long deltas into words, one chunk each, as a model would say them. What is no delta goes with the next.
fn chunks(events: Vec<Event>) -> VecDeque<Vec<Event>> {
    let mut chunks = VecDeque::new();
    let mut chunk = Vec::new();
    for event in events {
        match event {
            Event::Delta { choice, part, delta } => {
                for delta in words(delta) {
                    chunk.push(Event::Delta { choice, part, delta });
                    chunks.push_back(std::mem::take(&mut chunk));
                }
            }
            other => chunk.push(other),
        }
    }
    chunks.push_back(chunk);
    chunks
}

fn words(delta: Delta) -> Vec<Delta> {
    let cut = |text: &str, make: fn(String) -> Delta| {
        text.split_inclusive(' ').map(|word| make(word.to_owned())).collect()
    };
    match delta {
        Delta::Text(text) => cut(&text, Delta::Text),
        Delta::Reasoning(text) => cut(&text, Delta::Reasoning),
        Delta::Arguments(text) => cut(&text, Delta::Arguments),
        Delta::Refusal(text) => cut(&text, Delta::Refusal),
        other => vec![other],
    }
}

fn events(
    script: &Script,
    chunks: VecDeque<Vec<Event>>,
    patience: Patience,
) -> BoxStream<Result<Vec<Event>>> {
    let broken = script.cut.map(|after| (after, script.failure().unwrap_or_else(truncated)));
    let delay = script.delay;
    Box::pin(stream::unfold((chunks, broken, 0usize), move |(mut chunks, broken, sent)| async move {
        let chunk = chunks.pop_front()?;
        let waited = if sent == 0 { Ok(()) } else { patience.pause(delay).await };
        let item = match &broken {
            Some((after, error)) if sent >= *after => Err(error.clone()),
            _ => waited.map(|()| chunk),
        };
        if item.is_err() {
            chunks.clear();
        }
        Some((item, (chunks, broken, sent + 1)))
    }))
}

#[cfg(test)]
mod tests;
