//! Who asks: callers by the key that they show, from memory, and from the directory where memory does not know them.
//!
//! # Behavior
//! - Whoever is known costs no wait. A caller that is not known is asked for once, however many of its calls come.
//! - What [`Changed`] names is read again before it is used; what is old is read again while it is used.
//! - A directory that cannot be asked stops nobody who is known.
//! - Keys that nobody has are refused from memory, and an address that shows many of them is refused before anybody
//!   is asked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use llm_core::{Error, ErrorKind, Result};

use crate::account::{Account, Accounts};
use crate::authorise;
use crate::changed::Changed;
use crate::governance::Governance;
use crate::hash::KeyHash;
use crate::principal::{Principal, Role};
use crate::store::{Directory, Holder, StoreError};
use crate::subject::{Scope, Subject, SubjectId};
use crate::terms::Terms;
use crate::time::Timestamp;
use crate::token::looks_like_a_token;

mod behind;
mod cache;
mod extra;
pub(crate) mod generations;
mod guesses;
mod shared;
mod token_caller;
mod unknown;

use behind::{Behind, Name, behind, names};
use cache::{Cache, Keeping, Kept};
use extra::Extra;
use generations::{Freshness, Generations, State, Tick};
use guesses::Guesses;
pub(crate) use shared::Held;
use shared::Shared;
use unknown::Unknown;

/// How callers are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerSettings {
    /// For how long a caller is not read again: LiteLLM's `user_api_key_cache_ttl`.
    pub time_to_live: Duration,
    /// How many callers are kept, and how many customers and tags; an eighth more at most.
    pub capacity: usize,
    /// For how long a key that nobody has is refused from memory.
    pub unknown_time_to_live: Duration,
    /// How many keys that nobody has are remembered.
    pub unknown_capacity: usize,
    /// How many keys that nobody has an address may show in a minute; `0`: as many as it likes.
    pub guesses_per_minute: u32,
    /// How long a caller that is not known waits for the directory.
    pub patience: Duration,
}

impl Default for CallerSettings {
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(60),
            capacity: 500_000,
            unknown_time_to_live: Duration::from_secs(10),
            unknown_capacity: 1 << 16,
            guesses_per_minute: 60,
            patience: Duration::from_secs(5),
        }
    }
}

/// Callers, customers and tags in memory.
pub(crate) struct Callers {
    known: Cache<Principal>,
    extras: Cache<Extra>,
    unknown: Unknown,
    guesses: Guesses,
    generations: Generations,
    shared: Shared,
}

impl Kept for Principal {
    type Key = KeyHash;

    fn is(&self, key: &KeyHash) -> bool {
        self.is_shown_as(key)
    }

    fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    fn state(&self, generations: &Generations, most: Tick) -> State {
        let choices = self.token().into_iter().flat_map(|token| &token.choices);
        let all = choices.map(|choice| &choice.freshness).chain([&self.freshness]);
        all.map(|freshness| generations.state(freshness, most)).max().unwrap_or(State::Changed)
    }
}

impl Callers {
    pub(crate) fn new(settings: &CallerSettings) -> Self {
        let CallerSettings { time_to_live, capacity, patience, .. } = *settings;
        let keeping = Keeping { capacity, time_to_live, patience };
        Self {
            known: Cache::new(keeping),
            extras: Cache::new(keeping),
            unknown: Unknown::new(settings.unknown_capacity, settings.unknown_time_to_live),
            guesses: Guesses::new(settings.guesses_per_minute),
            generations: Generations::new(),
            shared: Shared::new(),
        }
    }

    /// The account of somebody behind callers: the one that there is, or a new one.
    async fn open(
        &self,
        one: Behind,
        accounts: &Accounts,
        directory: &dyn Directory,
        old: Option<&Principal>,
    ) -> Result<Arc<Account>, StoreError> {
        let terms = self.shared.terms(one.terms);
        let alias = one.alias.as_deref();
        let is_shared = one.subject.scope != Scope::Key;
        let known = if is_shared {
            self.shared.account(&one.subject, alias, &terms)
        } else {
            let mut accounts = old.iter().flat_map(|old| old.accounts.iter());
            accounts.find(|old| old.subject == one.subject && shared::is_same(old, alias, &terms)).cloned()
        };
        // What was spent was corrected: the directory is asked for it.
        if let Some(known) = known.filter(|known| !known.is_doubted()) {
            return Ok(known);
        }
        let account = accounts.open((one.subject, one.alias), (terms, one.made), directory).await?;
        if is_shared {
            self.shared.keep(&account);
        }
        Ok(account)
    }
}

