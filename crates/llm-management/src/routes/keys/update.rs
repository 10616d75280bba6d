//! Keys changed, one or many, blocked and unblocked.

use llm_governance::entity::VirtualKey;
use llm_governance::{Changed, Scope, Subject};
use serde_json::{Value, json};

use super::generate::{allow_bounds, allow_owner, check_named, expiry, kind};
use super::show::rows;
use crate::bounds::Bound;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::secret::now;
use crate::{bounds, terms};

/// The most keys that one request changes.
const AT_ONCE: usize = 500;

/// Changes a key.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let shown = fields.required("key")?;
    let (key, fields) = change(call, &shown, fields, "/key/update").await?;
    let row = rows(call.management, &[key]).await?.pop().unwrap_or_default();
    let mut answer = crate::show::fields(row);
    answer.insert("key".to_owned(), answer.get("token").cloned().unwrap_or_default());
    Ok(fields.answer(Value::Object(answer)))
}

/// Changes several keys, each as its entry says; what fails is told beside what was done.
pub(super) async fn bulk(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let Some(entries) = fields.objects("keys")?.value().filter(|entries| !entries.is_empty()) else {
        return Err(Refused::field_missing("keys"));
    };
    if entries.len() > AT_ONCE {
        return Err(Refused::field("keys", format!("at most {AT_ONCE} keys at a time")));
    }
    let (total, mut done, mut failed) = (entries.len(), Vec::new(), Vec::new());
    for mut entry in entries {
        let shown = entry.required("key")?;
        match change(call, &shown, entry, "/key/bulk_update").await {
            Ok((key, _)) => {
                let row = rows(call.management, &[key]).await?.pop().unwrap_or_default();
                let token = row.get("token").cloned().unwrap_or_default();
                done.push(json!({"key": token, "key_info": row}));
            }
            Err(refused) => {
                let hash = crate::secret::hash_of(&shown).hex();
                failed.push(json!({"key": hash, "key_info": null, "failed_reason": refused.message}));
            }
        }
    }
    let told = json!({"total_requested": total, "successful_updates": done, "failed_updates": failed});
    Ok(fields.answer(told))
}

/// Blocks a key.
pub(super) async fn block(call: &Call<'_>) -> Answered {
    set_blocked(call, true).await
}

/// Lets a blocked key be used again.
pub(super) async fn unblock(call: &Call<'_>) -> Answered {
    set_blocked(call, false).await
}

async fn set_blocked(call: &Call<'_>, blocked: bool) -> Answered {
    let mut fields = call.fields()?;
    let shown = fields.required("key")?;
    let (deed, action) = if blocked { ("/key/block", "blocked") } else { ("/key/unblock", "unblocked") };
    let key = call.own_key(&shown, deed).await?;
    // Holders would lift what an administrator did; members whom the team lets may.
    if call.is_user(key.user_id.as_deref()) && !call.rules_key(&key).await? {
        let message = format!("{deed} is for administrators, of the gateway or of the key's team");
        return Err(Refused::forbidden(message));
    }
    let by = call.actor();
    let id = key.hash.hex();
    let changed = call.change(&id, action, |mut key: VirtualKey| {
        key.terms.blocked = blocked;
        key.updated_by = Some(by.clone());
        key.updated_at = now();
        Ok(key)
    });
    let key = changed.await?;
    call.management.changed(Changed::Key(key.hash));
    let row = rows(call.management, &[key]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

/// Changes one key as the fields say.
async fn change(
    call: &Call<'_>,
    shown: &str,
    fields: Fields,
    deed: &'static str,
) -> Result<(VirtualKey, Fields), Refused> {
    let before = call.own_key(shown, deed).await?;
    let (wanted, mut left) = changed(before.clone(), fields.clone(), call)?;
    let spend = left.money("spend")?.value();
    allow(call, &before, &wanted).await?;
    if spend.is_some() && !call.rules_key(&before).await? {
        return Err(Refused::forbidden("only an administrator says what a key has spent").about("spend"));
    }
    check_named(call, &wanted).await?;
    let id = before.hash.hex();
    let again = |key: VirtualKey| changed(key, fields.clone(), call).map(|(key, _)| key);
    let key: VirtualKey = call.change(&id, "updated", again).await?;
    if let Some(spend) = spend {
        let subject = Subject::new(Scope::Key, id);
        call.management.correct_spend((subject.clone(), &key.terms, key.created_at), spend).await?;
        call.management.changed(Changed::Spent(subject));
    }
    call.management.changed(Changed::Key(key.hash));
    Ok((key, left))
}

/// The key as the fields say, and the fields that are left.
pub(super) fn changed(
    mut key: VirtualKey,
    mut fields: Fields,
    call: &Call<'_>,
) -> Result<(VirtualKey, Fields), Refused> {
    fields.text("key_alias")?.put(&mut key.alias);
    key.alias = key.alias.filter(|alias| !alias.is_empty());
    fields.text("user_id")?.put(&mut key.user_id);
    fields.text("team_id")?.put(&mut key.team_id);
    fields.text("organization_id")?.put(&mut key.organization_id);
    kind(&mut fields)?.put_or_default(&mut key.kind);
    expiry(&mut fields, &mut key.expires)?;
    terms::temporary(&mut fields, &mut key.terms)?;
    terms::apply(&mut fields, &mut key.terms)?;
    key.updated_by = Some(call.actor());
    key.updated_at = now();
    Ok((key, fields))
}

/// Whether the caller may make this of a key.
pub(super) async fn allow(call: &Call<'_>, before: &VirtualKey, wanted: &VirtualKey) -> Result<(), Refused> {
    if call.is_admin() {
        // What it names must be there all the same.
        return allow_owner(call, wanted).await.map(|_| ());
    }
    let is_elsewhere = before.team_id != wanted.team_id
        || before.user_id != wanted.user_id
        || before.organization_id != wanted.organization_id;
    let team = match &wanted.team_id {
        _ if is_elsewhere => allow_owner(call, wanted).await?,
        Some(id) => call.management.get(id).await?,
        None => None,
    };
    if before.terms.temp_budget != wanted.terms.temp_budget {
        let message = "only the gateway's administrators give a key more for a while: ask one";
        return Err(Refused::forbidden(message).about("temp_budget_increase"));
    }
    if !call.rules_key(before).await? {
        allow_holder(call, before, wanted)?;
    }
    allow_bounds(call, wanted, team.as_ref()).await
}

/// What somebody else set for its holder, the holder may narrow and not widen.
fn allow_holder(call: &Call<'_>, before: &VirtualKey, wanted: &VirtualKey) -> Result<(), Refused> {
    if before.terms.blocked && !wanted.terms.blocked {
        let message = "only an administrator unblocks a key: ask one (`/key/unblock`)";
        return Err(Refused::forbidden(message).about("blocked"));
    }
    if call.is_user(before.created_by.as_deref()) {
        return Ok(());
    }
    let mut filled = wanted.terms.clone();
    bounds::fill(&before.terms, &mut filled);
    if filled != wanted.terms {
        let message =
            "a limit that an administrator set for this key may be narrowed, not taken away: ask one";
        return Err(Refused::forbidden(message));
    }
    if before.expires.is_some_and(|before| wanted.expires.is_none_or(|wanted| wanted > before)) {
        let message =
            "a key that somebody else made is not made to last longer by its holder: ask an administrator";
        return Err(Refused::forbidden(message).about("duration"));
    }
    Bound { whose: "this key (somebody else set it)".to_owned(), terms: &before.terms }.check(&wanted.terms)
}
