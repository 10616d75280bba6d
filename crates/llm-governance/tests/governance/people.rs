//! A directory for tests: what is written here is there, as long as it answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use futures_util::future::BoxFuture;
use llm_core::Secret;
use llm_governance::entity::{BudgetRow, Customer, Organization, Tag, Team, User, VirtualKey};
use llm_governance::{
    CallerSettings, Directory, Governance, GovernanceParts, Holder, KeyHash, Spent, StoreError, Terms,
    Timestamp, WithBudget,
};
pub(crate) use llm_testkit::keys::key;
use parking_lot::Mutex;

/// People, and how often somebody was asked for.
#[derive(Default)]
pub(crate) struct People {
    pub(crate) keys: Mutex<HashMap<KeyHash, VirtualKey>>,
    pub(crate) teams: Mutex<HashMap<String, Arc<Team>>>,
    pub(crate) users: Mutex<HashMap<String, Arc<User>>>,
    pub(crate) organizations: Mutex<HashMap<String, Arc<Organization>>>,
    pub(crate) customers: Mutex<HashMap<String, Customer>>,
    pub(crate) tags: Mutex<HashMap<String, Tag>>,
    pub(crate) budgets: Mutex<HashMap<String, Arc<BudgetRow>>>,
    pub(crate) mood: Mutex<Mood>,
    pub(crate) asked: AtomicUsize,
}

/// How a directory answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Soon, but not at once.
    #[default]
    Well,
    /// With an error.
    Down,
    /// Never.
    Silent,
}

impl People {
    /// With these keys.
    pub(crate) fn of(keys: impl IntoIterator<Item = VirtualKey>) -> Arc<Self> {
        let people = Self::default();
        keys.into_iter().for_each(|key| people.add(key));
        Arc::new(people)
    }

    /// A new key, or a new version of one.
    pub(crate) fn add(&self, key: VirtualKey) {
        self.keys.lock().insert(key.hash, key);
    }

    /// How often it was asked since the last time.
    pub(crate) fn asked(&self) -> usize {
        self.asked.swap(0, SeqCst)
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    async fn answer(&self) -> Result<(), StoreError> {
        self.asked.fetch_add(1, SeqCst);
        tokio::task::yield_now().await;
        let mood = *self.mood.lock();
        match mood {
            Mood::Well => Ok(()),
            Mood::Down => Err(StoreError::Unavailable("nobody listens".to_owned())),
            Mood::Silent => std::future::pending().await,
        }
    }

    fn found(&self, hash: &KeyHash) -> Option<VirtualKey> {
        let keys = self.keys.lock();
        let is_replaced = |key: &&VirtualKey| key.replaced.is_some_and(|(old, _)| old == *hash);
        keys.get(hash).or_else(|| keys.values().find(is_replaced)).cloned()
    }

    fn behind(&self, mut holder: Holder, team: Option<&str>, organization: Option<&str>) -> Holder {
        holder.team = team.and_then(|id| self.teams.lock().get(id).cloned());
        let organization =
            holder.team.as_ref().and_then(|team| team.organization_id.as_deref()).or(organization);
        holder.organization = organization.and_then(|id| self.organizations.lock().get(id).cloned());
        holder.budgets = self.budgets.lock().values().cloned().collect();
        holder
    }
}

impl Directory for People {
    fn holder<'a>(&'a self, key: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(async {
            // What is there when it is asked, not when it answers.
            let found = self.found(key);
            self.answer().await?;
            let Some(key) = found else { return Ok(None) };
            let user = key.user_id.as_ref().and_then(|id| self.users.lock().get(id).cloned());
            let (team, organization) = (key.team_id.clone(), key.organization_id.clone());
            let holder = Holder { key: Some(key), user, ..Holder::default() };
            Ok(Some(self.behind(holder, team.as_deref(), organization.as_deref())))
        })
    }

    fn user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(async {
            self.answer().await?;
            let Some(user) = self.users.lock().get(id).cloned() else { return Ok(None) };
            let organization = user.organizations.first().cloned();
            let holder = Holder { user: Some(user), ..Holder::default() };
            Ok(Some(self.behind(holder, None, organization.as_deref())))
        })
    }

    fn people<'a>(&'a self, ids: [Option<&'a str>; 3]) -> BoxFuture<'a, Result<Holder, StoreError>> {
        Box::pin(async move {
            self.answer().await?;
            let [team, user, organization] = ids;
            let user = user.and_then(|id| self.users.lock().get(id).cloned());
            Ok(self.behind(Holder { user, ..Holder::default() }, team, organization))
        })
    }

    fn customer<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>> {
        Box::pin(async {
            self.answer().await?;
            Ok(self.customers.lock().get(id).map(|customer| (customer.clone(), None)))
        })
    }

    fn tag<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>> {
        Box::pin(async {
            self.answer().await?;
            Ok(self.tags.lock().get(name).map(|tag| (tag.clone(), None)))
        })
    }

    fn spent<'a>(&'a self, _: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Governance over these people, with a master key.
pub(crate) fn governance(people: &Arc<People>, callers: CallerSettings) -> Governance {
    Governance::new(GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: Arc::clone(people) as Arc<dyn Directory>,
        callers,
        ..GovernanceParts::default()
    })
}

/// A team with these terms.
pub(crate) fn team(id: &str, terms: Terms) -> Team {
    let (created_at, updated_at) = (Timestamp(0), Timestamp(0));
    let (alias, organization_id) = (Some(format!("{id} as people call it")), None);
    let (members, member_terms) = (Vec::new(), Terms::default());
    Team { id: id.to_owned(), alias, organization_id, members, member_terms, terms, created_at, updated_at }
}

/// A user with this role.
pub(crate) fn user(id: &str, role: llm_governance::Role) -> User {
    User {
        id: id.to_owned(),
        email: Some(format!("{id}@example.com")),
        alias: None,
        role,
        sso_user_id: None,
        teams: Vec::new(),
        organizations: Vec::new(),
        terms: Terms::default(),
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// An organisation with these terms.
pub(crate) fn organization(id: &str, terms: Terms) -> Organization {
    let (created_at, updated_at) = (Timestamp(0), Timestamp(0));
    Organization { id: id.to_owned(), alias: None, members: Vec::new(), terms, created_at, updated_at }
}
