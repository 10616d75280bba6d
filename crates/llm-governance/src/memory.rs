//! A store in memory: for tests, and for a gateway whose keys need not outlive it.

mod table;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use llm_core::money::NanoDollars;
use parking_lot::Mutex;

use crate::duration::Period;
use crate::entity::{
    AuditEntry, BudgetRow, Customer, Entity, Organization, Setting, StoredModel, Tag, Team, User, VirtualKey,
};
use crate::hash::KeyHash;
use crate::store::{
    Audited, Change, Directory, Holder, ListQuery, Page, Records, Spent, Store, StoreError, WithBudget,
};
use crate::subject::{Scope, Subject};
use crate::terms::Terms;
use crate::time::Timestamp;
use table::Table;

/// Everything that administrators make, in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    // One lock for all: a change and its audit entry are one step.
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    keys: Table<VirtualKey>,
    teams: Table<Team>,
    users: Table<User>,
    organizations: Table<Organization>,
    customers: Table<Customer>,
    budgets: Table<BudgetRow>,
    tags: Table<Tag>,
    models: Table<StoredModel>,
    settings: Table<Setting>,
    audit: Table<AuditEntry>,
    spent: HashMap<(Subject, Option<Arc<str>>, Period), NanoDollars>,
}

/// Where the entities of a kind are.
trait Place: Entity {
    fn of(all: &mut All) -> &mut Table<Self>;
}

macro_rules! places {
    ($($entity:ty: $field:ident),* $(,)?) => {
        $(impl Place for $entity {
            fn of(all: &mut All) -> &mut Table<Self> {
                &mut all.$field
            }
        })*
    };
}

places! {
    VirtualKey: keys,
    Team: teams,
    User: users,
    Organization: organizations,
    Customer: customers,
    BudgetRow: budgets,
    Tag: tags,
    StoredModel: models,
    Setting: settings,
    AuditEntry: audit,
}

fn ready<'a, T: Send + 'a>(done: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(done))
}

impl<E: Place> Records<E> for MemoryStore {
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<E>, StoreError>> {
        ready(Ok(E::of(&mut self.all.lock()).get(id)))
    }

    fn get_many<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<E>, StoreError>> {
        let mut all = self.all.lock();
        let table = E::of(&mut all);
        ready(Ok(ids.iter().filter_map(|id| table.get(id)).collect()))
    }

    fn list<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<Page<E>, StoreError>> {
        let mut all = self.all.lock();
        let spends = E::SCOPE.map(|scope| all.spends(scope));
        ready(E::of(&mut all).list(query, spends.as_ref()))
    }

    fn insert<'a>(
        &'a self,
        entities: &'a [E],
        audit: &'a [AuditEntry],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut all = self.all.lock();
        let inserted = E::of(&mut all).insert(entities);
        if inserted.is_ok() {
            audit.iter().for_each(|entry| all.audit.put(entry.clone()));
        }
        ready(inserted)
    }

    fn update<'a>(&'a self, id: &'a str, change: Change<'a, E>) -> BoxFuture<'a, Result<E, StoreError>> {
        let mut all = self.all.lock();
        let Some(before) = E::of(&mut all).get(id) else {
            return ready(Err(StoreError::Missing(format!("there is no `{id}` in {}", E::TABLE))));
        };
        let changed = change(before).map(|(after, entry)| {
            E::of(&mut all).put(after.clone());
            all.audit.put(entry);
            after
        });
        ready(changed)
    }

    fn delete<'a>(
        &'a self,
        ids: &'a [String],
        audit: Audited<'a, E>,
    ) -> BoxFuture<'a, Result<Vec<E>, StoreError>> {
        let mut all = self.all.lock();
        let deleted = E::of(&mut all).delete(ids);
        deleted.iter().for_each(|entity| all.audit.put(audit(entity)));
        ready(Ok(deleted))
    }
}

impl All {
    /// What everybody of a kind has spent, as lists know it.
    fn spends(&self, scope: Scope) -> HashMap<Arc<str>, i64> {
        let now = Timestamp::now();
        let mut spends: HashMap<Arc<str>, (Option<i64>, i64)> = HashMap::new();
        for ((subject, model, period), amount) in &self.spent {
            if subject.scope != scope || model.is_some() {
                continue;
            }
            let (running, ever) = spends.entry(subject.id.text().into()).or_default();
            match period.end {
                None => *ever = amount.0,
                Some(_) => {
                    let spent = if period.contains(now) { amount.0 } else { 0 };
                    *running = Some(running.unwrap_or(0).max(spent));
                }
            }
        }
        spends.into_iter().map(|(id, (running, ever))| (id, running.unwrap_or(ever))).collect()
    }

