//! Whether a deployment is up: what failed there, and for how long it is left alone.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use llm_core::{Error, Fault};

use crate::rule::Rule;

/// When a deployment is benched, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// How long a deployment is left alone, where its vendor does not say.
    pub cooldown_time: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self { cooldown_time: Duration::from_secs(5) }
    }
}

/// Whether a deployment is up.
#[derive(Debug, Default)]
pub struct Health {
    attempts: AtomicU64,
    failures: AtomicU64,
    consecutive_failures: AtomicU32,
}

/// The one attempt that shows whether a benched deployment is up again.
#[derive(Debug)]
pub struct Probe(());

impl Health {
    /// Whether an attempt may be made now; a [`Probe`] when it is to show whether the deployment is up again.
    ///
    /// # Errors
    /// [`Rule::CoolingDown`].
    pub(crate) fn admit(&self, _now: Instant) -> Result<Option<Probe>, Rule> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    }

    /// Whether an attempt could be made now.
    ///
    /// # Errors
    /// As for [`Health::admit`].
    pub(crate) fn check(&self, _now: Instant) -> Result<(), Rule> {
        Ok(())
    }

    /// An attempt that was admitted is not made: there is no room.
    pub(crate) fn withdrawn(&self) {
        self.attempts.fetch_sub(1, Ordering::Relaxed);
    }

    /// Attempts made.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Attempts that failed by the vendor's fault.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Failures by the vendor's fault since the last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.consecutive_failures.load(Ordering::Relaxed)
    }

    /// Books an attempt that gave an answer.
    pub(crate) fn succeeded(&self) {
        // Read first: in good times nobody writes to the shared line.
        if self.consecutive_failures.load(Ordering::Relaxed) != 0 {
            self.consecutive_failures.store(0, Ordering::Relaxed);
        }
    }

    /// Books an attempt that failed. A client's own mistake does not count.
    pub(crate) fn failed(&self, error: &Error) {
        if error.fault() == Fault::Upstream {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.consecutive_failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}
