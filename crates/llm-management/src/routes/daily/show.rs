//! A day as LiteLLM's clients read it.

use std::collections::BTreeMap;

use llm_core::json::object_of;
use llm_core::order;
use llm_governance::entity::{Customer, Organization, Team, User, VirtualKey};
use llm_governance::{Activity, Day, Scope};
use serde_json::{Value, json};

use super::page::Detail;
use crate::management::Call;
use crate::refused::Refused;
use crate::sums::{grouped, metrics, total};

/// How many are looked up at a time.
const AT_ONCE: usize = 500;

/// What people call the keys and entities of a page.
pub(super) struct Names {
    keys: BTreeMap<String, Value>,
    entities: BTreeMap<String, Value>,
}

impl Names {
    /// Looks up whoever is on a page.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(super) async fn read(call: &Call<'_>, scope: Scope, detail: &Detail) -> Result<Self, Refused> {
        let ids = |all: &[Activity], of: fn(&Activity) -> &String| {
            let ids = order::set_of(all.iter().map(of).filter(|id| !id.is_empty()).cloned());
            ids.into_iter().collect::<Vec<_>>()
        };
        let mut names = Self { keys: BTreeMap::new(), entities: BTreeMap::new() };
        for ids in ids(&detail.keyed, |one| &one.key).chunks(AT_ONCE) {
            let keys: Vec<VirtualKey> = call.management.get_many(ids).await?;
            let name = |key: VirtualKey| {
                let shown = json!({
                    "key_alias": key.alias, "team_id": key.team_id, "user_id": key.user_id, "key_exists": true,
                });
                (key.hash.hex(), shown)
            };
            names.keys.extend(keys.into_iter().map(name));
        }
        for ids in ids(&detail.entities, |one| &one.subject).chunks(AT_ONCE) {
            names.entities.extend(entities(call, scope, ids).await?);
        }
        Ok(names)
    }

    fn key(&self, hash: &str) -> Value {
        let unknown = || json!({"key_alias": null, "team_id": null, "user_id": null, "key_exists": false});
        self.keys.get(hash).cloned().unwrap_or_else(unknown)
    }

    fn entity(&self, id: &str) -> Value {
        self.entities.get(id).cloned().unwrap_or_else(|| json!({}))
    }
}

async fn entities(call: &Call<'_>, scope: Scope, ids: &[String]) -> Result<Vec<(String, Value)>, Refused> {
    let management = call.management;
    Ok(match scope {
        Scope::Team => {
            let found: Vec<Team> = management.get_many(ids).await?;
            found.into_iter().map(|one| (one.id, json!({"team_alias": one.alias}))).collect()
        }
        Scope::User => {
            let found: Vec<User> = management.get_many(ids).await?;
            let name = |one: User| (one.id, json!({"user_email": one.email, "user_alias": one.alias}));
            found.into_iter().map(name).collect()
        }
        Scope::Organization => {
            let found: Vec<Organization> = management.get_many(ids).await?;
            found.into_iter().map(|one| (one.id, json!({"organization_alias": one.alias}))).collect()
        }
        Scope::Customer => {
            let found: Vec<Customer> = management.get_many(ids).await?;
            found.into_iter().map(|one| (one.id, json!({"alias": one.alias}))).collect()
        }
        _ => Vec::new(),
    })
}

/// A day: its sum alone.
pub(super) fn alone(day: Day, sums: &[Activity]) -> Value {
    json!({"date": day.to_string(), "metrics": metrics(&total(sums.iter().filter(|one| one.day == Some(day))))})
}

/// A day: its sum, and the parts of it.
pub(super) fn shown(day: Day, detail: &Detail, names: &Names) -> Value {
    let of_day =
        |all: &'_ [Activity]| all.iter().filter(|one| one.day == Some(day)).cloned().collect::<Vec<_>>();
    let (plain, keyed, entities) = (of_day(&detail.plain), of_day(&detail.keyed), of_day(&detail.entities));
    let nothing = |_: &str| json!({});
    json!({
        "date": day.to_string(),
        "metrics": metrics(&total(&plain)),
        "breakdown": {
            "models": parts((&plain, &keyed), |one| &one.model, nothing, names),
            "model_groups": parts((&plain, &keyed), |one| &one.model_group, nothing, names),
            "providers": parts((&plain, &keyed), |one| &one.provider, nothing, names),
            "api_keys": keys(&keyed.iter().collect::<Vec<_>>(), names),
            "entities": parts((&entities, &entities), |one| &one.subject, |id| names.entity(id), names),
            "endpoints": {},
            "mcp_servers": {},
        },
    })
}

/// Sums by name, each with its keys.
fn parts(
    (all, keyed): (&[Activity], &[Activity]),
    name: fn(&Activity) -> &str,
    metadata: impl Fn(&str) -> Value,
    names: &Names,
) -> Value {
    let mut by_name = grouped(keyed, name);
    let part = |(name, of): (String, Vec<&Activity>)| {
        let keyed = by_name.remove(&name).unwrap_or_default();
        let shown = json!({
            "metrics": metrics(&total(of)),
            "metadata": metadata(&name),
            "api_key_breakdown": keys(&keyed, names),
        });
        (name, shown)
    };
    let all = grouped(all, name).into_iter().filter(|(name, _)| !name.is_empty());
    Value::Object(object_of(all.map(part)))
}

/// Sums by key. Calls without one stand in the other sums alone.
fn keys(all: &[&Activity], names: &Names) -> Value {
    let groups = grouped(all.iter().copied(), |one| &one.key).into_iter().filter(|(key, _)| !key.is_empty());
    let shown = |(key, of): (String, Vec<&Activity>)| {
        let shown = json!({"metrics": metrics(&total(of)), "metadata": names.key(&key)});
        (key, shown)
    };
    Value::Object(object_of(groups.map(shown)))
}
