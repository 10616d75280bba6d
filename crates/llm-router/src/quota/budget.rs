//! Money that a deployment, or all of a vendor's, may spend in a window: held before a call, settled after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::money::NanoDollars;
use llm_core::sync::Mutex;

use crate::rule::Rule;

/// Money that may be spent in a window. It is kept in memory and begins anew with the process.
#[derive(Debug)]
pub struct Budget {
    name: &'static str,
    limit: NanoDollars,
    window: Option<Duration>,
    began: Instant,
    books: Mutex<Books>,
}

/// Nano-dollars of one window.
#[derive(Debug, Default)]
struct Books {
    /// The window's number since the budget began.
    window: u64,
    spent: i64,
    held: i64,
}

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetStanding {
    /// The key that configures it.
    pub name: &'static str,
    /// What may be spent.
    pub limit: NanoDollars,
    /// What was spent in this window.
    pub spent: NanoDollars,
    /// What calls under way may cost.
    pub held: NanoDollars,
    /// When the next window begins; `None`: never.
    pub until: Option<Instant>,
}

/// Money that is held for a call. Dropping it gives all of it back.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    window: u64,
    amount: i64,
}

impl Budget {
    /// A budget under the name of the key that configures it; without a window it is never filled up again.
    pub fn new(name: &'static str, limit: NanoDollars, window: Option<Duration>) -> Self {
        let window = window.filter(|window| !window.is_zero());
        Self { name, limit, window, began: Instant::now(), books: Mutex::new(Books::default()) }
    }

    /// How it stands.
    pub fn standing(&self, now: Instant) -> BudgetStanding {
        let mut books = self.books.lock();
        self.turn(&mut books, now);
        BudgetStanding {
            name: self.name,
            limit: self.limit,
            spent: NanoDollars(books.spent),
            held: NanoDollars(books.held),
            until: self.ends(books.window),
        }
    }

    /// Holds what a call may cost. Without a known cost there must be something left.
    ///
    /// # Errors
    /// [`Rule::Full`] until the next window.
    pub(crate) fn hold(self: &Arc<Self>, cost: NanoDollars, now: Instant) -> Result<Held, Rule> {
        let mut books = self.books.lock();
        self.turn(&mut books, now);
        let taken = books.spent.saturating_add(books.held);
        if taken >= self.limit.0 || taken.saturating_add(cost.0) > self.limit.0 {
            return Err(Rule::Full { limit: self.name, until: self.ends(books.window) });
        }
        books.held = books.held.saturating_add(cost.0);
        Ok(Held { budget: Arc::clone(self), window: books.window, amount: cost.0 })
    }

    /// A new window begins with nothing spent. Calls of an older one settle nowhere.
    fn turn(&self, books: &mut Books, now: Instant) {
        let Some(window) = self.window else { return };
        let since = now.saturating_duration_since(self.began);
        let current = u64::try_from(since.as_nanos() / window.as_nanos()).unwrap_or(u64::MAX);
        if current > books.window {
            *books = Books { window: current, ..Books::default() };
        }
    }

    fn ends(&self, window: u64) -> Option<Instant> {
        let windows = u32::try_from(window).ok()?.checked_add(1)?;
        self.began.checked_add(self.window?.checked_mul(windows)?)
    }
}

impl Held {
    /// Books what a call cost; `None`: nobody knows, so it is what was held.
    pub(crate) fn settle(&mut self, cost: Option<NanoDollars>) {
        let cost = cost.map_or(self.amount, |cost| cost.0.max(0));
        self.release(cost);
    }

    fn release(&mut self, spent: i64) {
        let held = std::mem::take(&mut self.amount);
        let mut books = self.budget.books.lock();
        if books.window == self.window {
            books.held = books.held.saturating_sub(held);
            books.spent = books.spent.saturating_add(spent);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.amount != 0 {
            self.release(0);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(limit: i64) -> Arc<Budget> {
        Arc::new(Budget::new("max_budget", NanoDollars(limit), Some(Duration::from_secs(10))))
    }

    #[test]
    fn what_is_held_and_spent_never_passes_the_limit() {
        let budget = budget(100);
        let now = budget.began;
        let mut first = budget.hold(NanoDollars(60), now).expect("there is room");
        let until = Some(now + Duration::from_secs(10));
        let full = Rule::Full { limit: "max_budget", until };
        assert_eq!(budget.hold(NanoDollars(50), now).err(), Some(full.clone()));
        first.settle(Some(NanoDollars(10)));
        drop(first);
        let second = budget.hold(NanoDollars(90), now).expect("fifty were given back");
        assert_eq!(budget.hold(NanoDollars(0), now).err(), Some(full), "nothing is left");
        drop(second);
        assert_eq!(budget.standing(now).spent, NanoDollars(10));
        assert_eq!(budget.standing(now).held, NanoDollars(0));
    }

    #[test]
    fn a_window_begins_with_nothing_spent_and_late_calls_settle_nowhere() {
        let budget = budget(100);
        let mut late = budget.hold(NanoDollars(100), budget.began).expect("there is room");
        let later = budget.began + Duration::from_secs(10);
        let next = budget.hold(NanoDollars(100), later).expect("a new window");
        late.settle(Some(NanoDollars(100)));
        let standing = budget.standing(later);
        assert_eq!((standing.spent, standing.held), (NanoDollars(0), NanoDollars(100)));
        drop(next);
    }

    proptest! {
        #[test]
        fn no_order_of_holding_and_settling_passes_the_limit(
            steps in proptest::collection::vec((0..4u8, 0..60i64, 0..60i64), 0..100)
        ) {
            let budget = budget(100);
            let now = budget.began;
            let mut open: Vec<Held> = Vec::new();
            for (step, amount, part) in steps {
                match (step, open.pop()) {
                    (0, Some(mut held)) => held.settle(Some(NanoDollars(part.min(held.amount)))),
                    (1, Some(held)) => drop(held),
                    (_, popped) => {
                        open.extend(popped);
                        open.extend(budget.hold(NanoDollars(amount), now));
                    }
                }
                let standing = budget.standing(now);
                prop_assert!(standing.spent.0 + standing.held.0 <= 100);
                prop_assert_eq!(standing.held.0, open.iter().map(|held| held.amount).sum::<i64>());
            }
        }
    }
}
