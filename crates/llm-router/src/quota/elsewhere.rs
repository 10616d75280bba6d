//! What other gateways leave of a deployment's limits: asked for after the gateway's own numbers agree, and remembered
//! for a moment when there is none.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use llm_core::sync::{AtomicU64, Mutex};
use llm_core::window::Moment;

use super::{QuotaSpec, Reservation, State};
use crate::clock;
use crate::rule::Rule;
use crate::shared::{Lease, Shared, Verdict, Want};

/// For how long a refusal is believed at most: room that another gateway gives back is found after that.
const BELIEVED: Duration = Duration::from_secs(1);

/// The same where room may come back at any time: long enough to look at the other deployments.
const BELIEVED_BRIEFLY: Duration = Duration::from_millis(50);

/// The shared side of a deployment's limits.
pub(super) struct Elsewhere {
    shared: Arc<dyn Shared>,
    deployment: String,
    /// Until this moment the last refusal is believed: read without the lock.
    shut_until: AtomicU64,
    refusal: Mutex<Option<Rule>>,
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Elsewhere").field("deployment", &self.deployment).finish_non_exhaustive()
    }
}

impl Elsewhere {
    /// What is to be asked elsewhere; nothing of a deployment without limits.
    pub(super) fn of(spec: &QuotaSpec, shared: Arc<dyn Shared>, deployment: String) -> Option<Box<Self>> {
        let has_limits = spec.rpm.is_some() || spec.tpm.is_some() || spec.max_parallel.is_some();
        let (shut_until, refusal) = (AtomicU64::new(0), Mutex::new(None));
        has_limits.then(|| Box::new(Self { shared, deployment, shut_until, refusal }))
    }

    /// Why there is no room, as far as that is known without asking.
    pub(super) fn glance(&self, now: Moment) -> Option<Rule> {
        let shut_until = self.shut_until.load(Relaxed);
        if shut_until == 0 || now >= shut_until {
            return None;
        }
        self.refusal.lock().clone()
    }

    fn shut(&self, until: Moment, rule: &Rule) {
        *self.refusal.lock() = Some(rule.clone());
        self.shut_until.store(until, Relaxed);
    }

    /// A slot and perhaps tokens were given back here: it is worth asking again. Requests never come back.
    pub(super) fn open(&self) {
        let is_rpm = |rule: &Rule| matches!(rule, Rule::Full { limit: "rpm", .. });
        if self.shut_until.load(Relaxed) != 0 && !self.refusal.lock().as_ref().is_some_and(is_rpm) {
            self.shut_until.store(0, Relaxed);
        }
    }
}

impl State {
    /// Remembers that other gateways left no room.
    fn refused_elsewhere(&self, limit: &'static str, after: Option<Duration>, now: Instant) -> Rule {
        let until = after.and_then(|after| now.checked_add(after));
        let rule = Rule::Full { limit, until };
        // Requests of the last minute never come back early, all else may.
        let believed = if limit == "rpm" { BELIEVED } else { BELIEVED_BRIEFLY };
        let shut_until = self.moment(now + after.map_or(believed, |after| after.min(believed)));
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.shut(shut_until, &rule);
        }
        rule
    }
}

impl Reservation {
    /// Whether other gateways have a say that they have not had.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.unconfirmed && self.state.elsewhere.is_some()
    }

    /// Asks whether the other gateways leave room for this attempt as well.
    ///
    /// # Errors
    /// [`Rule::Full`]; the reservation must then be withdrawn.
    pub(crate) async fn confirm(&mut self) -> Result<(), Rule> {
        self.unconfirmed = false;
        let Some(elsewhere) = &self.state.elsewhere else { return Ok(()) };
        let spec = &self.state.spec;
        let (rpm, tpm, max_parallel) = (spec.rpm, spec.tpm, spec.max_parallel);
        let tokens = self.ticket.as_ref().map_or(0, |ticket| ticket.tokens);
        let want = Want { deployment: &elsewhere.deployment, rpm, tpm, max_parallel, tokens };
        match elsewhere.shared.reserve(want).await {
            Verdict::Granted(lease) => self.lease = Some(lease),
            Verdict::Unknown => {}
            Verdict::Refused { limit, after } => {
                return Err(self.state.refused_elsewhere(limit, after, clock::now()));
            }
        }
        Ok(())
    }

    /// The attempt is not made: not even its request counts.
    pub(crate) fn withdraw(&mut self) {
        let ticket = self.ticket.take();
        if let (Some(window), Some(ticket)) = (&self.state.window, ticket) {
            window.lock().cancel(&ticket);
        }
    }

    /// What was taken elsewhere, settled to the tokens that were used.
    pub(super) fn settle_elsewhere(&mut self, tokens: Option<u64>) {
        if let (Some(lease), Some(tokens)) = (&mut self.lease, tokens) {
            lease.settle(tokens);
        }
    }
}

/// What a reservation holds elsewhere.
pub(super) type Leased = Option<Box<dyn Lease>>;
