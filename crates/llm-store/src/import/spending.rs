//! What somebody had spent elsewhere, put on top of what it has spent here, once.

use llm_core::money::NanoDollars;
use llm_governance::{Directory as _, Period, Spent, Store as _, StoreError, Subject, Terms, Timestamp};
use serde_json::{Value, json};

use crate::entities::Entities;

/// What somebody has spent elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Spending {
    /// Who.
    pub subject: Subject,
    /// Its terms, with those of the budget row that they name.
    pub terms: Terms,
    /// When it was made.
    pub made: Timestamp,
    /// How much.
    pub amount: NanoDollars,
    /// When the other gateway begins its next period.
    pub resets: Option<Timestamp>,
}

/// What was taken over of it before: how much in all, and how much of the period that ran then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    amount: i64,
    start: i64,
    end: i64,
}

impl Taken {
    /// As [`Taken::write`] wrote it.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let number = |name: &str| value.get(name)?.as_i64();
        Some(Self { amount: number("amount")?, start: number("start")?, end: number("end")? })
    }

    pub(super) fn write(self) -> Value {
        json!({"amount": self.amount, "start": self.start, "end": self.end})
    }
}

impl Spending {
    /// What is taken over at that time.
    pub(super) fn taken(&self, now: Timestamp) -> Taken {
        let period = match self.resets.filter(|_| self.is_over(now)) {
            Some(resets) => Period { start: Timestamp(0), end: Some(resets) },
            None => self.period(now),
        };
        Taken { amount: self.amount.0, start: period.start.0, end: period.end.map_or(0, |end| end.0) }
    }

    /// Whether the period that the amount is of has ended: then nothing is known of the one that runs.
    fn is_over(&self, now: Timestamp) -> bool {
        self.resets.is_some_and(|resets| resets <= now)
    }

    /// Whether nothing of the amount was taken over before into this counter.
    fn began_anew(&self, before: Taken, counter: Period, now: Timestamp) -> bool {
        if counter != Period::EVER {
            return (before.start, before.end) != (counter.start.0, counter.end.map_or(0, |end| end.0));
        }
        before.end != 0 && before.end <= now.0 && !self.is_over(now)
    }

    fn period(&self, now: Timestamp) -> Period {
        let anchor = self.terms.budget_start.unwrap_or(self.made);
        let zone = self.terms.budget_time_zone.as_deref();
        self.terms.budget_duration.map_or(Period::EVER, |duration| duration.period(anchor, zone, now))
    }

    /// What the counters become: what is there already, and what was spent elsewhere since the last time.
    pub(super) async fn targets(
        &self,
        store: &Entities,
        before: Option<Taken>,
        now: Timestamp,
    ) -> Result<Vec<Spent>, StoreError> {
        let taken = self.taken(now);
        let counter = |period| Spent {
            subject: self.subject.clone(),
            model: None,
            period,
            amount: NanoDollars::default(),
        };
        let mut counters = vec![counter(Period::EVER)];
        let running = self.period(now);
        if running != Period::EVER && !self.is_over(now) {
            counters.push(counter(running));
        }
        let mut targets = counters.clone();
        store.spent(&mut counters).await?;
        for (target, there) in targets.iter_mut().zip(&counters) {
            target.amount = NanoDollars(match before {
                // A first import that did not come to its end has set it already.
                None => there.amount.0.max(taken.amount),
                Some(before) => {
                    let more = if self.began_anew(before, target.period, now) {
                        taken.amount
                    } else {
                        taken.amount.saturating_sub(before.amount)
                    };
                    there.amount.0.saturating_add(more).max(0)
                }
            });
        }
        targets.retain(|target| !counters.contains(target));
        Ok(targets)
    }
}

/// Puts counters where they are to be.
pub(super) async fn set(store: &Entities, targets: &[Spent]) -> Result<(), StoreError> {
    if targets.is_empty() { Ok(()) } else { store.set_spent(targets).await }
}
