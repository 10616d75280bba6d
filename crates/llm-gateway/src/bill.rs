//! Who pays for a call: the caller, what budgets hold for it, and what its row tells besides.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use llm_core::money::NanoDollars;
use llm_core::sync::Mutex;
use llm_core::{Error, ErrorKind, Result};
use llm_governance::{
    Admission, Governance, LimitStanding, Principal, Refused, StoreError, Terms, Timestamp, Want,
};
use llm_router::UnderWay;

use crate::asker::Asker;
use crate::estimate::{Estimate, Size};

/// Who pays for a call. Made when the caller is known.
pub(crate) struct Bill {
    pub governance: Arc<Governance>,
    pub caller: Arc<Principal>,
    pub asker: Asker,
    pub started: Timestamp,
    pub purse: Arc<Purse>,
    /// How large the request is, where anything of it is limited.
    pub size: OnceLock<Size>,
    /// How the limits behind it stood when it was let through, or refused, until a stream's headers have told it.
    limits: Mutex<Vec<LimitStanding>>,
}

/// What is held for a call. Whoever makes attempts for it has a share; dropping the last one gives everything back.
#[derive(Default)]
pub(crate) struct Purse {
    /// A lock that may be held while others are asked; nobody waits for it: a call does one thing at a time.
    admission: tokio::sync::Mutex<Option<Admission>>,
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
        let (size, limits) = (OnceLock::new(), Mutex::new(Vec::new()));
        Self { governance, caller, asker, started: Timestamp::now(), purse, size, limits }
    }

    /// Whether anybody may have limits or a budget for which a call must be measured: the caller, a tag of its, or
    /// somebody else whom the request names.
    pub(crate) fn is_limited(&self) -> bool {
        let names_others = self.asker.customer.is_some() || !self.asker.tags.is_empty();
        let has_tags = self.caller.tags().next().is_some();
        names_others || has_tags || self.caller.accounts.iter().any(|account| is_limited(&account.terms))
    }

    /// Holds what a call may take; where budgets do not have its whole cost any more, no less than `least`. Returns how
    /// much money is held; `None`: nobody counts it.
    ///
    /// # Errors
    /// Whose limit or budget leaves no room for it, or why no call can be booked now.
    pub(crate) async fn admit(
        &self,
        model: &str,
        (tokens, cost): (u64, Option<NanoDollars>),
        least: Option<NanoDollars>,
    ) -> std::result::Result<Option<NanoDollars>, Refused> {
        self.governance.ledger().ready().map_err(|error| Refused::Failed(unbooked(&error)))?;
        let want = self.want(model, tokens, cost);
        let admission =
            self.governance.admit_within(&self.caller, &want, least).await.inspect_err(|refused| {
                if let Some(refusal) = refused.refusal() {
                    // Those of the first model that was refused.
                    self.note_limits(refusal.limits.clone());
                }
            })?;
        self.note_limits(admission.limits());
        let held = admission.held();
        *self.purse.admission.lock().await = Some(admission);
        Ok(held)
    }

    /// The same of a call that nobody must measure.
    ///
    /// # Errors
    /// As for [`Bill::admit`].
    pub(crate) async fn admit_unmeasured(&self, model: &str) -> Result<()> {
        let admitted = self.admit(model, (0, Some(NanoDollars(0))), None).await;
        admitted.map(|_| ()).map_err(Error::from)
    }

    /// The same of a call that costs so much, whatever it uses.
    ///
    /// # Errors
    /// As for [`Bill::admit`].
    pub(crate) async fn admit_cost(&self, cost: NanoDollars) -> Result<()> {
        let admitted = self.admit("", (0, Some(cost)), None).await;
        admitted.map(|_| ()).map_err(Error::from)
    }

    /// The call goes on, with this model: holds what that can cost, and what was spent until now. Whether it may.
    pub(crate) async fn raise(&self, model: &str, estimate: &Estimate, spent: NanoDollars) -> bool {
        let mut admission = self.purse.admission.lock().await;
        let Some(admission) = &mut *admission else { return true };
        let cost = estimate.cost.map(|cost| cost + spent);
        let want = self.want(model, estimate.tokens, cost);
        self.governance.raise(admission, &want, None).await.is_ok()
    }

    fn want<'a>(&'a self, model: &'a str, tokens: u64, cost: Option<NanoDollars>) -> Want<'a> {
        Want {
            model,
            customer: self.asker.customer.as_deref(),
            tags: &self.asker.tags,
            tokens,
            cost,
            at: self.started,
        }
    }

    /// Those of the first model stay.
    fn note_limits(&self, limits: Vec<LimitStanding>) {
        let mut noted = self.limits.lock();
        if noted.is_empty() {
            *noted = limits;
        }
    }

    /// How the limits behind the call stood.
    pub(crate) fn limits<T>(&self, read: impl FnOnce(&[LimitStanding]) -> T) -> T {
        read(&self.limits.lock())
    }

    /// The same for the last time: a stream would keep it as long as it lasts.
    pub(crate) fn last_limits(&self) -> Vec<LimitStanding> {
        std::mem::take(&mut self.limits.lock())
    }

    /// What is held for the call, for whoever puts what it cost in its place.
    pub(crate) fn admission(&self) -> Option<Admission> {
        self.purse.admission.try_lock().ok().and_then(|mut admission| admission.take())
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

fn is_limited(terms: &Terms) -> bool {
    let is_capped =
        terms.max_budget.is_some() || !terms.budget_limits.is_empty() || !terms.model_max_budget.is_empty();
    is_capped
        || terms.soft_budget.is_some()
        || terms.tpm_limit.is_some()
        || terms.tpd_limit.is_some()
        || !terms.model_tpm_limit.is_empty()
}

fn unbooked(error: &StoreError) -> Error {
    let message = "calls cannot be booked now, and none may be made that is not: try again in a moment";
    Error::new(ErrorKind::Overloaded, message).with_type("no_ledger").with_detail(error.to_string())
}
