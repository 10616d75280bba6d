//! What a call takes of the meters behind it: all of it or nothing, under all of their locks at once.

use llm_core::money::NanoDollars;
use llm_core::sync::MutexGuard;
use llm_core::window::{Lack, Ticket, Unit};
use smallvec::SmallVec;

use crate::account::Account;
use crate::budget::{Books, Budget, Hold};
use crate::headers::{LimitStanding, LimitUnit};
use crate::limit::{self, Limit};
use crate::meter::State;
use crate::refusal::{Lacking, Refusal};
use crate::shared::SharedWant;
use crate::time::Timestamp;

mod elsewhere;

pub(crate) use elsewhere::refused as refused_elsewhere;

/// What a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub model: &'a str,
    pub tokens: u64,
    /// Nano-dollars to hold; `None`: nobody knows, and where money is capped that is a refusal.
    pub cost: Option<i64>,
    /// Where there is not so much: this much at least, and as much as there is.
    pub least: Option<i64>,
    /// What other gateways had taken when they were last asked counts as well: they cannot be asked now.
    pub is_alone: bool,
    pub at: Timestamp,
}

/// One thing that a call has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// The place of the account among those behind the call.
    pub account: u8,
    pub taken: Taken,
}

/// What it has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Taken {
    /// Money of the budget at this place of the account's.
    Money { budget: u32, hold: Hold },
    /// A request and tokens under the limit at this place of the account's.
    Flow { limit: u32, ticket: Ticket, used: [u64; 2], resets: Timestamp },
    /// A slot.
    Slot { left: u32 },
}

/// All that a call has taken: most calls of most gateways take nothing.
pub(crate) type Pieces = Vec<Piece>;

/// What is taken of one account as a rule: money, requests with tokens, and a slot.
const USUAL: usize = 3;

/// An account among those behind a call, with its meter locked.
struct Locked<'a> {
    place: u8,
    account: &'a Account,
    state: MutexGuard<'a, State>,
}

/// Takes what a call may take, and says how much money it holds then. What it has already counts; what it has and the
/// model does not need any more is given back, but for the requests.
///
/// # Errors
/// [`Refusal`], with nothing changed.
pub(crate) fn take<'a>(
    accounts: impl Iterator<Item = &'a Account>,
    ask: &Ask<'_>,
    pieces: &mut Pieces,
) -> Result<i64, Box<Refusal>> {
    let mut locked = lock(accounts);
    let amount = grant(&mut locked, ask, pieces)?;
    room(&mut locked, ask, pieces)?;
    enter(&mut locked, ask, amount, pieces);
    Ok(amount)
}

/// Whether all of it could be taken: how much money would be held then, and all that would be taken.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn look<'a>(
    accounts: impl Iterator<Item = &'a Account>,
    ask: &Ask<'_>,
    pieces: &Pieces,
) -> Result<(i64, Vec<SharedWant>), Box<Refusal>> {
    let mut locked = lock(accounts);
    let amount = grant(&mut locked, ask, pieces)?;
    room(&mut locked, ask, pieces)?;
    let mut wants = Vec::new();
    for one in &mut locked {
        elsewhere::wants((one.account, &mut one.state), ask, amount, &mut wants);
    }
    Ok((amount, wants))
}

/// Takes what was looked at, whatever is left of it here: all gateways together have said that there is room, and how
/// much is left of each want.
pub(crate) fn count<'a>(
    accounts: impl Iterator<Item = &'a Account>,
    ask: &Ask<'_>,
    (amount, left): (i64, &[u64]),
    pieces: &mut Pieces,
) {
    let mut locked = lock(accounts);
    enter(&mut locked, ask, amount, pieces);
    let mut left = left.iter().copied();
    for one in &mut locked {
        let own = pieces.iter_mut().filter(|piece| piece.account == one.place);
        elsewhere::learn((one.account, &mut one.state), own, (ask.at, &mut left));
    }
}

