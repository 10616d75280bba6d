//! Who pays for a call: the caller, what budgets hold for it, and what its row tells besides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Result};
use llm_governance::{Account, Admission, Charge, Governance, Principal, StoreError, Terms, Timestamp, Want};
use llm_router::UnderWay;
use parking_lot::Mutex;

use crate::asker::Asker;

/// Who pays for a call. Made when the caller is known.
pub(crate) struct Bill {
    pub governance: Arc<Governance>,
    pub caller: Arc<Principal>,
    pub asker: Asker,
    pub started: Timestamp,
    pub purse: Arc<Purse>,
}

/// What is held for a call. Whoever makes attempts for it has a share; dropping the last one gives everything back.
#[derive(Default)]
pub(crate) struct Purse {
    admission: Mutex<Option<Admission>>,
    /// Attempts that are being made.
    pub under_way: UnderWay,
    /// The client went away, and the answer is read all the same.
    left: AtomicBool,
}

impl Bill {
    pub(crate) fn new(
        governance: Arc<Governance>,
        caller: Arc<Principal>,
        asker: Asker,
        purse: Arc<Purse>,
    ) -> Self {
        Self { governance, caller, asker, started: Timestamp::now(), purse }
    }

    /// Whether anybody has limits or a budget that must be known before the call: the caller, or somebody else whom the
    /// request names.
    pub(crate) fn is_limited(&self) -> bool {
        let names_others = self.asker.customer.is_some() || !self.asker.tags.is_empty();
        names_others || self.caller.accounts.iter().any(|account| is_limited(&account.terms))
    }

    /// Whether a budget of the caller's own has an end.
    pub(crate) fn is_capped(&self) -> bool {
        self.caller.accounts.iter().any(|account| is_capped(&account.terms))
    }

    /// Holds what a call may take.
    ///
    /// # Errors
    /// Whose limit or budget leaves no room for it, or why no call can be booked now.
    pub(crate) async fn admit(&self, model: &str, tokens: u64, cost: Option<NanoDollars>) -> Result<()> {
        self.governance.ledger().ready().map_err(|error| unbooked(&error))?;
        let want = Want {
            model,
            customer: self.asker.customer.as_deref(),
            tags: &self.asker.tags,
            tokens,
            cost,
            at: self.started,
        };
        let admission = self.governance.admit(&self.caller, &want).await?;
        *self.purse.admission.lock() = Some(admission);
        Ok(())
    }

    /// What an account behind the call has spent in the running period of its budget.
    pub(crate) fn spent(&self, account: &Account) -> Option<NanoDollars> {
        account.spent(Timestamp::now())
    }

    /// What the call cost, in the place of what was held. Returns whose budgets it is booked into, and what makes it so.
    pub(crate) fn charges(&self, cost: NanoDollars) -> (Vec<Charge>, Option<Admission>) {
        let admission = self.purse.admission.lock().take();
        let charges = admission.as_ref().map(|admission| admission.charges(cost)).unwrap_or_default();
        (charges, admission)
    }
}

impl Purse {
    /// The client went away, and the answer is read all the same.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }
}

fn is_capped(terms: &Terms) -> bool {
    terms.max_budget.is_some() || !terms.budget_limits.is_empty() || !terms.model_max_budget.is_empty()
}

fn is_limited(terms: &Terms) -> bool {
    is_capped(terms)
        || terms.tpm_limit.is_some()
        || terms.tpd_limit.is_some()
        || !terms.model_tpm_limit.is_empty()
}

fn unbooked(error: &StoreError) -> Error {
    let message = "calls cannot be booked now, and none may be made that is not: try again in a moment";
    Error::new(ErrorKind::Overloaded, message).with_type("no_ledger").with_detail(error.to_string())
}
