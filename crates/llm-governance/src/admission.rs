//! What a call may take from everybody behind it: taken before the call, settled after it, given back when it is
//! dropped.

use std::cell::LazyCell;
use std::sync::Arc;

use llm_core::money::NanoDollars;
use smallvec::SmallVec;

use crate::account::Account;
use crate::events::{self, BudgetEvent};
use crate::headers::LimitStanding;
use crate::ledger::{ChargeRef, IdRef};
use crate::meter::State;
use crate::principal::Principal;
use crate::refusal::{Refusal, Refused};
use crate::shared::{SharedCounters, SharedLease, SharedVerdict, SharedWant};
use crate::taking::{self, Ask, Piece, Pieces, Taken};
use crate::time::Timestamp;

/// What is held before a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BudgetMode {
    /// The most that the call can cost: a budget is never passed.
    #[default]
    Strict,
    /// The same, and the answer is made as short as what is left can pay.
    Clamp,
    /// What such calls cost on average: calls under way may pass the budget together.
    Estimate,
}

/// What happens to calls for a model whose price nobody knows, where a budget has to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unpriced {
    /// They are refused.
    #[default]
    Refuse,
    /// They cost nothing.
    Free,
}

/// What a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// The model's public name.
    pub model: &'a str,
    /// The customer that the request names.
    pub customer: Option<&'a str>,
    /// Tags of the request, besides those of the caller.
    pub tags: &'a [String],
    /// Tokens of prompt and answer, at most or by estimate.
    pub tokens: u64,
    /// What the call can cost, at most or by estimate; `None`: nobody knows the price.
    pub cost: Option<NanoDollars>,
    /// When. What is longer ago than a second is taken for now.
    pub at: Timestamp,
}

/// What a call took. Dropping it gives everything back but its request.
#[derive(Debug)]
pub struct Admission {
    pub(crate) principal: Arc<Principal>,
    extra: Extra,
    /// The model, where anything of the call is counted by it.
    pub(crate) model: Box<str>,
    at: Timestamp,
    held: Option<NanoDollars>,
    pub(crate) pieces: Pieces,
    /// What it took of what gateways share.
    lease: Option<Box<dyn SharedLease>>,
    /// [`crate::account::House::begun`] when it was taken.
    begun: u64,
    settled: bool,
}

/// The accounts of a call that are not the caller's.
pub(crate) type Extra = SmallVec<[Arc<Account>; 2]>;

impl Admission {
    /// Of a call that has taken nothing yet.
    pub(crate) fn of(principal: &Arc<Principal>, mut extra: Extra, at: Timestamp) -> Self {
        let is_behind =
            |account: &Account| principal.accounts.iter().any(|own| own.subject == account.subject);
        extra.retain(|account| !is_behind(account));
        extra.sort_unstable_by(|one, next| one.subject.cmp(&next.subject));
        extra.dedup_by(|next, one| next.subject == one.subject);
        let principal = Arc::clone(principal);
        let begun = principal.accounts.first().map_or(0, |account| account.house.begun());
        let (model, pieces) = (Box::default(), Pieces::new());
        Self { principal, extra, model, at, held: None, pieces, lease: None, begun, settled: false }
    }

    /// Takes what is asked for, beside or in place of what it has.
    pub(crate) fn take(&mut self, ask: &Ask<'_>) -> Result<(), Refused> {
        let mut pieces = self.pieces.clone();
        let accounts = self.accounts().map(Arc::as_ref);
        let held = taking::take(accounts, ask, &mut pieces).map_err(Refused::Limit)?;
        self.keep(pieces, held);
        Ok(())
    }

    /// What it would take, and how much money that is.
    pub(crate) fn look(&self, ask: &Ask<'_>) -> Result<(i64, Vec<SharedWant>), Refused> {
        taking::look(self.accounts().map(Arc::as_ref), ask, &self.pieces).map_err(Refused::Limit)
    }

