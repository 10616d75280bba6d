//! Time and the mock: waits under the deadlines of a call, and streams that come chunk by chunk.

use std::collections::VecDeque;
use std::future;
use std::time::{Duration, Instant};

use futures_util::stream;
use llm_core::Result;
use llm_core::event::{Delta, Event};
use llm_core::provider::{BoxStream, Deadlines};

use super::fault::Fault;
use super::script::{Breakage, Script};

/// The deadlines of the transport, kept by a vendor that has no transport.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    deadlines: Deadlines,
    began: Instant,
    stream: bool,
}

impl Patience {
    /// Begins a call.
    pub(crate) fn new(deadlines: Deadlines, stream: bool) -> Self {
        Self { deadlines, began: Instant::now(), stream }
    }

    /// Waits before the answer's head; `None` waits for ever.
    pub(crate) async fn wait(&self, delay: Option<Duration>) -> Result<()> {
        within(delay, [self.deadlines.headers, self.until_content(), self.left()]).await
    }

    /// Waits before the first content of a stream that has begun.
    async fn start(&self, delay: Duration) -> Result<()> {
        within(Some(delay), [self.deadlines.idle, self.until_content(), self.left()]).await
    }

    /// Waits before a chunk; `None` waits for ever.
    async fn pause(&self, delay: Option<Duration>) -> Result<()> {
        within(delay, [self.deadlines.idle, self.left(), None]).await
    }

    fn until_content(&self) -> Option<Duration> {
        let limit = self.deadlines.first_content.filter(|_| self.stream)?;
        Some(limit.saturating_sub(self.began.elapsed()))
    }

    fn left(&self) -> Option<Duration> {
        self.deadlines.total.map(|end| end.saturating_duration_since(Instant::now()))
    }
}

async fn within(delay: Option<Duration>, limits: [Option<Duration>; 3]) -> Result<()> {
    let limit = limits.into_iter().flatten().min();
    match (delay, limit) {
        (Some(delay), limit) if limit.is_none_or(|limit| delay <= limit) => {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(())
        }
        (_, Some(limit)) => {
            tokio::time::sleep(limit).await;
            Err(Fault::Silence.error(None))
        }
        _ => future::pending().await,
    }
}

/// A stream on its way.
struct Coming {
    chunks: VecDeque<Vec<Event>>,
    sent: usize,
    start: Duration,
    pace: Duration,
    patience: Patience,
    breakage: Option<Breakage>,
}

/// The events of an answer, one chunk after the other, until it ends or breaks.
pub(crate) fn events(
    script: &Script,
    events: Vec<Event>,
    patience: Patience,
    breakage: Option<Breakage>,
) -> BoxStream<Result<Vec<Event>>> {
    let (start, pace) = (script.start, script.pace);
    let coming = Coming { chunks: chunks(events), sent: 0, start, pace, patience, breakage };
    Box::pin(stream::unfold(coming, async |mut coming| {
        let item = coming.next().await?;
        if item.is_err() {
            coming.chunks.clear();
        }
        Some((item, coming))
    }))
}

impl Coming {
    async fn next(&mut self) -> Option<Result<Vec<Event>>> {
        let chunk = self.chunks.pop_front()?;
        let waited = match self.sent {
            0 => self.patience.start(self.start).await,
            _ => self.patience.pause(Some(self.pace)).await,
        };
        let due = self.breakage.filter(|breakage| breakage.after.is_none_or(|after| self.sent >= after));
        self.sent += 1;
        match (waited, due) {
            (Err(late), _) => Some(Err(late)),
            (Ok(()), None) => Some(Ok(chunk)),
            (Ok(()), Some(Breakage { fault: Fault::Silence, .. })) => {
                self.patience.pause(None).await.err().map(Err)
            }
            (Ok(()), Some(breakage)) => Some(Err(breakage.error())),
        }
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
