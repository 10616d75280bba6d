//! Whether a deployment is up: what failed there, whom that speaks against, and how long it is left alone.
//!
//! Three breakers stand before an attempt: the deployment's own, its credential's (shared by all deployments that show
//! the same one), and that of the model where a model was missing. A bench ends with a probe: one attempt, while all
//! others are still passed over. `docs/routing.md` says when a bench begins and how long it is.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use llm_core::Error;

use crate::ask::Ask;
use crate::clock;
use crate::rule::Rule;

mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}
mod blame;
mod breaker;
#[cfg(test)]
mod breaker_tests;
mod judge;
mod missing;
mod remote;
mod settings;
mod standing;
mod tally;
pub(crate) mod trouble;
mod watch;

pub use blame::Scope;
pub use settings::{AllowedFails, Cooldown, HealthSettings};
pub use standing::{Standing, Stands};
pub use watch::{Bench, Watch};

use breaker::{Breaker, Phase, State, Token, Verdict};
use judge::{Counts, Judgement};
use missing::Missing;
use remote::Elsewhere;
use standing::LastError;

/// A credential, as far as it is refused. Deployments that show the same one share it.
#[derive(Debug, Default)]
pub struct Credential(Breaker);

/// Whether a deployment is up.
#[derive(Default)]
pub struct Health {
    /// The deployment's own; else the router's, told once.
    settings: OnceLock<Arc<HealthSettings>>,
    own: Breaker,
    credential: Arc<Credential>,
    missing: Missing,
    counts: Counts,
    attempts: AtomicU64,
    failures: AtomicU64,
    consecutive_failures: AtomicU32,
    last_error: LastError,
    siblings: AtomicBool,
    /// It serves models of many names: one that is missing says nothing about the others.
    many: bool,
    watch: OnceLock<Box<dyn Watch>>,
    /// Other gateways, who are told too.
    elsewhere: OnceLock<Elsewhere>,
}

/// What an attempt shows at its end: which breakers wait for it, and what was asked for.
#[derive(Debug)]
pub(crate) struct Ticket {
    own: Option<Token>,
    credential: Option<Token>,
    model: Option<Token>,
    /// What the model and the kind of call hash to; 0 when nobody read the request.
    key: u64,
}

impl Ticket {
    /// The same attempt, when nobody waits for it any more.
    pub(crate) fn spent(&self) -> Self {
        Self { own: None, credential: None, model: None, key: self.key }
    }

    /// Whether a breaker waits for how the attempt ends.
    pub(crate) fn is_awaited(&self) -> bool {
        self.own.or(self.credential).or(self.model).is_some()
    }
}

impl Health {
    pub(crate) fn new(settings: Option<HealthSettings>, credential: Arc<Credential>, many: bool) -> Self {
        let health = Self { credential, many, ..Self::default() };
        if let Some(settings) = settings {
            health.follow(&Arc::new(settings));
        }
        health
    }

    /// Says what holds where the deployment has no settings of its own.
    pub(crate) fn follow(&self, settings: &Arc<HealthSettings>) {
        // Own settings, or those of the first router, stay.
        let _ = self.settings.set(Arc::clone(settings));
    }

    /// Says whether its group has other deployments.
    pub(crate) fn has_siblings(&self, siblings: bool) {
        self.siblings.store(siblings, Ordering::Relaxed);
    }

    /// Names who is told of changes; only the first one is.
    pub fn watch(&self, watch: Box<dyn Watch>) {
        let _ = self.watch.set(watch);
    }

    fn settings(&self) -> &HealthSettings {
        self.settings.get_or_init(Arc::default)
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// [`Rule::CoolingDown`], when it is benched, or another attempt is the probe.
    pub(crate) fn admit(&self, ask: &Ask<'_>, key: u64) -> Result<Ticket, Rule> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let mut ticket = Ticket { own: None, credential: None, model: None, key };
        let passed = self.pass(&self.credential.0, ask, &mut ticket.credential).and_then(|()| {
            self.pass(&self.own, ask, &mut ticket.own)?;
            self.missing.get(key).map_or(Ok(()), |breaker| self.pass(breaker, ask, &mut ticket.model))
        });
        match passed {
            Ok(()) => Ok(ticket),
            Err(rule) => {
                self.give_back(&ticket, ask.now);
                Err(rule)
            }
        }
    }

    fn pass(&self, breaker: &Breaker, ask: &Ask<'_>, token: &mut Option<Token>) -> Result<(), Rule> {
        if breaker.state().phase == Phase::Well {
            return Ok(());
        }
        let settings = self.settings();
        match breaker.admit(clock::micros(ask.now), lease(settings), forget(settings)) {
            Verdict::Open => {}
            Verdict::Probe(probe) => *token = Some(probe),
            Verdict::Closed { strict: false, .. } if ask.insists => *token = breaker.insist(),
            Verdict::Closed { until, .. } => return Err(Rule::CoolingDown { until: clock::instant(until) }),
        }
        Ok(())
    }

    /// An attempt that was never made is not counted, and shows nothing.
    pub(crate) fn give_back(&self, ticket: &Ticket, now: Instant) {
        self.attempts.fetch_sub(1, Ordering::Relaxed);
        self.abandon(ticket, now);
    }

    /// Until when it would be passed over. Changes nothing, so that everybody may ask.
    pub(crate) fn benched(&self, now: Instant, key: impl FnOnce() -> u64) -> Option<Rule> {
        let now = clock::micros(now);
        let missing = if self.missing.is_empty() { None } else { self.missing.get(key()) };
        let breakers = [Some(&self.own), Some(&self.credential.0), missing];
        let closed = breakers.into_iter().flatten().filter_map(|breaker| breaker.state().closed_until(now));
        closed.max().map(|until| Rule::CoolingDown { until: clock::instant(until) })
    }

    /// Attempts made.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Attempts that failed by the vendor's fault: that of the deployment, its key or one of its models.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Failures of the deployment itself since its last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.consecutive_failures.load(Ordering::Relaxed)
    }

