//! How a deployment stands, for strategies, people and monitors.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use llm_core::{Error, ErrorKind};

use super::breaker::{Phase, State};
use crate::clock;

/// The least part of its traffic that a deployment has while it comes back: what probes need.
const LEAST: f64 = 0.1;

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In a word.
    pub stands: Stands,
    /// When it may be asked again, while it is benched.
    pub until: Option<Instant>,
    /// What went wrong last, with its status, when nothing went well since.
    pub last_error: Option<(ErrorKind, u16)>,
}

/// How a deployment stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    /// It is in use.
    Healthy,
    /// It is in use again, with a growing share of the traffic.
    Recovering,
    /// The next attempt, or one under way, shows whether it is up.
    Probing,
    /// It is left alone.
    CoolingDown,
}

impl Stands {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Recovering => "recovering",
            Self::Probing => "probing",
            Self::CoolingDown => "cooling_down",
        }
    }
}

impl Standing {
    /// The worst of several breakers.
    pub(super) fn of(
        states: &[State],
        now: u64,
        slow_start: Duration,
        last_error: Option<(ErrorKind, u16)>,
    ) -> Self {
        let worst = states.iter().map(|state| stands(*state, now, slow_start)).max();
        let until = states.iter().filter(|state| state.phase == Phase::Benched);
        let until = until.filter_map(|state| state.closed_until(now)).max().map(clock::instant);
        Self { stands: worst.unwrap_or(Stands::Healthy), until, last_error }
    }
}

fn stands(state: State, now: u64, slow_start: Duration) -> Stands {
    match state.phase {
        Phase::Benched if now < state.time => Stands::CoolingDown,
        Phase::Benched | Phase::Probing => Stands::Probing,
        Phase::Recovering if now < state.time.saturating_add(clock::of(slow_start)) => Stands::Recovering,
        Phase::Well | Phase::Recovering => Stands::Healthy,
    }
}

/// The part of its usual traffic that a deployment may have.
pub(super) fn readiness(state: State, now: u64, slow_start: Duration) -> f64 {
    match stands(state, now, slow_start) {
        Stands::Healthy => 1.0,
        Stands::Probing | Stands::CoolingDown => LEAST,
        Stands::Recovering => {
            let since = Duration::from_micros(now.saturating_sub(state.time));
            since.div_duration_f64(slow_start).clamp(LEAST, 1.0)
        }
    }
}

/// What went wrong last: the kind's place in [`KINDS`] plus one, then the status.
#[derive(Debug, Default)]
pub(super) struct LastError(AtomicU32);

/// The kinds that speak against a vendor.
const KINDS: [ErrorKind; 10] = [
    ErrorKind::UpstreamAuth,
    ErrorKind::QuotaExhausted,
    ErrorKind::UpstreamNotFound,
    ErrorKind::RateLimited,
    ErrorKind::Timeout,
    ErrorKind::Overloaded,
    ErrorKind::UpstreamFailure,
    ErrorKind::Connection,
    ErrorKind::BadUpstreamAnswer,
    ErrorKind::Truncated,
];

impl LastError {
    pub(super) fn set(&self, error: &Error) {
        let place =
            KINDS.iter().position(|kind| *kind == error.kind()).and_then(|place| u32::try_from(place).ok());
        let word = place.map_or(0, |place| (place + 1) << 16 | u32::from(error.status()));
        self.0.store(word, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<(ErrorKind, u16)> {
        let word = self.0.load(Ordering::Relaxed);
        let place = usize::try_from(word >> 16).ok()?.checked_sub(1)?;
        KINDS.get(place).map(|kind| (*kind, (word & 0xFFFF) as u16))
    }
}
