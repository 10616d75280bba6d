//! Whether a failure is one too many.

use std::sync::atomic::{AtomicU64, Ordering};

use llm_core::{Error, ErrorKind};

use super::blame::Scope;
use super::breaker::{Phase, State};
use super::settings::{AllowedFails, HealthSettings};
use super::tally::Tally;
use crate::clock;

/// Failures one after the other that bench a deployment.
const IN_A_ROW: u32 = 3;
/// The same for one that has just come back.
const IN_A_ROW_AGAIN: u32 = 2;
/// More than half of the attempts of a window failing benches a deployment, when there were at least so many.
const ENOUGH_ATTEMPTS: u64 = 10;
/// The length of that window in microseconds.
const WINDOW: u64 = 60_000_000;

/// What was counted of a deployment's failures.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Failures of the window, and the attempts that had been made when it began.
    window: Tally,
    attempts_before: AtomicU64,
    /// Failures within a cooldown's length, for `allowed_fails`.
    allowed: Tally,
    /// The same by kind, for `allowed_fails_policy`.
    by_kind: [Tally; AllowedFails::PLACES],
}

/// A failure, with what is known of its deployment.
pub(super) struct Judgement<'a> {
    pub(super) settings: &'a HealthSettings,
    pub(super) error: &'a Error,
    pub(super) scope: Scope,
    /// Of the deployment's own breaker.
    pub(super) state: State,
    pub(super) attempts: u64,
    pub(super) consecutive: u32,
    pub(super) siblings: bool,
}

impl Counts {
    /// Counts a failure. When it is to bench what it speaks against, says whether nobody may insist then.
    pub(super) fn bench(&self, failure: &Judgement<'_>, now: u64, probe: bool) -> Option<bool> {
        let settings = failure.settings;
        let length = clock::of(settings.cooldown.window());
        if let Some((place, borne)) = settings.allowed_fails_policy.of(failure.error) {
            let count = self.by_kind.get(place).map_or(0, |tally| tally.add(now, length).0);
            return (probe || count > u64::from(borne)).then_some(true);
        }
        if let Some(borne) = settings.allowed_fails {
            let (count, _) = self.allowed.add(now, length);
            return (probe || count > u64::from(borne)).then_some(false);
        }
        let one_too_many = match failure.scope {
            // A key or a model does not come back between two requests.
            Scope::Key | Scope::Model => true,
            Scope::Deployment => self.too_often(failure, now) || at_once(failure),
        };
        (probe || one_too_many).then_some(false)
    }

    fn too_often(&self, failure: &Judgement<'_>, now: u64) -> bool {
        let (failures, first) = self.window.add(now, WINDOW);
        if first {
            self.attempts_before.store(failure.attempts.saturating_sub(1), Ordering::Relaxed);
        }
        let attempts = failure.attempts.saturating_sub(self.attempts_before.load(Ordering::Relaxed));
        let share = attempts >= ENOUGH_ATTEMPTS && failures * 2 > attempts;
        let again = failure.state.phase == Phase::Recovering;
        share || failure.consecutive >= if again { IN_A_ROW_AGAIN } else { IN_A_ROW }
    }

    /// Forgets the failures of before a recovery.
    pub(super) fn clear(&self) {
        self.window.clear();
        self.allowed.clear();
        self.by_kind.iter().for_each(Tally::clear);
    }
}

/// Who is told to slow down should, where another deployment can go on or the vendor says for how long.
fn at_once(failure: &Judgement<'_>) -> bool {
    let slower = failure.error.kind() == ErrorKind::RateLimited;
    slower && (failure.siblings || failure.error.retry_after().is_some())
}