    /// Books an attempt that gave an answer.
    pub(crate) fn succeeded(&self, ticket: &mut Ticket) {
        // Read first: in good times nobody writes to the shared line.
        if self.consecutive_failures.load(Ordering::Relaxed) != 0 {
            self.consecutive_failures.store(0, Ordering::Relaxed);
        }
        if !ticket.is_awaited() {
            return;
        }
        let now = clock::micros(clock::now());
        let awaited = std::mem::replace(ticket, ticket.spent());
        let over =
            |breaker: &Breaker, token: Option<Token>| token.is_some_and(|token| breaker.succeed(now, token));
        if over(&self.own, awaited.own) {
            self.counts.clear();
            self.tell_recovered(Scope::Deployment);
        }
        if over(&self.credential.0, awaited.credential) {
            self.tell_recovered(Scope::Key);
        }
        if self.missing.get(ticket.key).is_some_and(|breaker| over(breaker, awaited.model)) {
            self.tell_recovered(Scope::Model);
        }
    }

    /// Books an attempt that failed. A client's own mistake does not count.
    pub(crate) fn failed(&self, ticket: &mut Ticket, error: &Error) {
        let now = clock::now();
        let awaited = std::mem::replace(ticket, ticket.spent());
        if let Some(scope) = blame::scope(error, awaited.key != 0) {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.last_error.set(error);
            if scope == Scope::Deployment {
                self.consecutive_failures.fetch_add(1, Ordering::Relaxed);
            }
            self.judge(&awaited, scope, error, now);
        }
        // What was benched just now has another word; the rest has learnt nothing.
        self.abandon(&awaited, now);
    }

    /// Books an attempt of which nobody knows how it would have ended.
    pub(crate) fn abandon(&self, ticket: &Ticket, now: Instant) {
        let now = clock::micros(now);
        let back = |breaker: &Breaker, token: Option<Token>| {
            if let Some(token) = token {
                breaker.abandon(now, token);
            }
        };
        back(&self.own, ticket.own);
        back(&self.credential.0, ticket.credential);
        if let Some(breaker) = self.missing.get(ticket.key) {
            back(breaker, ticket.model);
        }
    }

    fn judge(&self, ticket: &Ticket, scope: Scope, error: &Error, now: Instant) {
        let settings = self.settings();
        if !settings.enabled {
            return;
        }
        let token = match scope {
            Scope::Deployment => ticket.own,
            Scope::Key => ticket.credential,
            Scope::Model => ticket.model,
        };
        let judgement = Judgement {
            settings,
            error,
            scope,
            state: self.own.state(),
            attempts: self.attempts(),
            consecutive: self.consecutive_failures(),
            siblings: self.siblings.load(Ordering::Relaxed),
        };
        let micros = clock::micros(now);
        let Some(strict) = self.counts.bench(&judgement, micros, token.is_some()) else { return };
        let breaker = match scope {
            Scope::Deployment => &self.own,
            Scope::Key => &self.credential.0,
            Scope::Model => self.missing.get_or_insert(ticket.key),
        };
        let hint = error.retry_after();
        let before = breaker.state();
        let benched = breaker.trip(micros, token, |streak| settings.cooldown.sentence(hint, streak, strict));
        self.tell_elsewhere(scope, before, breaker.state(), micros);
        if let (Some(benched), Some(watch)) = (benched, self.watch.get()) {
            watch.benched(&Bench {
                scope,
                error: error.kind(),
                status: error.status(),
                length: Duration::from_micros(benched.until.saturating_sub(micros)),
                fresh: benched.fresh,
            });
        }
    }

    fn tell_recovered(&self, scope: Scope) {
        self.tell_recovered_elsewhere(scope);
        if let Some(watch) = self.watch.get() {
            watch.recovered(scope);
        }
    }

    /// The part of its usual traffic that it may have: 1, but less while it is benched or has just come back.
    pub fn readiness(&self, now: Instant) -> f64 {
        let state = self.own.state();
        if state.phase == Phase::Well {
            return 1.0;
        }
        standing::readiness(state, clock::micros(now), self.settings().slow_start)
    }

    /// How it stands, for people and monitors.
    pub fn standing(&self, now: Instant) -> Standing {
        let missing = self.missing.breakers().filter(|_| !self.many).map(Breaker::state);
        let states: Vec<State> =
            [self.own.state(), self.credential.0.state()].into_iter().chain(missing).collect();
        let benched = states.iter().any(|state| !matches!(state.phase, Phase::Well | Phase::Recovering));
        let last_error = self.last_error.get().filter(|_| benched || self.consecutive_failures() > 0);
        Standing::of(&states, clock::micros(now), self.settings().slow_start, last_error)
    }
}

/// How long a probe may take before another one is sent: as long as the longest bench.
fn lease(settings: &HealthSettings) -> u64 {
    clock::of(settings.cooldown.most().max(Duration::from_secs(5)))
}

/// How long a deployment must have been up until its benches are forgotten.
fn forget(settings: &HealthSettings) -> u64 {
    clock::of(settings.slow_start.max(settings.cooldown.most().saturating_mul(2)))
}