    /// A refusal of all gateways together, with what this one knows besides.
    pub(crate) fn explain(&self, refusal: Refusal, ask: &Ask<'_>) -> Refusal {
        let whose = self.accounts().find(|account| account.subject == refusal.subject);
        let alias = whose.and_then(|account| account.alias.as_deref().map(str::to_owned));
        Refusal { alias, limits: taking::stand(self.accounts().map(Arc::as_ref), ask), ..refusal }
    }

    /// Takes what all gateways together have granted.
    pub(crate) fn count(&mut self, ask: &Ask<'_>, amount: i64, left: &[u64]) {
        let mut pieces = self.pieces.clone();
        taking::count(self.accounts().map(Arc::as_ref), ask, (amount, left), &mut pieces);
        self.keep(pieces, amount);
    }

    fn keep(&mut self, pieces: Pieces, held: i64) {
        let holds_money = pieces.iter().any(|piece| matches!(piece.taken, Taken::Money { .. }));
        self.held = holds_money.then_some(NanoDollars(held));
        self.pieces = pieces;
    }

    pub(crate) async fn ask_elsewhere(
        &mut self,
        shared: &dyn SharedCounters,
        wants: &[SharedWant],
    ) -> SharedVerdict<()> {
        if let Some(lease) = &mut self.lease {
            return lease.raise(wants).await;
        }
        shared.reserve(wants).await.map(|lease| self.lease = Some(lease))
    }

    /// Nobody could be asked: what the call costs is told when somebody can.
    pub(crate) fn tell_later(&mut self, shared: &dyn SharedCounters, wants: &[SharedWant]) {
        if self.lease.is_none() {
            self.lease = shared.alone(wants);
        }
    }

