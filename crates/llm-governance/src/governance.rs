//! Who asks, whether they may, and what it takes from them: the three questions that a gateway has.

use std::sync::Arc;

use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Result, Secret};
use smallvec::SmallVec;
use tokio::sync::OnceCell;

use crate::account::{Account, Accounts};
use crate::budget::{Hold, Refusal};
use crate::hash::KeyHash;
use crate::ledger::{Charge, Ledger, NoLedger};
use crate::principal::{Principal, Role};
use crate::shared::SharedCounters;
use crate::store::{Directory, Holder, NoDirectory, StoreError};
use crate::subject::{Scope, Subject};
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
        }
    }
}

/// Who may ask, for what, and for how much.
pub struct Governance {
    parts: GovernanceParts,
    accounts: Accounts,
    administrator: OnceCell<Arc<Principal>>,
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
        Self { parts, accounts: Accounts::default(), administrator: OnceCell::new() }
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

    /// Who shows this key.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] when a key is needed and none, or a wrong one, was shown;
    /// [`ErrorKind::Overloaded`] when the store cannot be asked.
    pub async fn identify(&self, shown: Option<&[u8]>) -> Result<Arc<Principal>> {
        let Some(master) = &self.parts.master_key else { return self.administrator().await };
        let Some(shown) = shown else {
            return Err(refused("No api key passed in.").with_type("auth_error"));
        };
        if aws_lc_rs::constant_time::verify_slices_are_equal(shown, master.expose().as_bytes()).is_ok() {
            return self.administrator().await;
        }
        let hash = KeyHash::of(shown);
        let found = self.parts.directory.holder(&hash).await.map_err(|error| unreachable(&error))?;
        let Some(holder) = found else {
            let error = refused("Invalid API key provided.");
            return Err(error.with_type("token_not_found_in_db").with_param("key"));
        };
        let principal = self.principal(holder).await.map_err(|error| unreachable(&error))?;
        principal.check(Timestamp::now())?;
        Ok(principal)
    }

