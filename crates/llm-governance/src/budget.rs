//! Money of one period of a budget: what is spent, and what is held for calls under way.
//!
//! A period that ends leaves nothing behind: what was held in it settles in its row of the ledger only.

use std::sync::Arc;

use llm_core::money::NanoDollars;

use crate::authorise::matches;
use crate::duration::{BudgetDuration, Period};
use crate::terms::Terms;
use crate::time::Timestamp;

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;

/// A cap, and which books it holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What may be spent at all times; `None`: it is counted, and never refused.
    cap: Option<NanoDollars>,
    /// What may be spent besides, until some time.
    increase: Option<(NanoDollars, Timestamp)>,
    /// What may be spent before somebody is told.
    pub soft: Option<NanoDollars>,
    /// The model of a single model's budget, or a pattern of several.
    pub model: Option<Arc<str>>,
    /// Where its subject's meter has the books.
    pub(crate) book: u32,
}

impl Budget {
    /// What may be spent at that time; `None`: it is counted, and never refused.
    pub fn cap(&self, at: Timestamp) -> Option<NanoDollars> {
        let besides = self.increase.filter(|(_, until)| at < *until).map_or(0, |(amount, _)| amount.0);
        self.cap.map(|cap| NanoDollars(cap.0.saturating_add(besides)))
    }

    /// Whether calls for a model count.
    pub(crate) fn concerns(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|own| matches(own, model))
    }
}

/// How a budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetStanding {
    /// The model of a single model's budget.
    pub model: Option<Arc<str>>,
    /// What may be spent; `None`: it is counted, and never refused.
    pub cap: Option<NanoDollars>,
    /// What may be spent before somebody is told.
    pub soft: Option<NanoDollars>,
    /// The running period.
    pub period: Period,
    /// What was spent in it.
    pub spent: NanoDollars,
    /// What calls under way may cost.
    pub held: NanoDollars,
}

/// What a budget counts: the books are the same as long as this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BookName {
    pub model: Option<Arc<str>>,
    /// `None`: for ever.
    schedule: Option<Box<Schedule>>,
}

/// When periods begin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Schedule {
    duration: BudgetDuration,
    anchor: Timestamp,
    zone: Option<Arc<str>>,
}

/// Nano-dollars of one period.
#[derive(Debug)]
pub(crate) struct Books {
    pub name: BookName,
    start: i64,
    /// [`i64::MAX`]: never.
    end: i64,
    spent: i64,
    held: i64,
    /// What other gateways had spent and held when they were last asked.
    elsewhere: i64,
    /// Thresholds that somebody was told of, as [`crate::events`] numbers them.
    pub told: u8,
    /// An administrator changed what was spent: the directory knows it.
    pub is_doubted: bool,
    /// The second in which something was spent last; 0: not since they were begun.
    touched: u32,
}

/// Money that is held for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub amount: i64,
    start: i64,
    end: i64,
}

impl BookName {
    /// The books of a budget. Rolling periods do not depend on the time zone, those of the calendar on no start.
    pub(crate) fn new(terms: &Terms, made: Timestamp, plan: (Option<&str>, Option<BudgetDuration>)) -> Self {
        let (model, duration) = plan;
        let schedule = duration.map(|duration| {
            let is_rolling = matches!(duration, BudgetDuration::Rolling(_));
            let anchor = if is_rolling { terms.budget_start.unwrap_or(made) } else { Timestamp(0) };
            let zone = terms.budget_time_zone.as_deref().filter(|_| !is_rolling).map(Arc::from);
            Box::new(Schedule { duration, anchor, zone })
        });
        Self { model: model.map(Arc::from), schedule }
    }

    /// The period that a moment is in.
    pub(crate) fn period(&self, at: Timestamp) -> Period {
        let Some(schedule) = &self.schedule else { return Period::EVER };
        schedule.duration.period(schedule.anchor, schedule.zone.as_deref(), at)
    }

    /// Whether calls for a model are booked there.
    pub(crate) fn concerns(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|own| matches(own, model))
    }
}

impl Books {
    /// Books whose running period has spent this much already.
    pub(crate) fn new(name: BookName, period: Period, spent: NanoDollars) -> Self {
        let (start, end) = bounds(period);
        Self {
            name,
            start,
            end,
            spent: spent.0,
            held: 0,
            elsewhere: 0,
            told: 0,
            is_doubted: false,
            touched: 0,
        }
    }

    /// Opens the period that a moment is in, where the last one has ended. A clock that was set back does not open an
    /// old period again.
    pub(crate) fn turn(&mut self, at: Timestamp) {
        if at.0 < self.end || self.name.schedule.is_none() {
            return;
        }
        (self.start, self.end) = bounds(self.name.period(at));
        (self.spent, self.held, self.elsewhere, self.told) = (0, 0, 0, 0);
    }

