//! What a call takes, in the words of counters that several gateways share, and what is learnt from their answer.
//!
//! Wants stand in the order of pieces: by account its budgets, its limits (requests before tokens), its slot.

use std::time::Duration;

use llm_core::money::NanoDollars;
use llm_core::window::MINUTE;

use super::{Ask, Piece, Taken, limits_of, of_model};
use crate::account::Account;
use crate::limit::{DAY, Limit};
use crate::meter::State;
use crate::refusal::{Lacking, Refusal};
use crate::shared::{SharedLimit, SharedWant};
use crate::time::Timestamp;

/// All that a call would take of an account.
pub(super) fn wants(
    (account, state): (&Account, &mut State),
    ask: &Ask<'_>,
    amount: i64,
    wants: &mut Vec<SharedWant>,
) {
    let mut add = |model: &Option<_>, of| {
        wants.push(SharedWant { subject: account.subject.clone(), model: model.clone(), of });
    };
    for (_, budget) in of_model(account, ask.model) {
        let books = state.books_of(budget);
        let (cap, amount) = (budget.cap(ask.at), NanoDollars(amount));
        let (period, known) = (books.period(), books.spent());
        add(&budget.model, SharedLimit::Budget { cap, amount, period, known });
    }
    for (_, limit) in limits_of(account, ask.model) {
        if let Some(requests) = limit.caps.requests {
            add(&limit.model, SharedLimit::Requests { limit: requests });
        }
        if let Some(tokens) = limit.caps.tokens {
            let (amount, window) = (ask.tokens.min(tokens), if limit.is_daily { DAY } else { MINUTE });
            add(&limit.model, SharedLimit::Tokens { limit: tokens, amount, window });
        }
    }
    if let Some(limit) = account.terms.max_parallel_requests {
        add(&None, SharedLimit::Slot { limit });
    }
}

/// Puts what all gateways together have left in place of what this one thinks.
pub(super) fn learn<'a>(
    (account, state): (&Account, &mut State),
    pieces: impl Iterator<Item = &'a mut Piece>,
    (at, left): (Timestamp, &mut impl Iterator<Item = u64>),
) {
    for piece in pieces {
        match &mut piece.taken {
            Taken::Money { budget, .. } => {
                let budget = &account.planned.budgets[*budget as usize];
                if let (Some(left), Some(cap)) = (left.next(), budget.cap(at)) {
                    state.books_of(budget).learn(cap, i64::try_from(left).unwrap_or(i64::MAX));
                }
            }
            Taken::Flow { limit, used, .. } => {
                learn_flow(&account.planned.limits[*limit as usize], used, left);
            }
            Taken::Slot { left: own } => {
                *own = left.next().map_or(*own, |left| u32::try_from(left).unwrap_or(u32::MAX));
            }
        }
    }
}

fn learn_flow(limit: &Limit, used: &mut [u64; 2], left: &mut impl Iterator<Item = u64>) {
    for (cap, used) in [limit.caps.requests, limit.caps.tokens].into_iter().zip(used) {
        if let Some(cap) = cap {
            *used = left.next().map_or(*used, |left| cap.saturating_sub(left));
        }
    }
}

/// The refusal of a want.
pub(crate) fn refused(want: &SharedWant, left: u64, after: Option<Duration>, ask: &Ask<'_>) -> Refusal {
    let mut until = after.map(|after| ask.at.after(after));
    let lack = match &want.of {
        SharedLimit::Requests { limit } => Lacking::Requests { limit: *limit },
        SharedLimit::Tokens { limit, window, .. } => {
            Lacking::Tokens { limit: *limit, left, wanted: ask.tokens, is_daily: *window == DAY }
        }
        SharedLimit::Slot { limit } => Lacking::Slots { limit: *limit },
        SharedLimit::Budget { cap, amount, period, known } => {
            until = until.or(period.end);
            let left = NanoDollars(i64::try_from(left).unwrap_or(i64::MAX));
            Lacking::Budget { cap: cap.unwrap_or_default(), spent: *known, left, wanted: *amount }
        }
    };
    let (subject, model) = (want.subject.clone(), want.model.clone());
    Refusal { subject, alias: None, model, lack, until, at: ask.at, limits: Vec::new() }
}
