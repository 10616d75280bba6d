//! Callers looked up with everybody behind them: two or three questions each, whatever they belong to.

use std::sync::Arc;

use llm_core::BoxFuture;
use llm_governance::entity::{BudgetRow, Customer, Entity, Tag, Team, User, VirtualKey};
use llm_governance::{Directory, Holder, KeyHash, Spent, StoreError, Terms, Timestamp, WithBudget};

use super::table::entity;
use super::{Entities, spent};
use crate::database::Value;

/// A key by its hash, or the one that took its place.
const KEY: &str = "SELECT document FROM llm_virtual_keys WHERE id = $1 \
                   UNION ALL SELECT document FROM llm_virtual_keys WHERE replaced_hash = $1";

/// A team, a user and an organisation: the team's, where it has one.
const PEOPLE: &str = "SELECT 'team' AS kind, document FROM llm_teams WHERE id = $1 \
                      UNION ALL SELECT 'user' AS kind, document FROM llm_users WHERE id = $2 \
                      UNION ALL SELECT 'organization' AS kind, document FROM llm_organizations \
                      WHERE id = COALESCE((SELECT organization_id FROM llm_teams WHERE id = $1), $3)";

impl Entities {
    async fn key(&self, hash: &KeyHash) -> Result<Option<VirtualKey>, StoreError> {
        let hex = hash.hex();
        let rows = self.database.query(KEY, &[hex.into()]).await?;
        for row in &rows {
            let key: VirtualKey = entity(row)?;
            let is_good = |(old, until): (KeyHash, Timestamp)| old == *hash && Timestamp::now() < until;
            if key.hash == *hash || key.replaced.is_some_and(is_good) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Those of these ids, and their budget rows.
    async fn people(
        &self,
        key: Option<VirtualKey>,
        [team, user, organization]: [Option<String>; 3],
    ) -> Result<Holder, StoreError> {
        let mut holder = Holder { key, team: None, user: None, organization: None, budgets: Vec::new() };
        if [&team, &user, &organization].into_iter().any(Option::is_some) {
            let ids: [Value; 3] = [team.into(), user.into(), organization.into()];
            for row in self.database.query(PEOPLE, &ids).await? {
                match row.get::<&str>("kind")? {
                    "team" => holder.team = Some(Arc::new(entity(&row)?)),
                    "user" => holder.user = Some(Arc::new(entity(&row)?)),
                    _ => holder.organization = Some(Arc::new(entity(&row)?)),
                }
            }
        }
        let budgets = self.read_many::<BudgetRow>(&budgets(&holder)).await?;
        holder.budgets = budgets.into_iter().map(Arc::new).collect();
        Ok(holder)
    }

    async fn find_holder(&self, hash: &KeyHash) -> Result<Option<Holder>, StoreError> {
        let Some(key) = self.key(hash).await? else { return Ok(None) };
        let ids = [key.team_id.clone(), key.user_id.clone(), key.organization_id.clone()];
        self.people(Some(key), ids).await.map(Some)
    }

    async fn find_user(&self, id: &str) -> Result<Option<Holder>, StoreError> {
        let Some(user) = self.read::<User>(id).await? else { return Ok(None) };
        // Which of several is meant, only the token can say.
        let only = |ids: &[String]| match ids {
            [id] => Some(id.clone()),
            _ => None,
        };
        let ids = [only(&user.teams), Some(user.id.clone()), only(&user.organizations)];
        self.people(None, ids).await.map(Some)
    }

    async fn with_budget<E: Entity>(
        &self,
        id: &str,
        terms: fn(&E) -> &Terms,
    ) -> Result<WithBudget<E>, StoreError> {
        let Some(found) = self.read::<E>(id).await? else { return Ok(None) };
        let budget = match &terms(&found).budget_id {
            Some(id) => self.read(id).await?,
            None => None,
        };
        Ok(Some((found, budget)))
    }
}

/// The budget rows that a holder names.
fn budgets(holder: &Holder) -> Vec<String> {
    let member = holder.team.as_deref().and_then(|team| member(team, holder));
    let terms = [
        holder.key.as_ref().map(|key| &key.terms),
        holder.team.as_deref().map(|team| &team.terms),
        holder.team.as_deref().map(|team| &team.member_terms),
        member,
        holder.user.as_deref().map(|user| &user.terms),
        holder.organization.as_deref().map(|organization| &organization.terms),
    ];
    let mut ids: Vec<_> = terms.into_iter().flatten().filter_map(|terms| terms.budget_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The terms of the holder's user within the team, where they are its own.
fn member<'a>(team: &'a Team, holder: &Holder) -> Option<&'a Terms> {
    let of_key = holder.key.as_ref().and_then(|key| key.user_id.as_deref());
    let user = of_key.or(holder.user.as_deref().map(|user| user.id.as_str()))?;
    team.members.iter().find(|member| member.user_id == user)?.terms.as_ref()
}

impl Directory for Entities {
    fn holder<'a>(&'a self, key: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(self.find_holder(key))
    }

    fn user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(self.find_user(id))
    }

    fn people<'a>(&'a self, ids: [Option<&'a str>; 3]) -> BoxFuture<'a, Result<Holder, StoreError>> {
        Box::pin(self.people(None, ids.map(|id| id.map(str::to_owned))))
    }

    fn customer<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>> {
        Box::pin(self.with_budget(id, |customer: &Customer| &customer.terms))
    }

    fn tag<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>> {
        Box::pin(self.with_budget(name, |tag: &Tag| &tag.terms))
    }

    fn spent<'a>(&'a self, of: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(spent::read(&self.database, of))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use llm_core::Secret;

    use super::*;
    use crate::database::Database;
    use crate::entities::list;
    use crate::settings::DatabaseSettings;

    #[tokio::test]
    async fn callers_are_found_by_indices_alone() {
        let memory = DatabaseSettings::new(Secret::new("sqlite::memory:".to_owned()));
        let database = Database::open(&memory).await.expect("it opens");
        let many = list::places(1, 20);
        for (text, count) in [
            (KEY, 1),
            (PEOPLE, 3),
            (&*format!("SELECT document FROM llm_budgets WHERE id IN ({many})"), 20),
            (&*spent::question(3), 15),
            ("SELECT document FROM llm_virtual_keys WHERE team_id = $1 ORDER BY id LIMIT 100", 1),
            ("SELECT document FROM llm_virtual_keys ORDER BY created_at DESC, id DESC LIMIT 100", 0),
        ] {
            let values = vec![Value::from("x"); count];
            let plan = database.query(&format!("EXPLAIN QUERY PLAN {text}"), &values).await.expect("a plan");
            for step in plan {
                let step: &str = step.get("detail").expect("a step");
                assert!(!step.starts_with("SCAN llm_") || step.contains("USING INDEX"), "{text}: {step}");
            }
        }
    }
}