impl Governance {
    /// Who shows this key, from this address.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] when a key is needed and none, or a wrong one, was shown, or when the caller is
    /// expired or blocked; [`ErrorKind::PermissionDenied`] from an address that it may not be used from;
    /// [`ErrorKind::RateLimited`] when too many keys from this address were unknown; [`ErrorKind::Overloaded`] when
    /// the directory has to be asked and cannot be.
    pub async fn identify(&self, shown: Option<&[u8]>, address: Option<IpAddr>) -> Result<Arc<Principal>> {
        let rules = self.rules.load();
        authorise::address_is_allowed(&rules.global.allowed_ips, &Subject::global(), address)?;
        let Some(master) = &rules.master_key else { return self.administrator().await };
        let Some(shown) = shown else {
            return Err(refused("No api key passed in.").with_type("auth_error"));
        };
        if aws_lc_rs::constant_time::verify_slices_are_equal(shown, master.expose().as_bytes()).is_ok() {
            return self.administrator().await;
        }
        let hash = KeyHash::of(shown);
        let callers = &self.callers;
        let principal = match callers.known.known(&hash, &callers.generations) {
            Some((known, State::Fresh)) => known,
            known => {
                drop(rules);
                Box::pin(self.look_up(shown, &hash, address, known.is_some())).await?
            }
        };
        principal.check(Timestamp::now())?;
        principal.check_address(address)?;
        Ok(principal)
    }

    /// Whoever asks what the operator has opened to everybody, from this address: nobody in particular, who spends what
    /// the whole gateway may.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] from an address that may not use the gateway; [`ErrorKind::Overloaded`] when the
    /// directory has to be asked and cannot be.
    pub async fn anybody(&self, address: Option<IpAddr>) -> Result<Arc<Principal>> {
        authorise::address_is_allowed(&self.rules.load().global.allowed_ips, &Subject::global(), address)?;
        let accounts = self.administrator().await?.accounts.clone();
        Ok(Arc::new(Principal { role: Role::Customer, accounts, ..Principal::default() }))
    }

    /// Something was changed: it is read again before it is used. To be called after the change is written, and by
    /// every gateway that is told of it.
    pub fn forget(&self, changed: &Changed) {
        let callers = &self.callers;
        let forget = |name: Name<'_>| callers.generations.changed(name);
        match changed {
            Changed::Key(hash) => forget(Name::Shown(&hash.0)),
            Changed::Replaced { old, new } => {
                self.accounts.hand_over(&Subject::key(*old), Subject::key(*new));
                forget(Name::Shown(&old.0));
                forget(Name::Shown(&new.0));
            }
            Changed::Team(id) => forget(Name::Of(Scope::Team, id)),
            Changed::User(id) => forget(Name::Of(Scope::User, id)),
            Changed::Organization(id) => forget(Name::Of(Scope::Organization, id)),
            Changed::Customer(id) => forget(Name::Of(Scope::Customer, id)),
            Changed::Tag(name) => forget(Name::Of(Scope::Tag, name)),
            Changed::Budget(id) => forget(Name::Budget(id)),
            // Models are no caller's.
            Changed::Model(_) => {}
            Changed::Spent(subject) => self.forget_spent(subject),
            Changed::Everything => callers.generations.doubt(),
        }
    }

    /// Another program changed the store: everybody, and what they spent, is looked up again before it is used.
    pub fn forget_all(&self) {
        self.accounts.doubt();
        self.callers.shared.forget_all();
        self.forget_rules();
    }

    /// How many callers are in memory.
    pub fn callers(&self) -> usize {
        self.callers.known.len()
    }

    /// Whoever was looked up under other rules is looked up again.
    pub(crate) fn forget_rules(&self) {
        self.administrator.store(None);
        self.callers.generations.changed(Name::Of(Scope::Global, ""));
    }

    fn forget_spent(&self, subject: &Subject) {
        self.accounts.forget(subject);
        self.callers.shared.forget(subject);
        let generations = &self.callers.generations;
        let id = subject.id.name().unwrap_or_default();
        match subject.scope {
            Scope::Global => {
                self.administrator.store(None);
                generations.changed(Name::Of(Scope::Global, ""));
            }
            Scope::Key => {
                if let SubjectId::Key(hash) = &subject.id {
                    generations.changed(Name::Shown(&hash.0));
                }
            }
            Scope::TeamMember => {
                let team = id.split_once(':').map_or(id, |(team, _)| team);
                generations.changed(Name::Of(Scope::Team, team));
            }
            scope => generations.changed(Name::Of(scope, id)),
        }
    }

    /// A caller that memory does not know, or does not trust.
    async fn look_up(
        &self,
        shown: &[u8],
        hash: &KeyHash,
        address: Option<IpAddr>,
        is_known: bool,
    ) -> Result<Arc<Principal>> {
        let callers = &self.callers;
        let rules = self.rules();
        if let Some(tokens) = rules.tokens.as_ref().filter(|_| looks_like_a_token(shown)) {
            let load = |_| -> BoxFuture<'_, _> { Box::pin(self.load_token(tokens, shown, hash)) };
            let found = callers.known.find(hash, &callers.generations, load).await?;
            return found.ok_or_else(nobodys);
        }
        if !shown.starts_with(b"sk-") {
            let what = "LiteLLM Virtual Key expected, which starts with `sk-`.";
            return Err(refused(what).with_type("auth_error"));
        }
        if callers.unknown.holds(hash, &callers.generations) {
            return Err(nobodys());
        }
        let guess = if is_known { None } else { Some(callers.guesses.ask(address)?) };
        let before = callers.generations.before();
        let load = |old| -> BoxFuture<'_, _> { Box::pin(self.load(hash, old)) };
        let found = callers.known.find(hash, &callers.generations, load).await?;
        found.ok_or_else(|| {
            let freshness = callers.generations.read(before, [Name::Shown(&hash.0)]);
            callers.unknown.note(hash, freshness, &callers.generations);
            if let Some(guess) = guess {
                guess.was_wrong();
            }
            nobodys()
        })
    }