    /// Holds what a call may take from everybody behind it: all of it or nothing.
    ///
    /// # Errors
    /// [`ErrorKind::BudgetExceeded`] and [`ErrorKind::RateLimited`], naming whose limit it is.
    pub async fn admit(&self, principal: &Principal, want: &Want<'_>) -> Result<Admission> {
        let extra = self.extra(want).await.map_err(|error| unreachable(&error))?;
        let mut admission = Admission::default();
        for account in principal.accounts.iter().chain(&extra) {
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

    async fn administrator(&self) -> Result<Arc<Principal>> {
        let made = self.administrator.get_or_try_init(async || {
            let global = self.global().await?;
            Ok(Arc::new(Principal::administrator(Some(global))))
        });
        made.await.map(Arc::clone).map_err(|error: StoreError| unreachable(&error))
    }

    async fn global(&self) -> Result<Arc<Account>, StoreError> {
        let terms = (self.parts.global.clone(), Timestamp(0));
        self.accounts.open((Subject::global(), None), terms, &*self.parts.directory).await
    }

    /// The customer and the tags of a request that have terms.
    async fn extra(&self, want: &Want<'_>) -> Result<SmallVec<[Arc<Account>; 2]>, StoreError> {
        let mut extra = SmallVec::new();
        let directory = &*self.parts.directory;
        if let Some(id) = want.customer
            && let Some((customer, budget)) = directory.customer(id).await?
        {
            let terms = customer.terms.over(budget.as_ref().map(|row| &row.terms));
            let subject = Subject::new(Scope::Customer, id);
            extra.push(
                self.accounts
                    .open((subject, customer.alias), (terms, customer.created_at), directory)
                    .await?,
            );
        }
        for name in want.tags {
            if let Some((tag, budget)) = directory.tag(name).await? {
                let terms = tag.terms.over(budget.as_ref().map(|row| &row.terms));
                let subject = Subject::new(Scope::Tag, name.as_str());
                extra.push(self.accounts.open((subject, None), (terms, tag.created_at), directory).await?);
            }
        }
        Ok(extra)
    }

    /// The caller that a holder is, with the accounts of everybody behind it.
    async fn principal(&self, holder: Holder) -> Result<Arc<Principal>, StoreError> {
        let mut accounts: SmallVec<[Arc<Account>; 4]> = SmallVec::new();
        accounts.push(self.global().await?);
        for (subject, alias, terms, made) in behind(&holder) {
            let row = terms.budget_id.as_ref().and_then(|id| holder.budgets.iter().find(|row| row.id == *id));
            let terms = terms.over(row.map(|row| &row.terms));
            accounts.push(self.accounts.open((subject, alias), (terms, made), &*self.parts.directory).await?);
        }
        Ok(Arc::new(Principal::of(holder, accounts)))
    }
}

/// Everybody behind a key, in the order of [`Scope`], with their terms.
fn behind(holder: &Holder) -> Vec<(Subject, Option<String>, Terms, Timestamp)> {
    let mut behind = Vec::new();
    if let Some(one) = &holder.organization {
        let subject = Subject::new(Scope::Organization, one.id.as_str());
        behind.push((subject, one.alias.clone(), one.terms.clone(), one.created_at));
    }
    let user = holder.key.as_ref().and_then(|key| key.user_id.as_deref());
    if let Some(team) = &holder.team {
        let subject = Subject::new(Scope::Team, team.id.as_str());
        behind.push((subject, team.alias.clone(), team.terms.clone(), team.created_at));
        if let Some(member) = team.members.iter().find(|member| Some(member.user_id.as_str()) == user) {
            let terms = member.terms.clone().unwrap_or_default().over(Some(&team.member_terms));
            behind.push((Subject::member(&team.id, &member.user_id), None, terms, team.created_at));
        }
    }
    if let Some(one) = &holder.user {
        let subject = Subject::new(Scope::User, one.id.as_str());
        // A team pays for its keys: the user's own terms are for its own.
        let terms = if holder.team.is_none() { one.terms.clone() } else { Terms::default() };
        behind.push((subject, one.alias.clone(), terms, one.created_at));
    }
    if let Some(key) = &holder.key {
        let subject = Subject::new(Scope::Key, key.hash.hex());
        behind.push((subject, key.alias.clone(), key.terms.clone(), key.created_at));
    }
    behind
}

impl Principal {
    fn of(holder: Holder, accounts: SmallVec<[Arc<Account>; 4]>) -> Self {
        let mut principal = Self { accounts, ..Self::default() };
        if let Some(team) = &holder.team {
            principal.team_id = Some(team.id.clone());
            principal.team_alias.clone_from(&team.alias);
            principal.aliases.clone_from(&team.terms.aliases);
            principal.tags.clone_from(&team.terms.tags);
            principal.guardrails.clone_from(&team.terms.guardrails);
            principal.role = Role::Team;
        }
        if let Some(user) = &holder.user {
            principal.user_id = Some(user.id.clone());
            principal.user_email.clone_from(&user.email);
            principal.role = user.role;
        }
        if let Some(organization) = &holder.organization {
            principal.organization_id = Some(organization.id.clone());
            principal.organization_alias.clone_from(&organization.alias);
        }
        if let Some(key) = holder.key {
            principal.key = Some(key.hash);
            principal.key_name = Some(key.name);
            principal.key_alias = key.alias;
            principal.kind = key.kind;
            principal.user_id = key.user_id.or(principal.user_id);
            principal.expires = key.expires;
            principal.aliases.extend(key.terms.aliases);
            principal.tags.extend(key.terms.tags);
            principal.guardrails.extend(key.terms.guardrails);
            principal.metadata = key.terms.metadata;
        }
        if let (Some(team), Some(user)) = (&holder.team, &principal.user_id) {
            let mut members = team.members.iter();
            principal.team_admin = members
                .any(|member| member.user_id == *user && member.role == crate::entity::MemberRole::Admin);
        }
        principal
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

fn refused(what: &str) -> Error {
    let message = format!(
        "Authentication Error, {what} Send the key as `Authorization: Bearer <key>`, `x-api-key`, `api-key`, \
         `x-goog-api-key` or `x-litellm-api-key`"
    );
    Error::new(ErrorKind::Unauthenticated, message)
}

fn unreachable(error: &StoreError) -> Error {
    let message = "the store of keys cannot be asked now: try again in a moment";
    Error::new(ErrorKind::Overloaded, message).with_type("no_db_connection").with_detail(error.to_string())
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