    pub(crate) fn period(&self) -> Period {
        period(self.start, self.end)
    }

    pub(crate) fn spent(&self) -> NanoDollars {
        NanoDollars(self.spent)
    }

    pub(crate) fn held(&self) -> NanoDollars {
        NanoDollars(self.held)
    }

    /// What is neither spent nor held under a cap.
    pub(crate) fn left(&self, cap: NanoDollars) -> i64 {
        cap.0.saturating_sub(self.spent).saturating_sub(self.held).max(0)
    }

    /// The same, after what other gateways had taken when they were last asked.
    pub(crate) fn left_elsewhere(&self, cap: NanoDollars) -> i64 {
        self.left(cap).saturating_sub(self.elsewhere).max(0)
    }

    /// Learns how much of a cap all gateways together have left.
    pub(crate) fn learn(&mut self, cap: NanoDollars, left: i64) {
        self.elsewhere = self.left(cap).saturating_sub(left).max(0);
    }

    /// Holds an amount. Whether there is so much was looked at before, under the same lock.
    pub(crate) fn hold(&mut self, amount: i64) -> Hold {
        self.held = self.held.saturating_add(amount);
        Hold { amount, start: self.start, end: self.end }
    }

    /// What a hold takes of the running period.
    pub(crate) fn own(&self, hold: &Hold) -> i64 {
        if hold.start == self.start { hold.amount } else { 0 }
    }

    /// Holds so much for a call as it may cost now, more or less than before.
    pub(crate) fn change(&mut self, hold: &mut Hold, amount: i64) {
        if hold.start == self.start {
            self.held = self.held.saturating_add(amount.saturating_sub(hold.amount));
        }
        hold.amount = amount;
    }

    /// Whether nothing is held, and the rows of all that was spent are older than `stored`: the directory knows as
    /// much as these books.
    pub(crate) fn are_stored(&self, stored: Timestamp) -> bool {
        self.held == 0 && i64::from(self.touched) < stored.0.div_euclid(MICROS)
    }

    /// Something was spent at that time.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        // Until 2106; after that they are kept for ever.
        self.touched = u32::try_from(now.0.div_euclid(MICROS)).unwrap_or(u32::MAX);
    }

    /// Puts what was spent in place of what was held.
    pub(crate) fn settle(&mut self, hold: &Hold, cost: i64) {
        if hold.start == self.start {
            self.held = self.held.saturating_sub(hold.amount);
            self.spent = self.spent.saturating_add(cost);
        }
    }

    /// Books what a call cost that held nothing: these books are younger than the call.
    pub(crate) fn late(&mut self, at: Timestamp, cost: i64) {
        if self.period().contains(at) {
            self.spent = self.spent.saturating_add(cost);
        }
    }

    /// An administrator knows better what was spent.
    pub(crate) fn correct(&mut self, period: Period, spent: NanoDollars) {
        self.is_doubted = false;
        if period == self.period() {
            (self.spent, self.elsewhere) = (spent.0, 0);
        }
    }
}

impl Hold {
    pub(crate) fn period(&self) -> Period {
        period(self.start, self.end)
    }
}

fn bounds(period: Period) -> (i64, i64) {
    (period.start.0, period.end.map_or(i64::MAX, |end| end.0))
}

fn period(start: i64, end: i64) -> Period {
    Period { start: Timestamp(start), end: (end != i64::MAX).then_some(Timestamp(end)) }
}

/// The budgets of terms, with the books that each needs; none where nothing is capped. Two of the same books are one:
/// the lower cap holds.
pub(crate) fn plan(terms: &Terms, made: Timestamp) -> Vec<(BookName, Budget)> {
    let mut planned: Vec<(BookName, Budget)> = Vec::new();
    let mut add = |model: Option<&str>, duration, cap: Option<NanoDollars>, soft, is_own| {
        let name = BookName::new(terms, made, (model, duration));
        match planned.iter_mut().find(|(other, _)| *other == name) {
            Some((_, budget)) => {
                if cap.is_some_and(|cap| budget.cap.is_none_or(|own| cap < own)) {
                    (budget.cap, budget.increase) = (cap, None);
                }
            }
            None => {
                let model = name.model.clone();
                let increase = terms.temp_budget.filter(|_| model.is_none() && is_own);
                planned.push((name, Budget { cap, increase, soft, model, book: 0 }));
            }
        }
    };
    if terms.max_budget.is_some() || terms.soft_budget.is_some() {
        add(None, terms.budget_duration, terms.max_budget, terms.soft_budget, true);
    }
    for one in &terms.budget_limits {
        add(None, one.duration, Some(one.max_budget), None, false);
    }
    for (model, one) in &terms.model_max_budget {
        add(Some(model), one.duration, Some(one.max_budget), None, false);
    }
    planned
}
