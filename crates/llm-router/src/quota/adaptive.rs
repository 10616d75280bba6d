//! How many attempts at a time a deployment bears, learnt from how it answers: more while it answers well, fewer at
//! once when it refuses, fails for load, or becomes slow.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use llm_core::sync::{AtomicU32, Mutex};
use llm_core::{Error, ErrorKind, Fault};

use crate::in_flight::Finished;

/// Where learning begins.
const START: f64 = 32.0;

/// A deployment that bears more has no need to be spared.
const MOST: f64 = 10_000.0;

/// What is left after a refusal, and after answers became slow.
const AFTER_REFUSAL: f64 = 0.7;
const AFTER_SLOWNESS: f64 = 0.9;

/// How many times slower than usual is slow.
const SLOW: f64 = 2.0;

/// So many answers must have been seen before any is called slow.
const ENOUGH: u32 = 32;

/// A limit that follows what the deployment bears.
#[derive(Debug)]
pub(crate) struct Adaptive {
    /// The limit in whole attempts, for those who ask.
    limit: AtomicU32,
    learnt: Mutex<Learnt>,
}

#[derive(Debug)]
struct Learnt {
    limit: f64,
    most: f64,
    /// Attempts that began before say nothing about the limit of today.
    cut: Option<Instant>,
    /// Whole answers and streams: their speeds cannot be compared.
    speeds: [Speed; 2],
}

/// Seconds that answers take: lately, and usually.
#[derive(Clone, Copy, Debug, Default)]
struct Speed {
    lately: f64,
    usually: f64,
    seen: u32,
}

impl Adaptive {
    /// Begins at thirty-two, or at the fixed limit where that is lower; never passes the fixed one.
    pub(crate) fn new(max_parallel: Option<u32>) -> Self {
        let most = max_parallel.map_or(MOST, f64::from).max(1.0);
        let limit = START.min(most);
        let learnt = Learnt { limit, most, cut: None, speeds: [Speed::default(); 2] };
        Self { limit: AtomicU32::new(whole(limit)), learnt: Mutex::new(learnt) }
    }

    /// How many attempts there may be at a time; at least one.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }

    /// An attempt that began at `began` failed while `in_flight` were under way, itself included.
    pub(crate) fn failed(&self, error: &Error, began: Instant, in_flight: u32) {
        let of_load =
            matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::Timeout);
        if of_load && error.fault() == Fault::Upstream {
            let mut learnt = self.learnt.lock();
            learnt.cut(AFTER_REFUSAL, began, in_flight);
            self.limit.store(whole(learnt.limit), Relaxed);
        }
    }

    /// An attempt that began at `began` ended well.
    pub(crate) fn answered(&self, finished: &Finished<'_>, began: Instant, in_flight: u32) {
        let mut learnt = self.learnt.lock();
        if learnt.is_slow(finished) {
            learnt.cut(AFTER_SLOWNESS, began, in_flight);
        } else if f64::from(in_flight) * 2.0 >= learnt.limit {
            // A limit that nobody comes near is not proven by another answer.
            learnt.limit = (learnt.limit + 1.0 / learnt.limit).min(learnt.most);
        }
        self.limit.store(whole(learnt.limit), Relaxed);
    }
}

impl Learnt {
    fn cut(&mut self, factor: f64, began: Instant, in_flight: u32) {
        if self.cut.is_some_and(|cut| began <= cut) {
            return;
        }
        self.cut = Some(tokio::time::Instant::now().into_std());
        self.limit = (self.limit.min(f64::from(in_flight)) * factor).max(1.0);
    }

    fn is_slow(&mut self, finished: &Finished<'_>) -> bool {
        let seconds = match (finished.stream, finished.output_tokens) {
            (true, _) => finished.first_content.as_secs_f64(),
            (false, Some(tokens @ 1..)) => {
                finished.took.as_secs_f64() / f64::from(u32::try_from(tokens).unwrap_or(u32::MAX))
            }
            (false, _) => return false,
        };
        self.speeds[usize::from(finished.stream)].is_slow(seconds)
    }
}

impl Speed {
    /// Takes a time in; whether answers have become slow.
    fn is_slow(&mut self, seconds: f64) -> bool {
        if self.seen == 0 {
            (self.lately, self.usually) = (seconds, seconds);
        }
        self.seen = self.seen.saturating_add(1);
        self.lately += (seconds - self.lately) / 8.0;
        self.usually += (seconds - self.usually) / 128.0;
        self.seen >= ENOUGH && self.lately > SLOW * self.usually
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between one and ten thousand")]
fn whole(limit: f64) -> u32 {
    limit as u32
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(first_content: Duration) -> Finished<'static> {
        Finished {
            error: None,
            tokens: None,
            output_tokens: None,
            cost: None,
            first_content,
            took: first_content,
            stream: true,
        }
    }

    fn refusal() -> Error {
        Error::new(ErrorKind::RateLimited, "too many")
    }

    #[test]
    fn one_burst_of_refusals_cuts_once() {
        let adaptive = Adaptive::new(None);
        let began = Instant::now();
        for _ in 0..20 {
            adaptive.failed(&refusal(), began, 32);
        }
        assert_eq!(adaptive.limit(), 22, "thirty percent of thirty-two");
    }

    #[test]
    fn it_never_falls_below_one_nor_rises_above_the_fixed_limit() {
        let adaptive = Adaptive::new(Some(5));
        assert_eq!(adaptive.limit(), 5);
        for _ in 0..20 {
            adaptive.failed(&refusal(), Instant::now() + Duration::from_secs(1), 5);
        }
        assert_eq!(adaptive.limit(), 1);
        for _ in 0..1_000 {
            adaptive.answered(&answer(Duration::from_millis(10)), Instant::now(), 5);
        }
        assert_eq!(adaptive.limit(), 5);
    }

    #[test]
    fn a_clients_own_mistake_cuts_nothing() {
        let adaptive = Adaptive::new(None);
        adaptive.failed(&Error::invalid("no"), Instant::now(), 32);
        adaptive.failed(&refusal().with_fault(Fault::Gateway), Instant::now(), 32);
        assert_eq!(adaptive.limit(), 32);
    }

    #[test]
    fn growing_latency_cuts_before_anything_fails() {
        let adaptive = Adaptive::new(None);
        for _ in 0..200 {
            adaptive.answered(&answer(Duration::from_millis(100)), Instant::now(), 1);
        }
        assert_eq!(adaptive.limit(), 32, "a limit that nobody comes near stays");
        for _ in 0..20 {
            adaptive.answered(&answer(Duration::from_millis(800)), Instant::now(), 32);
        }
        assert!(adaptive.limit() < 32, "{}", adaptive.limit());
    }
}