/// How all limits of a call stand.
pub(crate) fn stand<'a>(accounts: impl Iterator<Item = &'a Account>, ask: &Ask<'_>) -> Vec<LimitStanding> {
    standings(&mut lock(accounts), ask)
}

/// How much money is left over all budgets of a call; `None`: nothing is capped.
pub(crate) fn left<'a>(accounts: impl Iterator<Item = &'a Account>, ask: &Ask<'_>) -> Option<i64> {
    let mut left = None;
    for one in &mut lock(accounts) {
        for (_, budget) in of_model(one.account, ask.model) {
            let Some(cap) = budget.cap(ask.at) else { continue };
            let books = one.state.books_of(budget);
            books.turn(ask.at);
            let own = books.left_elsewhere(cap);
            left = Some(left.map_or(own, |left: i64| left.min(own)));
        }
    }
    left
}

/// All meters of a call, in the order of their subjects: calls that need the same ones never wait in a circle.
fn lock<'a>(accounts: impl Iterator<Item = &'a Account>) -> SmallVec<[Locked<'a>; 4]> {
    let mut metered: SmallVec<[(u8, &Account); 8]> = SmallVec::new();
    for (place, account) in (0..=u8::MAX).zip(accounts) {
        if account.meter.is_some() {
            metered.push((place, account));
        }
    }
    if !metered.is_sorted_by(|(_, one), (_, next)| one.subject < next.subject) {
        metered.sort_unstable_by(|(_, one), (_, next)| one.subject.cmp(&next.subject));
        metered.dedup_by(|(_, next), (_, one)| one.subject == next.subject);
    }
    let locked = metered.into_iter().filter_map(|(place, account)| {
        let state = account.meter.as_ref()?.lock();
        Some(Locked { place, account, state })
    });
    locked.collect()
}

