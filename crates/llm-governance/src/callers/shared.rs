//! What many callers have in common, once in memory: equal terms, and the accounts of those behind several keys.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde_json::Map;

use crate::account::Account;
use crate::subject::Subject;
use crate::terms::Terms;

/// Things that are kept as long as somebody holds them.
pub(crate) struct Held<K, V> {
    held: HashMap<K, Weak<V>>,
    /// With how many of them the dead ones are looked for.
    sweep: usize,
}

/// What many callers have in common.
pub(crate) struct Shared {
    terms: Mutex<Held<u64, Terms>>,
    accounts: Mutex<Held<Subject, Account>>,
    hasher: RandomState,
}

impl<K: Eq + Hash, V> Held<K, V> {
    pub(crate) fn new() -> Self {
        Self { held: HashMap::new(), sweep: 1024 }
    }

    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.held.get(key).and_then(Weak::upgrade)
    }

    pub(crate) fn insert(&mut self, key: K, value: &Arc<V>) {
        if self.held.len() >= self.sweep {
            self.held.retain(|_, value| value.strong_count() > 0);
            self.sweep = (self.held.len() * 2).max(1024);
        }
        self.held.insert(key, Arc::downgrade(value));
    }
}

/// The members of a team's metadata that say what its calls are told, and who is told of them.
const WITH_EFFECT: [&str; 2] = ["logging", "system_prompt"];

impl Shared {
    pub(crate) fn new() -> Self {
        Self { terms: Mutex::new(Held::new()), accounts: Mutex::new(Held::new()), hasher: RandomState::new() }
    }

    /// Terms without what is kept for administrators alone; equal ones are the same. Of the metadata that stays which has
    /// an effect on calls.
    pub(crate) fn terms(&self, mut terms: Terms) -> Arc<Terms> {
        terms.metadata.retain(|name, _| WITH_EFFECT.contains(&name.as_str()));
        terms.other = Map::new();
        let Ok(text) = serde_json::to_vec(&terms) else { return Arc::new(terms) };
        let hash = self.hasher.hash_one(text);
        let mut held = self.terms.lock();
        if let Some(same) = held.get(&hash).filter(|same| **same == terms) {
            return same;
        }
        let terms = Arc::new(terms);
        held.insert(hash, &terms);
        terms
    }

    /// The account that others have already of this subject, with these terms.
    pub(crate) fn account(
        &self,
        subject: &Subject,
        alias: Option<&str>,
        terms: &Arc<Terms>,
    ) -> Option<Arc<Account>> {
        let account = self.accounts.lock().get(subject)?;
        is_same(&account, alias, terms).then_some(account)
    }

    /// Others will have this account.
    pub(crate) fn keep(&self, account: &Arc<Account>) {
        self.accounts.lock().insert(account.subject.clone(), account);
    }

    /// Nobody is given an account that there is.
    pub(crate) fn forget_all(&self) {
        self.accounts.lock().held.clear();
    }

    /// Nobody is given the account of this subject any more.
    pub(crate) fn forget(&self, subject: &Subject) {
        self.accounts.lock().held.remove(subject);
    }
}

/// Whether an account is what would be made anew of these.
pub(crate) fn is_same(account: &Account, alias: Option<&str>, terms: &Arc<Terms>) -> bool {
    Arc::ptr_eq(&account.terms, terms) && account.alias.as_deref() == alias
}
