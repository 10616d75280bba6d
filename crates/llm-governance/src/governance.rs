//! Who asks, whether they may, and what it takes from them: the three questions that a gateway has.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use llm_core::{Result, Secret};

use crate::account::Accounts;
use crate::admission::{BudgetMode, Extra, Unpriced, Want};
use crate::callers::{CallerSettings, Callers};
use crate::events::{Events, NoEvents};
use crate::ledger::{Ledger, NoLedger};
use crate::limit::Windows;
use crate::means::Means;
use crate::principal::Principal;
use crate::shared::{SharedCounters, WithoutShared};
use crate::store::{Directory, NoDirectory};
use crate::terms::Terms;
use crate::token::Tokens;

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
    /// Terms of customers who have no budget of their own.
    pub customers: Option<Terms>,
    /// Terms of tags that nobody made, by name.
    pub tags: BTreeMap<String, Terms>,
    /// What is held before a call.
    pub mode: BudgetMode,
    /// What happens to calls for a model whose price nobody knows.
    pub unpriced: Unpriced,
    /// How windows of limits move.
    pub windows: Windows,
    /// Who is told of budgets that are crossed.
    pub events: Arc<dyn Events>,
    /// Counters that several gateways share.
    pub shared: Option<Arc<dyn SharedCounters>>,
    /// How callers are kept in memory.
    pub callers: CallerSettings,
    /// What happens while those cannot be asked.
    pub without_shared: WithoutShared,
    /// Tokens of identity providers that are as good as keys.
    pub tokens: Option<Arc<Tokens>>,
}

impl Default for GovernanceParts {
    fn default() -> Self {
        Self {
            master_key: None,
            directory: Arc::new(NoDirectory),
            ledger: Arc::new(NoLedger),
            global: Terms::default(),
            customers: None,
            tags: BTreeMap::new(),
            mode: BudgetMode::default(),
            unpriced: Unpriced::default(),
            windows: Windows::default(),
            events: Arc::new(NoEvents),
            shared: None,
            callers: CallerSettings::default(),
            without_shared: WithoutShared::default(),
            tokens: None,
        }
    }
}

/// What may change while a gateway runs: all of it at once, by [`Governance::apply`].
#[derive(Clone, Default)]
pub struct Rules {
    /// The key of the administrator; `None`: whoever shows no key may do everything.
    pub master_key: Option<Secret>,
    /// Terms of the whole gateway.
    pub global: Terms,
    /// Terms of customers who have no budget of their own.
    pub customers: Option<Terms>,
    /// Terms of tags that nobody made, by name.
    pub tags: BTreeMap<String, Terms>,
    /// What is held before a call. Averages are kept only where it was [`BudgetMode::Estimate`] from the start.
    pub mode: BudgetMode,
    /// What happens to calls for a model whose price nobody knows.
    pub unpriced: Unpriced,
    /// What happens while counters that gateways share cannot be asked.
    pub without_shared: WithoutShared,
    /// Tokens of identity providers that are as good as keys.
    pub tokens: Option<Arc<Tokens>>,
}

impl Rules {
    /// Whether callers that were looked up under these are the same under others.
    fn mean_the_same_callers(&self, others: &Self) -> bool {
        let tokens = |rules: &Self| rules.tokens.as_ref().map(Arc::as_ptr);
        self.global == others.global
            && self.customers == others.customers
            && self.tags == others.tags
            && tokens(self) == tokens(others)
    }
}

/// Who may ask, for what, and for how much.
pub struct Governance {
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) shared: Option<Arc<dyn SharedCounters>>,
    pub(crate) accounts: Accounts,
    pub(crate) administrator: ArcSwapOption<Principal>,
    pub(crate) callers: Callers,
}

impl Governance {
    /// Governance that nothing was asked of yet.
    pub fn new(parts: GovernanceParts) -> Self {
        let means = (parts.mode == BudgetMode::Estimate).then(Means::default);
        let accounts = Accounts::new(parts.windows, Arc::clone(&parts.events), means);
        let callers = Callers::new(&parts.callers);
        let rules = Rules {
            master_key: parts.master_key,
            global: parts.global,
            customers: parts.customers,
            tags: parts.tags,
            mode: parts.mode,
            unpriced: parts.unpriced,
            without_shared: parts.without_shared,
            tokens: parts.tokens,
        };
        Self {
            rules: ArcSwap::from_pointee(rules),
            directory: parts.directory,
            ledger: parts.ledger,
            shared: parts.shared,
            accounts,
            administrator: ArcSwapOption::empty(),
            callers,
        }
    }

    /// What holds now.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// From now on this holds. Callers in memory are looked up again before they are used; what was spent, and what
    /// calls under way hold, stays.
    pub fn apply(&self, rules: Rules) {
        let rules = Arc::new(rules);
        let before = self.rules.swap(Arc::clone(&rules));
        // In this order: who was looked up under the old rules is not kept.
        if !rules.mean_the_same_callers(&before) {
            self.forget_rules();
        }
    }

    /// Where rows go.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// The meters of everybody.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Whether calls are of no interest: nobody has keys or limits, and no row is kept.
    pub fn is_idle(&self) -> bool {
        !self.ledger.keeps_rows() && self.directory.is_empty() && self.rules.load().global == Terms::default()
    }

    /// What is held before a call.
    pub fn mode(&self) -> BudgetMode {
        self.rules.load().mode
    }

    /// The customer of a request, and the tags of it and of its caller, that have terms.
    pub(crate) async fn extras(&self, principal: &Principal, want: &Want<'_>) -> Result<Extra> {
        let mut extras = Extra::new();
        if let Some(id) = want.customer {
            extras.extend(self.customer(id).await?);
        }
        for name in principal.tags().chain(want.tags.iter().map(String::as_str)) {
            extras.extend(self.tag(name).await?);
        }
        for account in &extras {
            account.check()?;
            account.check_model(want.model)?;
        }
        Ok(extras)
    }
}