    /// Everybody behind the call, in order.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.principal.accounts.iter().chain(&self.extra)
    }

    /// How much money is held; `None`: none of the budgets behind the call is counted.
    pub fn held(&self) -> Option<NanoDollars> {
        self.held
    }

    /// Whose budgets a cost is booked into.
    pub fn charges(&self, cost: NanoDollars) -> SmallVec<[ChargeRef<'_>; 4]> {
        let mut charges = SmallVec::new();
        for (place, account) in (0..=u8::MAX).zip(self.accounts()) {
            let charge = |model, period| {
                let (scope, id) = (account.subject.scope, IdRef::from(&account.subject.id));
                ChargeRef { scope, id, model, period, amount: cost }
            };
            let held = self.pieces_of(place).filter_map(|piece| match &piece.taken {
                Taken::Money { budget, hold } => {
                    Some((account.planned.budgets.get(*budget as usize)?, hold.period()))
                }
                _ => None,
            });
            let own = charges.len();
            charges.extend(held.map(|(budget, period)| charge(budget.model.as_deref(), period)));
            if account.counts_plainly() {
                continue;
            }
            let plain = account.plain_period(self.at);
            let is_plain = |one: &ChargeRef<'_>| one.model.is_none() && one.period == plain;
            if !charges[own..].iter().any(is_plain) {
                charges.insert(own, charge(None, plain));
            }
        }
        charges
    }

    /// How the limits behind the call stood when it was let through.
    pub fn limits(&self) -> Vec<LimitStanding> {
        let mut standings = Vec::with_capacity(self.pieces.len());
        for (place, account) in (0..=u8::MAX).zip(self.accounts()) {
            for piece in self.pieces_of(place) {
                match piece.taken {
                    Taken::Flow { limit, used, resets, .. } => {
                        let limit = account.planned.limits.get(limit as usize);
                        standings.extend(
                            limit
                                .into_iter()
                                .flat_map(|limit| taking::of_limit(account, limit, used, resets)),
                        );
                    }
                    Taken::Slot { left } => {
                        let most = account.terms.max_parallel_requests.unwrap_or_default();
                        standings.push(taking::of_slots(account, most, left));
                    }
                    Taken::Money { .. } => {}
                }
            }
        }
        standings
    }

    /// Puts what was really used in place of what was held. Once: whatever is said after the first time changes
    /// nothing.
    pub fn settle(&mut self, cost: NanoDollars, tokens: u64) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let cost = NanoDollars(cost.0.max(0));
        if let Some(mut lease) = self.lease.take() {
            lease.settle(tokens, cost);
        }
        // One look at the clock for all, where anybody has books at all.
        let now: LazyCell<Timestamp> = LazyCell::new(Timestamp::now);
        let mut events = Vec::new();
        for (place, account) in (0..=u8::MAX).zip(self.accounts()) {
            self.settle_one((place, account), (cost, tokens), &now, &mut events);
        }
        if let Some(account) = self.principal.accounts.first() {
            let caller = self.principal.key();
            if let Some(means) = account.house.means.as_ref().filter(|_| cost.0 > 0) {
                means.learn(&self.model, caller.as_ref().map(|key| key.0.as_slice()), cost.0);
            }
            events.iter().for_each(|event| account.house.events.crossed(event));
        }
    }

    fn settle_one(
        &self,
        (place, account): (u8, &Arc<Account>),
        (cost, tokens): (NanoDollars, u64),
        now: &LazyCell<Timestamp>,
        events: &mut Vec<BudgetEvent>,
    ) {
        let Some(meter) = &account.meter else {
            account.note(cost);
            // The first cap of a subject may be younger than the call.
            if account.house.begun() != self.begun
                && let Some(meter) = account.house.find(&account.subject)
            {
                let mut state = meter.lock();
                self.settle_late(&mut state, &[], cost);
                state.touch(**now);
            }
            return;
        };
        let mut state = meter.lock();
        let mut settled: SmallVec<[u32; 4]> = SmallVec::new();
        for piece in self.pieces_of(place) {
            if let Taken::Money { budget, hold } = &piece.taken
                && let Some(budget) = account.planned.budgets.get(*budget as usize)
            {
                settled.push(budget.book);
                let books = state.books_of(budget);
                books.settle(hold, cost.0);
                let news = events::news(budget, books, (cost.0 > hold.amount, self.at));
                events.extend(news.map(|threshold| BudgetEvent {
                    subject: account.subject.clone(),
                    alias: account.alias.as_deref().map(str::to_owned),
                    model: budget.model.clone(),
                    threshold,
                    cap: budget.cap(self.at),
                    soft: budget.soft,
                    spent: books.spent(),
                    period: books.period(),
                }));
            }
            give_back(&mut state, account, piece, tokens);
        }
        self.settle_late(&mut state, &settled, cost);
        if !state.books.is_empty() {
            state.touch(**now);
        }
    }

    /// Books that are younger than the call, or of terms that were changed since, count it as well.
    fn settle_late(&self, state: &mut State, settled: &[u32], cost: NanoDollars) {
        for (index, books) in (0..).zip(state.books.iter_mut()) {
            if !settled.contains(&index) && books.name.concerns(&self.model) {
                books.late(self.at, cost.0);
            }
        }
    }

    fn pieces_of(&self, place: u8) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(move |piece| piece.account == place)
    }

    /// Nothing was used: all but the request is given back.
    fn release(&mut self) {
        for (place, account) in (0..=u8::MAX).zip(self.accounts()) {
            let mut pieces = self.pieces_of(place).peekable();
            let Some(meter) = account.meter.as_ref().filter(|_| pieces.peek().is_some()) else { continue };
            let mut state = meter.lock();
            for piece in pieces {
                if let Taken::Money { budget, hold } = &piece.taken
                    && let Some(budget) = account.planned.budgets.get(*budget as usize)
                {
                    state.books_of(budget).settle(hold, 0);
                }
                give_back(&mut state, account, piece, 0);
            }
        }
    }
}

/// Gives back what is not money, but for the tokens that were used.
fn give_back(state: &mut State, account: &Account, piece: &Piece, tokens: u64) {
    match piece.taken {
        Taken::Money { .. } => {}
        Taken::Slot { .. } => state.slots = state.slots.saturating_sub(1),
        Taken::Flow { limit, mut ticket, .. } => {
            let Some(limit) = account.planned.limits.get(limit as usize) else { return };
            if let Some(window) = state.flow_of(limit).begun() {
                window.settle(&mut ticket, tokens);
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if !self.settled {
            self.release();
        }
    }
}

#[cfg(all(test, loom))]
mod interleavings;