/// How much money the call may hold.
fn grant(locked: &mut [Locked<'_>], ask: &Ask<'_>, pieces: &Pieces) -> Result<i64, Box<Refusal>> {
    let mut amount = ask.cost.unwrap_or_default();
    for at in 0..locked.len() {
        let Locked { place, account, state } = &mut locked[at];
        for (index, budget) in of_model(account, ask.model) {
            let books = state.books_of(budget);
            books.turn(ask.at);
            let Some(cap) = budget.cap(ask.at) else { continue };
            if ask.cost.is_none() {
                let model = Some(ask.model.into());
                let refusal = Refusal { model, ..refusal(account, Lacking::Price, ask.at) };
                return Err(Box::new(refusal));
            }
            let own = money(pieces, *place, index).map_or(0, |hold| books.own(&hold));
            let left = if ask.is_alone { books.left_elsewhere(cap) } else { books.left(cap) };
            let left = left.saturating_add(own);
            // A call that costs nothing needs nothing, even of a budget that is used up.
            if amount > 0 && (left == 0 || left < ask.least.unwrap_or(amount)) {
                let refusal = over_budget(account, budget, books, ask, amount);
                return Err(Box::new(Refusal { limits: standings(locked, ask), ..refusal }));
            }
            amount = amount.min(left);
        }
    }
    Ok(amount)
}

/// Whether the limits of a call leave room for what it does not have yet.
fn room(locked: &mut [Locked<'_>], ask: &Ask<'_>, pieces: &Pieces) -> Result<(), Box<Refusal>> {
    let now = limit::moment(ask.at);
    for at in 0..locked.len() {
        let Locked { place, account, state } = &mut locked[at];
        let most = account.terms.max_parallel_requests.filter(|_| !has_slot(pieces, *place));
        if let Some(limit) = most.filter(|limit| state.slots >= *limit) {
            let refusal = refusal(account, Lacking::Slots { limit }, ask.at);
            return Err(Box::new(Refusal { limits: standings(locked, ask), ..refusal }));
        }
        for (index, limit) in limits_of(account, ask.model) {
            if flow(pieces, *place, index).is_some() {
                continue;
            }
            let window = state.flow_of(limit).window(account.house.windows);
            if let Err(lack) = window.may_take(now, ask.tokens, limit.caps) {
                let (_, used) = window.used(now);
                let refusal = over_limit(account, limit, lack, (used, ask));
                return Err(Box::new(Refusal { limits: standings(locked, ask), ..refusal }));
            }
        }
    }
    Ok(())
}

/// Takes what is there, as was looked at before under the same locks.
fn enter(locked: &mut [Locked<'_>], ask: &Ask<'_>, amount: i64, pieces: &mut Pieces) {
    let before = std::mem::take(pieces);
    pieces.reserve(USUAL * locked.len());
    for one in locked {
        one.leave(ask.model, &before);
        one.enter(ask, amount, (&before, pieces));
    }
}

impl Locked<'_> {
    /// Gives back what was taken for another model.
    fn leave(&mut self, model: &str, before: &Pieces) {
        for piece in before.iter().filter(|piece| piece.account == self.place) {
            match piece.taken {
                Taken::Money { budget, hold } => {
                    let budget = &self.account.planned.budgets[budget as usize];
                    if !budget.concerns(model) {
                        self.state.books_of(budget).settle(&hold, 0);
                    }
                }
                Taken::Flow { limit, mut ticket, .. } => {
                    let limit = &self.account.planned.limits[limit as usize];
                    if let Some(window) = self.state.flow_of(limit).begun().filter(|_| !limit.concerns(model))
                    {
                        window.settle(&mut ticket, 0);
                    }
                }
                Taken::Slot { .. } => {}
            }
        }
    }

    fn enter(&mut self, ask: &Ask<'_>, amount: i64, (before, pieces): (&Pieces, &mut Pieces)) {
        let (place, account) = (self.place, self.account);
        let mut add = |taken| pieces.push(Piece { account: place, taken });
        for (index, budget) in of_model(account, ask.model) {
            let books = self.state.books_of(budget);
            let hold = match money(before, place, index) {
                None => books.hold(amount),
                Some(mut hold) => {
                    let amount = amount.max(hold.amount);
                    books.change(&mut hold, amount);
                    hold
                }
            };
            add(Taken::Money { budget: index, hold });
        }
        for (index, limit) in limits_of(account, ask.model) {
            add(flow(before, place, index).unwrap_or_else(|| self.flow(index, limit, ask)));
        }
        if let Some(slot) = before.iter().find(|piece| piece.account == place && piece.is_slot()) {
            add(slot.taken);
        } else if let Some(most) = account.terms.max_parallel_requests {
            self.state.slots += 1;
            add(Taken::Slot { left: most.saturating_sub(self.state.slots) });
        }
    }

    fn flow(&mut self, index: u32, limit: &Limit, ask: &Ask<'_>) -> Taken {
        let now = limit::moment(ask.at);
        let window = self.state.flow_of(limit).window(self.account.house.windows);
        let tokens = limit.caps.tokens.map_or(ask.tokens, |most| most.min(ask.tokens));
        let ticket = window.admit(now, tokens);
        let used = window.used(now).into();
        let resets = window.empties().map_or(ask.at, limit::time);
        Taken::Flow { limit: index, ticket, used, resets }
    }
}

impl Piece {
    fn is_slot(&self) -> bool {
        matches!(self.taken, Taken::Slot { .. })
    }
}

/// What a call holds of a budget.
fn money(pieces: &Pieces, place: u8, index: u32) -> Option<Hold> {
    pieces.iter().find_map(|piece| match piece.taken {
        Taken::Money { budget, hold } if piece.account == place && budget == index => Some(hold),
        _ => None,
    })
}

/// What a call has of a limit.
fn flow(pieces: &Pieces, place: u8, index: u32) -> Option<Taken> {
    let is_it = |piece: &&Piece| {
        piece.account == place && matches!(piece.taken, Taken::Flow { limit, .. } if limit == index)
    };
    pieces.iter().find(is_it).map(|piece| piece.taken)
}

fn has_slot(pieces: &Pieces, place: u8) -> bool {
    pieces.iter().any(|piece| piece.account == place && piece.is_slot())
}

fn of_model<'a>(account: &'a Account, model: &str) -> impl Iterator<Item = (u32, &'a Budget)> {
    (0..).zip(account.planned.budgets.iter()).filter(move |(_, budget)| budget.concerns(model))
}

fn limits_of<'a>(account: &'a Account, model: &str) -> impl Iterator<Item = (u32, &'a Limit)> {
    (0..).zip(account.planned.limits.iter()).filter(move |(_, limit)| limit.concerns(model))
}

