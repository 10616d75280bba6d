//! A directory for tests: what is written here is there.

use futures_util::future::BoxFuture;
use llm_governance::entity::{Customer, Tag, VirtualKey};
use llm_governance::{Directory, Holder, KeyHash, Spent, StoreError, Terms, Timestamp, WithBudget};

/// Keys with nobody behind them.
#[derive(Default)]
pub(crate) struct Keys(pub Vec<VirtualKey>);

impl Directory for Keys {
    fn holder<'a>(&'a self, key: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        let found = self.0.iter().find(|one| one.hash == *key).cloned();
        let holder =
            |key| Holder { key: Some(key), team: None, user: None, organization: None, budgets: Vec::new() };
        Box::pin(std::future::ready(Ok(found.map(holder))))
    }

    fn user<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn customer<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn tag<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn spent<'a>(&'a self, _: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A key with these terms.
pub(crate) fn key(shown: &str, terms: Terms) -> VirtualKey {
    VirtualKey {
        hash: KeyHash::of(shown.as_bytes()),
        name: "sk-...test".to_owned(),
        alias: None,
        user_id: None,
        team_id: None,
        organization_id: None,
        kind: llm_governance::entity::KeyKind::Default,
        service_account: false,
        expires: None,
        replaced: None,
        terms,
        created_by: None,
        created_at: Timestamp::now(),
        updated_by: None,
        updated_at: Timestamp::now(),
    }
}
