//! How much a deployment may be asked for: requests and tokens a minute, attempts at a time, money. Reserved before an
//! attempt, settled after it.
//!
//! What has no limit costs nothing: an unlimited deployment counts its attempts in one atomic and nothing else.

mod adaptive;
mod budget;
mod elsewhere;
mod slots;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use llm_core::Error;
use llm_core::money::NanoDollars;
use llm_core::sync::{AtomicU64, Mutex};
use llm_core::window::{Caps, Lack, MINUTE, Moment, Ticket, Unit, Window, moment};
use smallvec::SmallVec;

use crate::ask::Ask;
use crate::in_flight::Finished;
use crate::price::Price;
use crate::rule::Rule;
use crate::shared::Shared;
use crate::wait::Bell;

use adaptive::Adaptive;
use budget::Held;
use elsewhere::{Elsewhere, Leased};
use slots::Slots;

pub use budget::{Budget, BudgetStanding};

/// The answer that is reckoned with before a deployment has given any, where the request sets no limit.
const USUAL_OUTPUT: u64 = 256;

/// How much a deployment may be asked for. `None`: without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaSpec {
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Tokens a minute, prompt and answer.
    pub tpm: Option<u64>,
    /// Attempts at a time, streams included until they end.
    pub max_parallel: Option<u32>,
    /// Whether fewer attempts at a time are made when the deployment refuses or becomes slow, and more while it
    /// answers well.
    pub adaptive: bool,
}

/// How much of a deployment is in use.
#[derive(Debug)]
pub struct Quota {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    spec: QuotaSpec,
    /// What moments are counted from.
    origin: Instant,
    slots: Slots,
    window: Option<Mutex<Window>>,
    /// Before this moment there is no room for any request: read without the lock.
    no_request_before: AtomicU64,
    adaptive: Option<Adaptive>,
    budgets: Vec<Arc<Budget>>,
    price: Option<Price>,
    /// Tokens of an answer on average, in sixteenths; 0 before the first.
    mean_output: AtomicU64,
    /// Rung when something is given back, where somebody may wait for it.
    bell: OnceLock<Arc<Bell>>,
    /// What is shared with other gateways.
    elsewhere: Option<Box<Elsewhere>>,
}

/// How much of a deployment's limits is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests of the last minute.
    pub requests: u64,
    /// Tokens of the last minute, those of attempts under way by estimate.
    pub tokens: u64,
    /// How many attempts at a time there may be now, where that is limited.
    pub concurrency_limit: Option<u32>,
    /// Money.
    pub budgets: Vec<BudgetStanding>,
}

/// What an attempt may use; dropping it gives back what was not settled, but for the request itself.
#[derive(Debug)]
pub(crate) struct Reservation {
    state: Arc<State>,
    began: Instant,
    ticket: Option<Ticket>,
    held: SmallVec<[Held; 1]>,
    /// What was taken of what gateways share.
    lease: Leased,
    /// Other gateways were not asked yet.
    unconfirmed: bool,
}

impl Quota {
    pub(crate) fn new(spec: QuotaSpec, budgets: Vec<Arc<Budget>>, price: Option<Price>) -> Self {
        let windowed = spec.rpm.is_some() || spec.tpm.is_some();
        let state = State {
            spec,
            origin: Instant::now(),
            slots: Slots::default(),
            window: windowed.then(|| Mutex::new(Window::sliding(MINUTE))),
            no_request_before: AtomicU64::new(0),
            adaptive: spec.adaptive.then(|| Adaptive::new(spec.max_parallel)),
            budgets,
            price,
            mean_output: AtomicU64::new(0),
            bell: OnceLock::new(),
            elsewhere: None,
        };
        Self { state: Arc::new(state) }
    }

    /// The same, with limits that hold for several gateways together.
    pub(crate) fn sharing(mut self, shared: Option<Arc<dyn Shared>>, deployment: &str) -> Self {
        if let (Some(shared), Some(state)) = (shared, Arc::get_mut(&mut self.state)) {
            state.elsewhere = Elsewhere::of(&state.spec, shared, deployment.to_owned());
        }
        self
    }

    /// The limits.
    pub fn spec(&self) -> &QuotaSpec {
        &self.state.spec
    }

