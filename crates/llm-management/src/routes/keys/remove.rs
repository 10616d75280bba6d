//! Keys deleted, by themselves, their hash or their alias.

use llm_governance::entity::VirtualKey;
use llm_governance::{Changed, Filter, ListQuery};
use serde_json::json;

use crate::management::{Answered, Call};
use crate::refused::Refused;

/// Deletes keys, by themselves, their hashes or their aliases.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let keys = fields.texts("keys")?.value().unwrap_or_default();
    let aliases = fields.texts("key_aliases")?.value().unwrap_or_default();
    if keys.is_empty() && aliases.is_empty() {
        return Err(Refused::bad("name at least one key, in `keys` or `key_aliases`").about("keys"));
    }
    let mut found: Vec<VirtualKey> = Vec::new();
    for shown in &keys {
        found.push(call.own_key(shown, "/key/delete").await?);
    }
    for key in by_alias(call, &aliases).await? {
        found.push(call.own_key(&key.hash.hex(), "/key/delete").await?);
    }
    let ids: Vec<String> = found.iter().map(|key| key.hash.hex()).collect();
    delete_keys(call, &ids).await?;
    // As they were named, as LiteLLM does it: these keys are good for nothing any more.
    let named: Vec<String> = keys.into_iter().chain(aliases).collect();
    Ok(fields.answer(json!({"deleted_keys": named})))
}

async fn by_alias(call: &Call<'_>, aliases: &[String]) -> Result<Vec<VirtualKey>, Refused> {
    if aliases.is_empty() {
        return Ok(Vec::new());
    }
    let filters = vec![("alias", Filter::OneOf(aliases.to_vec()))];
    let found: Vec<VirtualKey> = call.management.all(ListQuery { filters, ..ListQuery::default() }).await?;
    let missing = aliases.iter().find(|alias| !found.iter().any(|key| key.alias.as_ref() == Some(alias)));
    match missing {
        None => Ok(found),
        Some(alias) => {
            Err(Refused::missing(format!("there is no key with the alias `{alias}`")).about("key_aliases"))
        }
    }
}

/// Deletes keys that the caller may delete.
///
/// # Errors
/// When the store fails.
pub(crate) async fn delete_keys(call: &Call<'_>, ids: &[String]) -> Result<Vec<VirtualKey>, Refused> {
    let deleted = call.delete::<VirtualKey>(ids).await?;
    for key in &deleted {
        call.management.changed(Changed::Key(key.hash));
    }
    Ok(deleted)
}
