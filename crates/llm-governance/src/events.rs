//! What somebody wants to be told of budgets, once a period.

use std::sync::Arc;

use llm_core::money::NanoDollars;

use crate::budget::{Books, Budget};
use crate::duration::Period;
use crate::subject::Subject;
use crate::time::Timestamp;

/// Parts of a cap, in percent, that somebody is told of; the last one is the cap itself.
pub const PERCENT: [u8; 3] = [85, 95, 100];

/// Where events go. Called after a call has settled, with no lock held; must not block.
pub trait Events: Send + Sync + 'static {
    /// A budget has passed a threshold for the first time in its period. Every gateway tells of what it has seen.
    fn crossed(&self, event: &BudgetEvent);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl Events for NoEvents {
    fn crossed(&self, _: &BudgetEvent) {}
}

/// Something about a budget that somebody wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetEvent {
    /// Whose budget.
    pub subject: Subject,
    /// What people call it.
    pub alias: Option<String>,
    /// The model of a single model's budget.
    pub model: Option<Arc<str>>,
    /// What happened.
    pub threshold: Threshold,
    /// What may be spent, where that is limited.
    pub cap: Option<NanoDollars>,
    /// The soft budget, where there is one.
    pub soft: Option<NanoDollars>,
    /// What was spent in the period until now.
    pub spent: NanoDollars,
    /// The period.
    pub period: Period,
}

/// What a budget has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Threshold {
    /// The soft budget.
    Soft,
    /// So many hundredths of the cap, one of [`PERCENT`].
    Percent(u8),
    /// The call cost more than was held for it, and passed the cap by that.
    OverHold,
}

impl Threshold {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Soft => "soft_budget_crossed",
            Self::Percent(100) => "budget_crossed",
            Self::Percent(_) => "threshold_crossed",
            Self::OverHold => "settled_above_the_hold",
        }
    }
}

/// The thresholds that so much spending has passed, a bit each: the soft budget's, then those of [`PERCENT`].
fn passed(budget: &Budget, spent: NanoDollars, at: Timestamp) -> u8 {
    let soft = u8::from(budget.soft.is_some_and(|soft| spent >= soft));
    let Some(cap) = budget.cap(at).filter(|cap| cap.0 > 0) else { return soft };
    let of_cap = PERCENT.iter().enumerate().map(|(index, percent)| {
        let reached = i128::from(spent.0) * 100 >= i128::from(cap.0) * i128::from(*percent);
        u8::from(reached) << (index + 1)
    });
    of_cap.fold(soft, |all, one| all | one)
}

/// The bit of [`Threshold::OverHold`].
const OVER_HOLD: u8 = 0x80;

/// What is new since somebody was told last: the soft budget, the highest part of the cap, and whether the call that
/// has settled `over` its hold passed the cap.
pub(crate) fn news(
    budget: &Budget,
    books: &mut Books,
    (over, at): (bool, Timestamp),
) -> impl Iterator<Item = Threshold> + use<> {
    let over = over && budget.cap(at).is_some_and(|cap| books.spent() > cap);
    let passed = passed(budget, books.spent(), at) | if over { OVER_HOLD } else { 0 };
    let new = passed & !books.told;
    books.told |= passed;
    let soft = (new & 1 != 0).then_some(Threshold::Soft);
    let highest = PERCENT.iter().enumerate().rev().find(|(index, _)| new & (2 << index) != 0);
    let highest = highest.map(|(_, percent)| Threshold::Percent(*percent));
    let over = (new & OVER_HOLD != 0).then_some(Threshold::OverHold);
    soft.into_iter().chain(highest).chain(over)
}

/// Nobody is told again of what a budget had passed before its terms were read (again).
pub(crate) fn catch_up(budget: &Budget, books: &mut Books) {
    books.told = passed(budget, books.spent(), Timestamp::now()) | books.told & OVER_HOLD;
}
