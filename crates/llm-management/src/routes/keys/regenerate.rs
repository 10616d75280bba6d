//! A key replaced by another one.

use llm_governance::entity::VirtualKey;
use llm_governance::{Changed, KeyHash};
use serde_json::Value;

use super::update::{allow, changed};
use super::{generate, views};
use crate::fields::Fields;
use crate::given::Given;
use crate::management::{Answered, Call};
use crate::periods::later;
use crate::refused::Refused;
use crate::secret::{chosen_key, key_name, new_key, now};
use crate::show;

/// Replaces a key. Everything about it stays, besides what the body says; the old one is good for the grace period.
pub(super) async fn regenerate(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    if fields.any("new_master_key").value().is_some() {
        let message =
            "the master key is part of the configuration: change it there (`general_settings.master_key`)";
        return Err(Refused::bad(message).about("new_master_key"));
    }
    let shown = named(call, &mut fields)?;
    let is_in_path = !call.in_path("key").is_empty();
    let deed = if is_in_path { "/key/{key_id}/regenerate" } else { "/key/regenerate" };
    let before = call.own_key(&shown, deed).await?;
    let secret = match fields.text("new_key")?.value() {
        Some(chosen) => chosen_key(chosen)?,
        None => new_key()?,
    };
    let grace = fields.text("grace_period")?.value();
    let duration = fields.clone().text("duration")?.value();
    let (mut key, fields) = changed(before.clone(), fields, call)?;
    allow(call, &before, &key).await?;
    key.hash = KeyHash::of(secret.as_bytes());
    key.name = key_name(&secret);
    key.replaced = Some(replaced(&before, grace.as_deref())?);
    key.former.push(before.hash);
    generate::check_named(call, &VirtualKey { hash: before.hash, ..key.clone() }).await?;
    replace(call, &before, &key).await?;
    let rows = call.management.budget_rows(std::iter::once(&key.terms)).await?;
    let keys = [key];
    let views = views(call.management, &keys, &rows).await?;
    let shown = views.first().map(|view| show::new_key(*view, &secret, duration.as_deref()));
    Ok(fields.answer(Value::Object(shown.unwrap_or_default())))
}

/// The key that is meant: by the path, the body, the query, or the one that asks.
fn named(call: &Call<'_>, fields: &mut Fields) -> Result<String, Refused> {
    let in_body = fields.text("key")?;
    let in_path = call.in_path("key");
    if !in_path.is_empty() {
        return Ok(in_path.to_owned());
    }
    if let Given::Value(shown) = in_body {
        return Ok(shown);
    }
    let query = call.query();
    let own = || call.caller.key().map(|key| key.hex());
    let shown = query.text("key").map(str::to_owned).or_else(own);
    shown.ok_or_else(|| Refused::bad("name the key that is to be replaced, in `key`").about("key"))
}

/// The old key and until when it is good: without a grace period not any more. Calls that began with it are still
/// found to be the new key's.
fn replaced(
    before: &VirtualKey,
    grace: Option<&str>,
) -> Result<(KeyHash, llm_governance::Timestamp), Refused> {
    let now = now();
    let Some(grace) = grace else { return Ok((before.hash, now)) };
    let Some(until) = later("grace_period", grace, now)? else {
        return Err(Refused::field("grace_period", "a grace period ends: say `30m`, `24h` or `7d`"));
    };
    Ok((before.hash, until))
}

async fn replace(call: &Call<'_>, before: &VirtualKey, key: &VirtualKey) -> Result<(), Refused> {
    let entry = call.audit("rotated", Some(before), Some(key));
    let rotated = call.management.store().rotate(&before.hash, key, &entry).await;
    rotated.map_err(|error| match error {
        llm_governance::StoreError::Conflict(_) => {
            Refused::bad("there is such a key already: choose another `new_key`, or leave it out")
                .about("new_key")
        }
        other => other.into(),
    })?;
    call.management.changed(Changed::Replaced { old: before.hash, new: key.hash });
    Ok(())
}
