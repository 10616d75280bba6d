//! How fast a deployment has been, and how much it did in the last minute.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use llm_core::ErrorKind;

use crate::in_flight::Finished;

/// How long a bad time is remembered while better ones come in.
const MEMORY: Duration = Duration::from_secs(10);

/// How long it takes until a deployment that nobody asks is worth another try.
const FORGIVENESS: Duration = Duration::from_secs(60);

/// All times are counted from here.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How fast a deployment has been, and how much it did in the last minute.
#[derive(Debug, Default)]
pub struct Pace {
    /// Seconds to the first content of a stream.
    first_content: PeakAverage,
    /// Seconds for each token of a whole answer.
    per_token: PeakAverage,
    requests: Minute,
    tokens: Minute,
    /// Tokens of a usual call, an average over time.
    usual_tokens: AtomicU64,
}

/// What a deployment did in the last minute, and does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Used {
    /// Requests, those under way included.
    pub requests: f64,
    /// Tokens, those that requests under way will need included.
    pub tokens: f64,
}

impl Pace {
    /// Takes in how an attempt went. What failed at once says nothing about speed; a deadline that passed does.
    pub(crate) fn note(&self, finished: &Finished<'_>, now: Instant) {
        self.requests.add(1, now);
        if let Some(tokens) = finished.tokens {
            self.tokens.add(tokens, now);
            let usual = self.usual_tokens.load(Ordering::Relaxed);
            let next = if usual == 0 { tokens } else { (usual * 7 + tokens).div_ceil(8) };
            self.usual_tokens.store(next, Ordering::Relaxed);
        }
        match finished.error.map(llm_core::Error::kind) {
            None if finished.stream => self.first_content.note(finished.first_content, now),
            None => {
                let tokens = u32::try_from(finished.output_tokens.unwrap_or(1)).unwrap_or(u32::MAX);
                self.per_token.note(finished.took / tokens.max(1), now);
            }
            Some(ErrorKind::Timeout) if finished.stream => self.first_content.note(finished.took, now),
            Some(ErrorKind::Timeout) => self.per_token.note(finished.took, now),
            Some(_) => {}
        }
    }

    /// The seconds to expect: to a stream's first content, or for each token of a whole answer. Less the longer nobody
    /// asked, so that a deployment that was slow once is tried again. `None` before the first answer of that kind.
    pub fn expected(&self, stream: bool, now: Instant) -> Option<f64> {
        let average = if stream { &self.first_content } else { &self.per_token };
        average.seconds(now)
    }

    /// What it did in the last minute, with what is under way.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn used(&self, now: Instant, in_flight: u32) -> Used {
        let usual = self.usual_tokens.load(Ordering::Relaxed) as f64;
        Used {
            requests: self.requests.sum(now) + f64::from(in_flight),
            tokens: self.tokens.sum(now) + f64::from(in_flight) * usual,
        }
    }
}

/// An average that jumps up to every worse time at once and comes down slowly, so that trouble counts before it is
/// over.
#[derive(Debug, Default)]
struct PeakAverage {
    /// Seconds as the bits of an `f32`, above milliseconds since the beginning; 0 before the first sample.
    state: AtomicU64,
}

impl PeakAverage {
    fn note(&self, took: Duration, now: Instant) {
        let sample = took.as_secs_f32();
        let update = |state: u64| {
            let (average, at) = unpack(state);
            let next = match average {
                Some(average) if sample <= average => {
                    let passed = since(at, now).as_secs_f32();
                    sample + (average - sample) * libm::expf(-passed / MEMORY.as_secs_f32())
                }
                _ => sample,
            };
            Some(pack(next, now))
        };
        // Two at once: the one that comes second starts from what the first one left.
        let _ = self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    fn seconds(&self, now: Instant) -> Option<f64> {
        let (average, at) = unpack(self.state.load(Ordering::Relaxed));
        let idle = since(at, now).as_secs_f64();
        average.map(|average| f64::from(average) * libm::exp(-idle / FORGIVENESS.as_secs_f64()))
    }
}

fn pack(seconds: f32, now: Instant) -> u64 {
    (u64::from(seconds.max(f32::MIN_POSITIVE).to_bits()) << 32) | u64::from(milliseconds(now))
}

fn unpack(state: u64) -> (Option<f32>, u32) {
    let seconds = f32::from_bits((state >> 32) as u32);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    ((seconds > 0.0).then_some(seconds), state as u32)
}

fn milliseconds(now: Instant) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "differences are right across the turn after 49 days"
    )]
    let milliseconds = now.saturating_duration_since(*BEGINNING).as_millis() as u32;
    milliseconds
}

fn since(at: u32, now: Instant) -> Duration {
    Duration::from_millis(u64::from(milliseconds(now).wrapping_sub(at)))
}

/// A sum over the last minute: this clock minute, and what of the one before is not a minute ago, as if it had come
/// evenly.
#[derive(Debug, Default)]
struct Minute {
    number: AtomicU64,
    this: AtomicU64,
    before: AtomicU64,
}

impl Minute {
    fn add(&self, count: u64, now: Instant) {
        self.turn(minute_of(now).0);
        self.this.fetch_add(count, Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn sum(&self, now: Instant) -> f64 {
        let (number, passed) = minute_of(now);
        let (this, before) =
            (self.this.load(Ordering::Relaxed) as f64, self.before.load(Ordering::Relaxed) as f64);
        match number.saturating_sub(self.number.load(Ordering::Relaxed)) {
            0 => this + before * (1.0 - passed),
            1 => this * (1.0 - passed),
            _ => 0.0,
        }
    }

    /// Begins another minute. Whoever comes first does it; what others add in that moment may count for the minute
    /// before, and this is a statistic, not a limit.
    fn turn(&self, number: u64) {
        let known = self.number.load(Ordering::Relaxed);
        let is_new = number > known;
        if is_new && self.number.compare_exchange(known, number, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let ended = self.this.swap(0, Ordering::Relaxed);
            let before = if number == known + 1 { ended } else { 0 };
            self.before.store(before, Ordering::Relaxed);
        }
    }
}

/// The clock minute's number, and how much of it has passed, from 0 to 1.
fn minute_of(now: Instant) -> (u64, f64) {
    let passed = now.saturating_duration_since(*BEGINNING);
    // From 1: a counter that was never used is of minute 0.
    (passed.as_secs() / 60 + 1, passed.as_secs_f64() % 60.0 / 60.0)
}

#[cfg(test)]
mod tests;
