//! Who asks, whether they may, and what it takes from them: the three questions that a gateway has.

use std::sync::Arc;

use llm_core::{Error, ErrorKind, Result, Secret};
use smallvec::SmallVec;
use tokio::sync::OnceCell;

use crate::account::{Account, Accounts};
use crate::admission::{BudgetMode, Extra, Unpriced, Want};
use crate::events::{Events, NoEvents};
use crate::hash::KeyHash;
use crate::ledger::{Ledger, NoLedger};
use crate::limit::Windows;
use crate::means::Means;
use crate::principal::{Principal, Role};
use crate::shared::{SharedCounters, WithoutShared};
use crate::store::{Directory, Holder, NoDirectory, StoreError};
use crate::subject::{Scope, Subject};
use crate::terms::Terms;
use crate::time::Timestamp;

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
    /// What happens to calls for a model whose price nobody knows.
    pub unpriced: Unpriced,
    /// How windows of limits move.
    pub windows: Windows,
    /// Who is told of budgets that are crossed.
    pub events: Arc<dyn Events>,
    /// Counters that several gateways share.
    pub shared: Option<Arc<dyn SharedCounters>>,
    /// What happens while those cannot be asked.
    pub without_shared: WithoutShared,
}

impl Default for GovernanceParts {
    fn default() -> Self {
        Self {
            master_key: None,
            directory: Arc::new(NoDirectory),
            ledger: Arc::new(NoLedger),
            global: Terms::default(),
            mode: BudgetMode::default(),
            unpriced: Unpriced::default(),
            windows: Windows::default(),
            events: Arc::new(NoEvents),
            shared: None,
            without_shared: WithoutShared::default(),
        }
    }
}

/// Who may ask, for what, and for how much.
pub struct Governance {
    pub(crate) parts: GovernanceParts,
    accounts: Accounts,
    administrator: OnceCell<Arc<Principal>>,
}

impl Governance {
    /// Governance that nothing was asked of yet.
    pub fn new(parts: GovernanceParts) -> Self {
        let means = (parts.mode == BudgetMode::Estimate).then(Means::default);
        let accounts = Accounts::new(parts.windows, Arc::clone(&parts.events), means);
        Self { parts, accounts, administrator: OnceCell::new() }
    }

    /// Where rows go.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.parts.ledger
    }

    /// The meters of everybody.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
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
    pub(crate) async fn extra(&self, want: &Want<'_>) -> Result<Extra, StoreError> {
        let mut extra = Extra::new();
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

fn refused(what: &str) -> Error {
    let message = format!(
        "Authentication Error, {what} Send the key as `Authorization: Bearer <key>`, `x-api-key`, `api-key`, \
         `x-goog-api-key` or `x-litellm-api-key`"
    );
    Error::new(ErrorKind::Unauthenticated, message)
}

pub(crate) fn unreachable(error: &StoreError) -> Error {
    let message = "the store of keys cannot be asked now: try again in a moment";
    Error::new(ErrorKind::Overloaded, message).with_type("no_db_connection").with_detail(error.to_string())
}