    /// Everybody behind a key, or behind a user alone.
    fn holder(&self, key: Option<VirtualKey>, user: Option<User>) -> Holder {
        let team = key.as_ref().and_then(|key| self.teams.get(key.team_id.as_deref()?));
        let user = user.or_else(|| self.users.get(key.as_ref()?.user_id.as_deref()?));
        let of_team = team.as_ref().and_then(|team| team.organization_id.clone());
        let organization = of_team.or_else(|| key.as_ref()?.organization_id.clone());
        let organization = organization.and_then(|id| self.organizations.get(&id));
        let member_terms = team.iter().flat_map(|team| {
            team.members.iter().filter_map(|member| member.terms.as_ref()).chain([&team.member_terms])
        });
        let named = [
            key.as_ref().map(|key| &key.terms),
            team.as_ref().map(|team| &team.terms),
            user.as_ref().map(|user| &user.terms),
            organization.as_ref().map(|organization| &organization.terms),
        ];
        let rows = named.into_iter().flatten().chain(member_terms).filter_map(|terms| self.row(terms));
        let budgets = rows.map(Arc::new).collect();
        Holder {
            budgets,
            key,
            team: team.map(Arc::new),
            user: user.map(Arc::new),
            organization: organization.map(Arc::new),
        }
    }

    fn row(&self, terms: &Terms) -> Option<BudgetRow> {
        self.budgets.get(terms.budget_id.as_deref()?)
    }
}

impl Directory for MemoryStore {
    fn holder<'a>(&'a self, key: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        let all = self.all.lock();
        let now = Timestamp::now();
        let is_replaced =
            |one: &VirtualKey| one.replaced.is_some_and(|(old, until)| old == *key && now < until);
        let found = all.keys.get(&key.hex()).or_else(|| all.keys.find(is_replaced));
        ready(Ok(found.map(|key| all.holder(Some(key), None))))
    }

    fn user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        let all = self.all.lock();
        ready(Ok(all.users.get(id).map(|user| all.holder(None, Some(user)))))
    }

    fn customer<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>> {
        let all = self.all.lock();
        let found = all.customers.get(id).map(|one| (all.row(&one.terms), one));
        ready(Ok(found.map(|(row, one)| (one, row))))
    }

    fn tag<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>> {
        let all = self.all.lock();
        let found = all.tags.get(name).map(|one| (all.row(&one.terms), one));
        ready(Ok(found.map(|(row, one)| (one, row))))
    }

    fn spent<'a>(&'a self, of: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        let all = self.all.lock();
        for one in of {
            let name = (one.subject.clone(), one.model.clone(), one.period);
            one.amount = all.spent.get(&name).copied().unwrap_or_default();
        }
        ready(Ok(()))
    }
}

impl Store for MemoryStore {
    fn set_spent<'a>(&'a self, spent: &'a [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut all = self.all.lock();
        let named = |one: &Spent| ((one.subject.clone(), one.model.clone(), one.period), one.amount);
        all.spent.extend(spent.iter().map(named));
        ready(Ok(()))
    }

    fn rotate<'a>(
        &'a self,
        old: &'a KeyHash,
        new: &'a VirtualKey,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut all = self.all.lock();
        let Some(before) = all.keys.get(&old.hex()) else {
            return ready(Err(StoreError::Missing(format!("there is no key {old}"))));
        };
        all.keys.delete(&[old.hex()]);
        if let Err(conflict) = all.keys.insert(std::slice::from_ref(new)) {
            all.keys.put(before);
            return ready(Err(conflict));
        }
        let is_old = |subject: &Subject| subject.id == *old.hex();
        let moved: Vec<_> = all.spent.extract_if(|(subject, ..), _| is_old(subject)).collect();
        let renamed = |((subject, model, period), amount): ((Subject, _, _), _)| {
            ((Subject::new(subject.scope, new.hash.hex()), model, period), amount)
        };
        all.spent.extend(moved.into_iter().map(renamed));
        all.audit.put(audit.clone());
        ready(Ok(()))
    }
}