fn refusal(account: &Account, lack: Lacking, at: Timestamp) -> Refusal {
    let (subject, alias) = (account.subject.clone(), account.alias.as_deref().map(str::to_owned));
    Refusal { subject, alias, model: None, lack, until: None, at, limits: Vec::new() }
}

fn over_budget(account: &Account, budget: &Budget, books: &Books, ask: &Ask<'_>, wanted: i64) -> Refusal {
    let cap = budget.cap(ask.at).unwrap_or_default();
    let (spent, left) = (books.spent(), NanoDollars(books.left(cap)));
    let wanted = NanoDollars(ask.least.unwrap_or(wanted));
    let lack = Lacking::Budget { cap, spent, left, wanted };
    let until = books.period().end;
    Refusal { model: budget.model.clone(), until, ..refusal(account, lack, ask.at) }
}

fn over_limit(account: &Account, limit: &Limit, lack: Lack, (used, ask): (u64, &Ask<'_>)) -> Refusal {
    let of_tokens = limit.caps.tokens.unwrap_or_default();
    let lacking = match lack.of {
        Unit::Requests => Lacking::Requests { limit: limit.caps.requests.unwrap_or_default() },
        Unit::Tokens => Lacking::Tokens {
            limit: of_tokens,
            left: of_tokens.saturating_sub(used),
            wanted: ask.tokens,
            is_daily: limit.is_daily,
        },
    };
    let until = lack.until.map(limit::time);
    Refusal { model: limit.model.clone(), until, ..refusal(account, lacking, ask.at) }
}

/// How all limits of a call stand that is refused.
fn standings(locked: &mut [Locked<'_>], ask: &Ask<'_>) -> Vec<LimitStanding> {
    let mut standings = Vec::new();
    let now = limit::moment(ask.at);
    for Locked { account, state, .. } in locked {
        for (_, limit) in limits_of(account, ask.model) {
            let flow = state.flow_of(limit);
            let used = flow.begun().map(|window| (window.used(now), window.empties()));
            let ((requests, tokens), empties) = used.unwrap_or_default();
            let resets = empties.map_or(ask.at, limit::time);
            standings.extend(of_limit(account, limit, [requests, tokens], resets));
        }
        if let Some(most) = account.terms.max_parallel_requests {
            standings.push(of_slots(account, most, most.saturating_sub(state.slots)));
        }
    }
    standings
}

/// How a limit stands that so much was used of.
pub(crate) fn of_limit(
    account: &Account,
    limit: &Limit,
    used: [u64; 2],
    resets: Timestamp,
) -> impl Iterator<Item = LimitStanding> {
    let tokens = if limit.is_daily { LimitUnit::TokensOfDay } else { LimitUnit::Tokens };
    let caps = [(LimitUnit::Requests, limit.caps.requests), (tokens, limit.caps.tokens)];
    let (scope, model) = (account.subject.scope, limit.model.clone());
    caps.into_iter().zip(used).filter_map(move |((unit, cap), used)| {
        let (limit, model) = (cap?, model.clone());
        let left = limit.saturating_sub(used);
        Some(LimitStanding { scope, model, unit, limit, left, resets: Some(resets) })
    })
}

pub(crate) fn of_slots(account: &Account, most: u32, left: u32) -> LimitStanding {
    let (scope, unit) = (account.subject.scope, LimitUnit::Slots);
    let (limit, left) = (u64::from(most), u64::from(left));
    LimitStanding { scope, model: None, unit, limit, left, resets: None }
}