    /// Attempts that are under way, streams included until they end.
    pub fn in_flight(&self) -> u32 {
        self.state.slots.taken()
    }

    /// How many attempts at a time there may be now, where that is limited.
    pub fn concurrency_limit(&self) -> Option<u32> {
        self.state.most_at_a_time()
    }

    /// Whether requests or tokens a minute are limited.
    pub fn is_windowed(&self) -> bool {
        self.state.window.is_some()
    }

    /// How much of the limits is in use.
    pub fn standing(&self, now: Instant) -> Standing {
        let state = &self.state;
        let used = state.window.as_ref().map(|window| window.lock().used(state.moment(now)));
        let (requests, tokens) = used.unwrap_or_default();
        Standing {
            requests,
            tokens,
            concurrency_limit: state.most_at_a_time(),
            budgets: state.budgets.iter().map(|budget| budget.standing(now)).collect(),
        }
    }

    /// Whether there is certainly no room, found without a lock: for passing over many full deployments cheaply.
    /// Only an attempt shows the truth.
    pub fn glance(&self, now: Instant) -> Option<Rule> {
        let state = &self.state;
        let until = state.no_request_before.load(Relaxed);
        if until > 0 && state.moment(now) < until {
            return Some(Rule::Full { limit: "rpm", until: state.instant(until) });
        }
        if let Some(most) = state.most_at_a_time()
            && state.slots.taken() >= most
        {
            return Some(state.no_slot());
        }
        state.elsewhere.as_ref()?.glance(state.moment(now))
    }

    /// Rings this bell whenever something is given back. The first bell stays.
    pub(crate) fn ring(&self, bell: &Arc<Bell>) {
        let _ = self.state.bell.set(Arc::clone(bell));
    }

    /// What rings when something is given back, if anything does.
    pub(crate) fn bell(&self) -> Option<Arc<Bell>> {
        self.state.bell.get().map(Arc::clone)
    }

    /// Takes what an attempt may use, all of it or nothing.
    ///
    /// # Errors
    /// [`Rule::Full`].
    pub(crate) fn reserve(&self, ask: &Ask<'_>) -> Result<Reservation, Rule> {
        let state = &self.state;
        if let Some(rule) = state.elsewhere.as_ref().and_then(|one| one.glance(state.moment(ask.now))) {
            return Err(rule);
        }
        let (input, output) = state.estimate(ask);
        let held = state.hold(input, output, ask.now)?;
        let ticket = match &state.window {
            None => state.take_slot().map(|()| None),
            // The slot is taken under the lock, so that whoever finds no slot has not hidden room from others.
            Some(window) => {
                let mut window = window.lock();
                let (now, tokens) = (state.moment(ask.now), input.saturating_add(output));
                let caps = Caps { requests: state.spec.rpm, tokens: state.spec.tpm };
                match window.may_take(now, tokens, caps) {
                    Err(lack) => Err(state.full(lack)),
                    Ok(()) => state.take_slot().map(|()| window.take(now, tokens, caps).ok()),
                }
            }
        }?;
        Ok(Reservation {
            state: Arc::clone(state),
            began: ask.now,
            ticket,
            held,
            lease: None,
            unconfirmed: true,
        })
    }
}

impl State {
    fn moment(&self, now: Instant) -> Moment {
        moment(now.saturating_duration_since(self.origin))
    }

    fn instant(&self, moment: Moment) -> Option<Instant> {
        self.origin.checked_add(Duration::from_nanos(moment))
    }

    fn most_at_a_time(&self) -> Option<u32> {
        self.adaptive.as_ref().map(Adaptive::limit).or(self.spec.max_parallel)
    }

    fn take_slot(&self) -> Result<(), Rule> {
        if self.slots.take(self.most_at_a_time()) { Ok(()) } else { Err(self.no_slot()) }
    }

    fn no_slot(&self) -> Rule {
        let fixed = self.spec.max_parallel;
        let is_fixed = fixed.is_some() && fixed == self.most_at_a_time();
        let limit = if is_fixed { "max_parallel_requests" } else { "adaptive_concurrency" };
        Rule::Full { limit, until: None }
    }

