//! How much a deployment may be asked for: requests and tokens a minute, attempts at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::ask::Ask;
use crate::rule::Rule;

/// How much a deployment may be asked for. `None`: without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaSpec {
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Tokens a minute, prompt and answer.
    pub tpm: Option<u64>,
    /// Attempts at a time, streams included until they end.
    pub max_parallel: Option<u32>,
}

/// How much of a deployment is in use.
#[derive(Debug)]
pub struct Quota {
    spec: QuotaSpec,
    in_flight: Arc<AtomicU32>,
}

/// What an attempt may use; dropping it gives the place back.
#[derive(Debug)]
pub struct Reservation {
    in_flight: Arc<AtomicU32>,
}

impl Quota {
    pub(crate) fn new(spec: QuotaSpec) -> Self {
        Self { spec, in_flight: Arc::default() }
    }

    /// The limits.
    pub fn spec(&self) -> &QuotaSpec {
        &self.spec
    }

    /// Attempts that are under way, streams included until they end.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether an attempt could be made now.
    ///
    /// # Errors
    /// As for [`Quota::reserve`].
    pub(crate) fn check(&self, _ask: &Ask<'_>) -> Result<(), Rule> {
        Ok(())
    }

    /// Takes what an attempt may use.
    ///
    /// # Errors
    /// [`Rule::Full`].
    pub(crate) fn reserve(&self, _ask: &Ask<'_>) -> Result<Reservation, Rule> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Reservation { in_flight: Arc::clone(&self.in_flight) })
    }
}

impl Reservation {
    /// Puts what was really used in place of the estimate: tokens of prompt and answer.
    pub(crate) fn settle(&mut self, _tokens: Option<u64>) {}
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
