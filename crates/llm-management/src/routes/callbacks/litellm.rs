//! Callbacks of the store in LiteLLM's words: lists of names in `litellm_settings`, variables beside them.

use llm_governance::entity::Setting;
use serde_json::{Value, json};

use super::{Vars, change, end, insert, is_free, may_store, plain, row_name, tell};
use crate::change::HIDDEN;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::secret::now;
use crate::serving::{CallsTold, callback_kind, vars_of};

/// LiteLLM's lists of callbacks, and what those in them are told of.
const LISTS: [(&str, CallsTold); 3] = [
    ("callbacks", CallsTold::SuccessAndFailure),
    ("success_callback", CallsTold::Success),
    ("failure_callback", CallsTold::Failure),
];

/// Names them, by what they are told of.
pub(super) async fn list(call: &Call<'_>) -> Answered {
    let all = call.management.callbacks().unwrap_or_default();
    let told = |calls: CallsTold| -> Vec<&Value> {
        all.iter().filter(|one| one["type"] == calls.name()).map(|one| &one["name"]).collect()
    };
    let [success, failure, both] = CallsTold::ALL.map(told);
    Ok(Reply::ok(json!({"success": success, "failure": failure, "success_and_failure": both})))
}

/// Ends a callback.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    let name = fields.required("callback_name")?;
    end(call, &name).await?;
    tell(call).await;
    let left = call.management.callbacks().unwrap_or_default();
    let left: Vec<&Value> = left.iter().map(|one| &one["name"]).collect();
    Ok(fields.answer(json!({
        "message": format!("Successfully deleted callback: {name}"),
        "removed_callback": name,
        "remaining_callbacks": left,
        "deleted_at": now().iso(),
    })))
}

/// Adds or widens the callbacks that LiteLLM's `litellm_settings` names, with the variables that they are made from.
///
/// # Errors
/// When something else is said there, or a callback cannot be made.
pub(crate) async fn put(call: &Call<'_>, settings: Vars, variables: Vars) -> Result<(), Refused> {
    let wanted = named(settings)?;
    let (mut left, mut puts) = (plain(variables)?, Vec::new());
    for (name, calls) in wanted {
        let kind = callback_kind(&name).unwrap_or_default();
        let is_own = |variable: &str| vars_of(kind).any(|known| known == variable);
        let (own, rest): (Vars, Vars) = left.into_iter().partition(|(variable, _)| is_own(variable));
        left = rest;
        puts.push((name, calls, own));
    }
    if let Some(other) = left.keys().next() {
        let message = format!(
            "`environment_variables.{}` is the configuration's: set it there, or name the callback that is made from it",
            other.to_ascii_uppercase()
        );
        return Err(Refused::bad(message).detail());
    }
    for (name, calls, own) in puts {
        put_one(call, name, calls, own).await?;
    }
    Ok(())
}

/// Names of callbacks, and what each is to be told of.
///
/// # Errors
/// When something else is set.
fn named(settings: Vars) -> Result<Vec<(String, CallsTold)>, Refused> {
    let mut wanted: Vec<(String, CallsTold)> = Vec::new();
    for (key, value) in settings {
        let Some((_, calls)) = LISTS.iter().find(|(list, _)| *list == key) else {
            let message = format!(
                "`litellm_settings.{key}` is the configuration's: set it there. What can be changed here: {}",
                LISTS.map(|(list, _)| list).join(", ")
            );
            return Err(Refused::bad(message).detail());
        };
        let wrong =
            || Refused::field(&format!("litellm_settings.{key}"), "Input should be a valid list of names");
        for name in value.as_array().ok_or_else(wrong)? {
            let name = name.as_str().ok_or_else(wrong)?;
            match wanted.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = known.and(*calls),
                None => wanted.push((name.to_owned(), *calls)),
            }
        }
    }
    Ok(wanted)
}

/// Adds a callback, or tells one that is there of more, with these variables over its own.
async fn put_one(call: &Call<'_>, name: String, calls: CallsTold, vars: Vars) -> Result<(), Refused> {
    if call.management.get::<Setting>(&row_name(&name)).await?.is_none() {
        is_free(call, &name).await?;
        let kind = name.clone();
        return insert(call, (name, &kind), calls, vars).await.map(|_| ());
    }
    let changed = change(call, &name, |before, mut known| {
        known.extend(vars.clone().into_iter().filter(|(_, value)| *value != HIDDEN));
        (before.and(calls), known)
    });
    changed.await.map(|_| ())
}
