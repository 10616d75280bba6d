//! Money that may be spent in a period: held before a call, settled after it.
//!
//! A counter is two atomics: what is spent or held together, which a hold may never bring above the cap, and what is
//! spent, for those who look. A period that ends leaves its counter behind and begins another: what was held in the old
//! one settles there.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use arc_swap::ArcSwap;
use llm_core::money::NanoDollars;

use crate::duration::{BudgetDuration, Period};
use crate::subject::Subject;
use crate::time::Timestamp;

/// One budget of a subject.
#[derive(Debug)]
pub struct Counter {
    subject: Subject,
    model: Option<Arc<str>>,
    duration: Option<BudgetDuration>,
    anchor: Timestamp,
    zone: Option<Arc<str>>,
    now: ArcSwap<Books>,
}

/// Nano-dollars of one period.
#[derive(Debug)]
struct Books {
    period: Period,
    /// Spent or held.
    taken: AtomicI64,
    spent: AtomicI64,
}

/// Money that is held for a call. Dropping it gives all of it back.
#[derive(Debug)]
pub struct Hold {
    counter: Arc<Counter>,
    books: Arc<Books>,
    amount: i64,
}

/// Why a budget refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose budget.
    pub subject: Subject,
    /// The model of a single model's budget.
    pub model: Option<Arc<str>>,
    /// What may be spent.
    pub cap: NanoDollars,
    /// What was spent.
    pub spent: NanoDollars,
    /// What is neither spent nor held.
    pub left: NanoDollars,
    /// When the next period begins.
    pub until: Option<Timestamp>,
}

impl Counter {
    /// A counter whose running period has spent this much already.
    pub fn new(
        subject: Subject,
        model: Option<Arc<str>>,
        duration: Option<BudgetDuration>,
        (anchor, zone): (Timestamp, Option<Arc<str>>),
        (period, spent): (Period, NanoDollars),
    ) -> Self {
        let books = ArcSwap::from_pointee(Books::new(period, spent));
        Self { subject, model, duration, anchor, zone, now: books }
    }

    /// Holds an amount under a cap.
    ///
    /// # Errors
    /// [`Refusal`] when what is spent and held does not leave so much.
    pub fn hold(
        self: &Arc<Self>,
        amount: NanoDollars,
        cap: Option<NanoDollars>,
        at: Timestamp,
    ) -> Result<Hold, Refusal> {
        let books = self.books(at);
        let cap = cap.map_or(i64::MAX, |cap| cap.0);
        let wanted = amount.0.max(0);
        let taken = books.taken.fetch_update(AcqRel, Acquire, |taken| {
            let after = taken.checked_add(wanted)?;
            // Even a call that is free needs a budget that is not used up.
            (after <= cap && taken < cap).then_some(after)
        });
        match taken {
            Ok(_) => Ok(Hold { counter: Arc::clone(self), books, amount: wanted }),
            Err(taken) => Err(Refusal {
                subject: self.subject.clone(),
                model: self.model.clone(),
                cap: NanoDollars(cap),
                spent: NanoDollars(books.spent.load(Relaxed)),
                left: NanoDollars(cap.saturating_sub(taken).max(0)),
                until: books.period.end,
            }),
        }
    }

    /// What was spent in the running period.
    pub fn spent(&self, at: Timestamp) -> NanoDollars {
        NanoDollars(self.books(at).spent.load(Relaxed))
    }

    /// What is neither spent nor held under a cap.
    pub fn left(&self, cap: NanoDollars, at: Timestamp) -> NanoDollars {
        NanoDollars(cap.0.saturating_sub(self.books(at).taken.load(Acquire)).max(0))
    }

    /// The running period.
    pub fn period(&self, at: Timestamp) -> Period {
        self.books(at).period
    }

    /// Books of the period that a moment is in; made when the last ones ended.
    fn books(&self, at: Timestamp) -> Arc<Books> {
        loop {
            let books = self.now.load_full();
            // A clock that was set back does not open an old period again.
            if books.period.end.is_none_or(|end| at < end) {
                return books;
            }
            let Some(duration) = self.duration else { return books };
            let next =
                Arc::new(Books::new(duration.period(self.anchor, self.zone.as_deref(), at), NanoDollars(0)));
            self.now.compare_and_swap(&books, next);
        }
    }
}

impl Books {
    fn new(period: Period, spent: NanoDollars) -> Self {
        Self { period, taken: AtomicI64::new(spent.0), spent: AtomicI64::new(spent.0) }
    }
}

impl Hold {
    /// Whose budget it is.
    pub fn subject(&self) -> &Subject {
        &self.counter.subject
    }

    /// The model of a single model's budget.
    pub fn model(&self) -> Option<&Arc<str>> {
        self.counter.model.as_ref()
    }

    /// The period that it is held in.
    pub fn period(&self) -> Period {
        self.books.period
    }

    /// Puts what was really spent in place of what was held. Returns what was spent in the period until now.
    pub fn settle(mut self, cost: NanoDollars) -> NanoDollars {
        let held = std::mem::take(&mut self.amount);
        let spent = self.books.spent.fetch_add(cost.0, AcqRel).saturating_add(cost.0);
        self.books.taken.fetch_add(cost.0.saturating_sub(held), AcqRel);
        NanoDollars(spent)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.amount != 0 {
            self.books.taken.fetch_sub(self.amount, AcqRel);
        }
    }
}