    async fn load(&self, hash: &KeyHash, old: Option<Arc<Principal>>) -> Result<Option<Arc<Principal>>> {
        let before = self.callers.generations.before();
        let holder = self.directory.holder(hash).await.map_err(|error| unreachable(&error))?;
        let Some(holder) = holder else { return Ok(None) };
        let freshness = self.callers.generations.read(before, names(&holder).chain([Name::Shown(&hash.0)]));
        let opened = self.principal(holder, old.as_deref()).await;
        let mut principal = opened.map_err(|error| unreachable(&error))?;
        principal.freshness = freshness;
        principal.limit_grace(hash);
        Ok(Some(Arc::new(principal)))
    }

    /// The caller that a holder is, with the accounts of everybody behind it.
    async fn principal(&self, holder: Holder, old: Option<&Principal>) -> Result<Principal, StoreError> {
        let behind = behind(&holder);
        let mut accounts = Vec::with_capacity(behind.len() + 1);
        accounts.push(self.global().await?);
        for one in behind {
            let account = self.callers.open(one, &self.accounts, &*self.directory, old);
            accounts.push(account.await?);
        }
        Ok(Principal::of(holder, accounts))
    }

    async fn administrator(&self) -> Result<Arc<Principal>> {
        if let Some(known) = &*self.administrator.load() {
            return Ok(Arc::clone(known));
        }
        let global = self.global().await.map_err(|error| unreachable(&error))?;
        let made = Arc::new(Principal::administrator(Some(global)));
        self.administrator.store(Some(Arc::clone(&made)));
        Ok(made)
    }

    async fn global(&self) -> Result<Arc<Account>, StoreError> {
        let (subject, terms) = (Subject::global(), self.rules.load().global.clone());
        let one = Behind { subject, alias: None, terms, made: Timestamp(0) };
        self.callers.open(one, &self.accounts, &*self.directory, None).await
    }
}

impl Principal {
    /// Shown as the key that was replaced, it is good until the end of that one's grace and no longer.
    fn limit_grace(&mut self, shown: &KeyHash) {
        let replaced = self.seldom().and_then(|seldom| seldom.replaced.as_deref());
        if self.key().is_some_and(|key| key != *shown) {
            let grace = replaced.filter(|replaced| replaced.0 == *shown);
            let until = grace.map_or(Timestamp(0), |replaced| replaced.1);
            self.expire(Some(self.expires().map_or(until, |expires| expires.min(until))));
        } else if replaced.is_some() {
            self.seldom_mut().replaced = None;
        }
    }

    fn of(holder: Holder, accounts: Vec<Arc<Account>>) -> Self {
        let user_id = behind::user_id(&holder).map(str::to_owned);
        let is_admin = |members: &[crate::entity::Member]| {
            let mut members = members.iter().filter(|member| Some(&member.user_id) == user_id.as_ref());
            members.any(|member| member.role == crate::entity::MemberRole::Admin)
        };
        let mut principal = Self {
            accounts: accounts.into_boxed_slice(),
            team_admin: holder.team.as_ref().is_some_and(|team| is_admin(&team.members)),
            organization_admin: holder.organization.as_ref().is_some_and(|one| is_admin(&one.members)),
            // A key that is nobody's has the model APIs, and nothing to manage.
            role: if holder.team.is_some() { Role::Team } else { Role::Customer },
            ..Self::default()
        };
        if let Some(user) = &holder.user {
            principal.role = user.role;
        }
        if let Some(key) = holder.key {
            principal.key_name = Some(key.name.into());
            principal.kind = key.kind;
            principal.expire(key.expires);
            if let Some(replaced) = key.replaced {
                principal.seldom_mut().replaced = Some(Box::new(replaced));
            }
            if !key.terms.metadata.is_empty() {
                principal.seldom_mut().metadata = Some(Box::new(key.terms.metadata));
            }
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

fn nobodys() -> Error {
    refused("Invalid API key provided.").with_type("token_not_found_in_db").with_param("key")
}

pub(crate) fn unreachable(error: &StoreError) -> Error {
    let message = "the store of keys cannot be asked now: try again in a moment";
    Error::new(ErrorKind::Overloaded, message).with_type("no_db_connection").with_detail(error.to_string())
}

/// Terms of a budget row under those that name it.
fn with_row(terms: Terms, row: Option<&crate::entity::BudgetRow>) -> Terms {
    terms.over(row.map(|row| &row.terms))
}
