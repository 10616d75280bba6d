//! Who asks, whether they may, and what it takes from them: the three questions that a gateway has.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Result, Secret};
use smallvec::SmallVec;

use crate::account::{Account, Accounts};
use crate::budget::{Hold, Refusal};
use crate::callers::{CallerSettings, Callers};
use crate::ledger::{Charge, Ledger, NoLedger};
use crate::principal::Principal;
use crate::shared::SharedCounters;
use crate::store::{Directory, NoDirectory};
use crate::terms::Terms;
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

/// What governance is made from.
pub struct GovernanceParts {
    /// The key of the administrator; `None`: whoever shows no key may do everything.
    pub master_key: Option<Secret>,
    /// Where keys are looked up.
    pub directory: Arc<dyn Directory>,
    /// Where rows go.
    pub ledger: Arc<dyn Ledger>,
    /// Terms of the whole gateway.
    pub global: Terms,
    /// What is held before a call.
    pub mode: BudgetMode,
    /// Counters that several gateways share.
    pub shared: Option<Arc<dyn SharedCounters>>,
    /// How callers are kept in memory.
    pub callers: CallerSettings,
}

impl Default for GovernanceParts {
    fn default() -> Self {
        Self {
            master_key: None,
            directory: Arc::new(NoDirectory),
            ledger: Arc::new(NoLedger),
            global: Terms::default(),
            mode: BudgetMode::default(),
            shared: None,
            callers: CallerSettings::default(),
        }
    }
}

/// Who may ask, for what, and for how much.
pub struct Governance {
    pub(crate) parts: GovernanceParts,
    pub(crate) accounts: Accounts,
    pub(crate) administrator: ArcSwapOption<Principal>,
    pub(crate) callers: Callers,
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
    /// When.
    pub at: Timestamp,
}

/// What a call took. Dropping it gives everything back.
#[derive(Debug, Default)]
pub struct Admission {
    holds: SmallVec<[Hold; 4]>,
}

impl Governance {
    /// Governance that nothing was asked of yet.
    pub fn new(parts: GovernanceParts) -> Self {
        let callers = Callers::new(&parts.callers);
        Self { parts, accounts: Accounts::default(), administrator: ArcSwapOption::empty(), callers }
    }

    /// Where rows go.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.parts.ledger
    }

    /// Whether calls are of no interest: nobody has keys or limits, and no row is kept.
    pub fn is_idle(&self) -> bool {
        !self.parts.ledger.keeps_rows()
            && self.parts.directory.is_empty()
            && self.parts.global == Terms::default()
    }

    /// What is held before a call.
    pub fn mode(&self) -> BudgetMode {
        self.parts.mode
    }

    /// Holds what a call may take from everybody behind it: all of it or nothing.
    ///
    /// # Errors
    /// [`ErrorKind::BudgetExceeded`] and [`ErrorKind::RateLimited`], naming whose limit it is.
    pub async fn admit(&self, principal: &Principal, want: &Want<'_>) -> Result<Admission> {
        let extras = self.extras(want).await?;
        let mut admission = Admission::default();
        for account in principal.accounts.iter().chain(&extras) {
            for budget in &account.budgets {
                if budget.model.as_deref().is_some_and(|model| model != want.model) {
                    continue;
                }
                let cost = want.cost.unwrap_or_default();
                let held = budget.counter.hold(cost, budget.cap, want.at);
                admission.holds.push(held.map_err(|refusal| exceeded(&refusal, cost))?);
            }
        }
        Ok(admission)
    }

    /// The customer and the tags of a request that have terms.
    async fn extras(&self, want: &Want<'_>) -> Result<SmallVec<[Arc<Account>; 2]>> {
        let mut extras = SmallVec::new();
        if let Some(id) = want.customer {
            extras.extend(self.customer(id).await?);
        }
        for name in want.tags {
            extras.extend(self.tag(name).await?);
        }
        Ok(extras)
    }
}

impl Admission {
    /// Whose budgets a cost is booked into.
    pub fn charges(&self, cost: NanoDollars) -> Vec<Charge> {
        let charge = |hold: &Hold| Charge {
            subject: hold.subject().clone(),
            model: hold.model().map(|model| model.to_string()),
            period: hold.period(),
            amount: cost,
        };
        self.holds.iter().map(charge).collect()
    }

    /// Puts what was really used in place of what was held.
    pub fn settle(&mut self, cost: NanoDollars, tokens: u64) {
        let _ = tokens;
        for hold in self.holds.drain(..) {
            hold.settle(cost);
        }
    }
}

fn exceeded(refusal: &Refusal, wanted: NanoDollars) -> Error {
    let subject = &refusal.subject;
    let of_model = refusal.model.as_ref().map(|model| format!(" for model {model}")).unwrap_or_default();
    let resets =
        refusal.until.map(|until| format!("; the next period begins {}", until.iso())).unwrap_or_default();
    let message = format!(
        "Budget has been exceeded! {}={}{of_model} Current cost: {}, Max budget: {}. The call may cost {}, {} is left{resets}",
        subject.scope.word(),
        subject.id,
        refusal.spent,
        refusal.cap,
        wanted,
        refusal.left,
    );
    Error::new(ErrorKind::BudgetExceeded, message).with_type("budget_exceeded")
}
