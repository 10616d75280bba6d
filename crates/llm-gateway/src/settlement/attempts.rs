//! Attempts that gave no answer, or not the one that the client has: what they used is part of the call.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Usage};
use llm_metrics::{Cost, ModelEntry, Observation};
use llm_router::{Attempt, Deployment, Outrun, Trail};

use super::log::{quote, reason};
use super::{Outcome, Settlement, Times, milliseconds, sum};
use crate::books::Account;

impl Settlement {
    /// Books the attempts that failed before, or instead of, an answer.
    pub(crate) fn failed_attempts(&mut self, attempts: &[Attempt]) {
        self.asked |= !attempts.is_empty();
        self.attempts += attempts.len();
        self.waits_no_more();
        for attempt in attempts {
            let Some(error) = &attempt.error else { continue };
            if let Some(account) = self.books.accounts.get(&attempt.deployment) {
                account.metrics.failure(self.call.operation, error.kind(), attempt.took);
            }
            self.warn(&attempt.deployment, error, attempt.took);
        }
    }

    /// Fallbacks that were gone to, none of which answered.
    pub(crate) fn fell_back(&mut self, fallbacks: usize) {
        self.fallbacks = fallbacks;
    }

    fn warn(&self, deployment: &str, error: &Error, took: Duration) {
        tracing::warn!(
            target: "llm_gateway::attempt",
            call_id = %self.call.call_id,
            deployment,
            error = error.kind().name(),
            status = error.status(),
            detail = error.detail(),
            reason = reason(error),
            milliseconds = milliseconds(took),
            "attempt failed"
        );
        quote(&self.call.call_id, error);
    }

    /// Books attempts that were cancelled because another one was faster. What their vendors bill is not known: the
    /// prompt is taken to be billed, by its size.
    pub(crate) fn outrun(&mut self, losers: &[Outrun], group: &str) {
        for Outrun { deployment, took } in losers {
            self.prompt_alone(deployment, group, *took, "attempt outrun");
        }
    }

    /// The same of attempts that nobody waits for any more.
    pub(super) fn abandoned(&mut self) {
        let took = self.call.received.elapsed();
        let waited_for = self.relayed.as_mut().and_then(|relayed| {
            let (deployment, account) = relayed.waits_for.take()?;
            Some((deployment, account, relayed.model.clone().unwrap_or_default()))
        });
        if let Some((deployment, account, model)) = waited_for {
            let entry = account.entry_of_any(&self.books.prices, &deployment.model, &model);
            let entry = entry.map(Cow::into_owned);
            self.attempts += 1;
            self.bill_prompt(&deployment, &account, entry.as_ref(), took, "attempt abandoned");
        }
        let Some(purse) = &self.purse else { return };
        for asked in purse.under_way.asked() {
            self.attempts += 1;
            self.prompt_alone(&asked.deployment, &asked.group, took, "attempt abandoned");
        }
    }

    fn prompt_alone(&mut self, deployment: &Deployment, group: &str, took: Duration, what: &str) {
        let Some(account) = self.books.accounts.get(&deployment.id).map(Arc::clone) else { return };
        let entry = account.entry(&self.books.prices, &deployment.model_for(group)).map(Cow::into_owned);
        self.bill_prompt(deployment, &account, entry.as_ref(), took, what);
    }

    fn bill_prompt(
        &mut self,
        deployment: &Deployment,
        account: &Account,
        entry: Option<&ModelEntry>,
        took: Duration,
        what: &str,
    ) {
        let usage = Usage { input: Some(self.call.prompt.tokens()), estimated: true, ..Usage::default() };
        let priced = entry.filter(|entry| entry.price.covers(&usage));
        let cost = priced.map(|entry| entry.price.cost(&usage));
        let (operation, paid) = (self.call.operation, cost.unwrap_or_default());
        let seen = Observation { usage, cost: paid, upstream: took, ..Observation::of(operation) };
        account.metrics.broke_off(ErrorKind::Cancelled, &seen);
        tracing::info!(
            target: "llm_gateway::attempt",
            call_id = %self.call.call_id,
            deployment = %deployment.id,
            milliseconds = milliseconds(took),
            input_tokens = usage.input,
            estimated = true,
            cost_nanodollars = cost.unwrap_or_default().total.0,
            "{what}"
        );
        self.add_before(usage, cost);
    }

    fn add_before(&mut self, usage: Usage, cost: Option<Cost>) -> Usage {
        let (used, spent) = &mut **self.before.get_or_insert_default();
        used.add(&usage);
        *spent = sum(*spent, cost);
        *used
    }

    /// Makes usage and cost those of the whole call, for its row, its log line and the client.
    pub(super) fn with_before(&mut self, cost: Option<Cost>) -> Option<Cost> {
        let Some(before) = self.before.take() else { return cost };
        let (used, spent) = *before;
        self.usage.add(&used);
        sum(spent, cost)
    }

    /// The way of the call, for its row, and for operators who ask for it in logs.
    pub(crate) fn went(&mut self, trail: &Trail, attempts: &[Attempt]) {
        if !trail.is_empty() {
            let call_id = self.call.call_id.as_str();
            tracing::debug!(target: "llm_gateway::trail", call_id, %trail, "routed");
            self.way.add(trail, attempts);
        }
    }

    /// Nobody of this group, or of those after it, answered.
    pub(crate) fn meant(&mut self, group: &str) {
        self.way.meant(group);
    }

    /// The answer broke off: books what it used, as it was told before, and waits for another deployment to go on.
    /// Returns what was used so far.
    pub(crate) fn broke_off(&mut self, error: &Error) -> Usage {
        let cost = self.cost();
        let now = Instant::now();
        let upstream = self.upstream_time(now);
        let times = Times { total: now.saturating_duration_since(self.call.received), upstream };
        self.release(Outcome::Failed(error), cost, times);
        if let Some(answered) = self.answered.take() {
            self.way.broke_off(&answered.in_flight.deployment().id, error, upstream);
            let (operation, paid) = (self.call.operation, cost.unwrap_or_default());
            let seen = Observation { usage: self.usage, cost: paid, upstream, ..Observation::of(operation) };
            answered.account.metrics.broke_off(error.kind(), &seen);
            self.warn(&answered.in_flight.deployment().id, error, upstream);
        }
        let usage = std::mem::take(&mut self.usage);
        self.add_before(usage, cost)
    }
}

/// Of requests that pass as they are.
impl Settlement {
    /// The request passes as it is, and names this model of the vendor's, if any.
    pub(crate) fn relays(&mut self, model: Option<String>) {
        self.call.model = model.clone().unwrap_or_default();
        self.relayed.get_or_insert_default().model = model;
    }

    /// Such a request costs so much.
    pub(crate) fn costs(&mut self, cost: NanoDollars) {
        self.relayed.get_or_insert_default().flat = Some(cost);
    }

    /// Such a request was answered, or will not be.
    pub(super) fn waits_no_more(&mut self) {
        if let Some(relayed) = &mut self.relayed {
            relayed.waits_for = None;
        }
    }

    /// Such a request is sent to this deployment.
    pub(crate) fn waits_for(&mut self, deployment: &Arc<Deployment>, account: &Arc<Account>) {
        self.asked = true;
        self.relayed.get_or_insert_default().waits_for = Some((Arc::clone(deployment), Arc::clone(account)));
    }
}