    fn full(&self, lack: Lack) -> Rule {
        if let (Some(until), Unit::Requests) = (lack.until, lack.of) {
            self.no_request_before.store(until, Relaxed);
        }
        let limit = match lack.of {
            Unit::Requests => "rpm",
            Unit::Tokens => "tpm",
        };
        Rule::Full { limit, until: lack.until.and_then(|until| self.instant(until)) }
    }

    /// Tokens of prompt and answer, where anything depends on them. The answer is taken for as long as the request
    /// allows, or as answers are on average.
    fn estimate(&self, ask: &Ask<'_>) -> (u64, u64) {
        let priced = self.price.is_some() && !self.budgets.is_empty();
        let Some(inbound) = ask.inbound.filter(|_| self.spec.tpm.is_some() || priced) else { return (0, 0) };
        let output = match inbound.asked.operation.is_chat() {
            true => ask.output_tokens().unwrap_or_else(|| self.mean_output()),
            false => 0,
        };
        (ask.input_tokens(), output)
    }

    fn mean_output(&self) -> u64 {
        match self.mean_output.load(Relaxed) {
            0 => USUAL_OUTPUT,
            sixteenths => sixteenths / 16,
        }
    }

    /// Two threads may learn at once, and one of the two is lost: it is a mean.
    fn learn_output(&self, tokens: u64) {
        let known = self.mean_output.load(Relaxed);
        let tokens = tokens.min(1 << 40);
        let next = if known == 0 { tokens * 16 } else { known - known / 16 + tokens };
        self.mean_output.store(next.max(1), Relaxed);
    }

    fn hold(&self, input: u64, output: u64, now: Instant) -> Result<SmallVec<[Held; 1]>, Rule> {
        if self.budgets.is_empty() {
            return Ok(SmallVec::new());
        }
        let cost = self.price.as_ref().and_then(|price| price.of(input, output));
        let cost = cost.unwrap_or(NanoDollars(0));
        self.budgets.iter().map(|budget| budget.hold(cost, now)).collect()
    }
}

impl Reservation {
    /// Puts what was really used in place of the estimates. What an answer without usage took stays as estimated; a
    /// failure without usage took nothing.
    pub(crate) fn settle(&mut self, finished: &Finished<'_>) {
        let failed = finished.error.is_some();
        let tokens = finished.tokens.or(failed.then_some(0));
        // Without usage the estimate stands, here and elsewhere.
        self.settle_elsewhere(tokens.or(self.ticket.as_ref().map(|ticket| ticket.tokens)));
        let mut ticket = self.ticket.take();
        if let (Some(window), Some(ticket), Some(tokens)) = (&self.state.window, &mut ticket, tokens) {
            window.lock().settle(ticket, tokens);
        }
        let cost = finished.cost.or(failed.then_some(NanoDollars(0)));
        for mut held in self.held.drain(..) {
            held.settle(cost);
        }
        if let (Some(tokens), false) = (finished.output_tokens, failed)
            && (self.state.spec.tpm.is_some() || !self.state.budgets.is_empty())
        {
            self.state.learn_output(tokens);
        }
        if let (Some(adaptive), false) = (&self.state.adaptive, failed) {
            adaptive.answered(finished, self.began, self.state.slots.taken());
        }
    }

    /// The attempt failed.
    pub(crate) fn failed(&self, error: &Error) {
        if let Some(adaptive) = &self.state.adaptive {
            adaptive.failed(error, self.began, self.state.slots.taken());
        }
    }
}

impl Drop for Reservation {
    /// Nothing was used: the tokens and the money are given back, and in any case the slot.
    fn drop(&mut self) {
        if let (Some(window), Some(ticket)) = (&self.state.window, &mut self.ticket) {
            window.lock().settle(ticket, 0);
        }
        self.held.clear();
        // Before the bell rings: whoever it wakes asks elsewhere after this was said there.
        let leased = self.lease.take().is_some();
        self.state.slots.release();
        if let Some(elsewhere) = self.state.elsewhere.as_ref().filter(|_| leased) {
            elsewhere.open();
        }
        if let Some(bell) = self.state.bell.get() {
            bell.ring();
        }
    }
}

#[cfg(all(test, loom))]
mod interleavings;
#[cfg(all(test, not(loom)))]
mod tests;
