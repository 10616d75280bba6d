//! Settings of the gateway that administrators change while it runs: kept in the store, over those of the configuration.

use llm_governance::Changed;
use llm_governance::entity::Setting;
use serde_json::{Map, Value, json};

use crate::declared::object;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::Post;
use crate::route::Access::Admin;
use crate::route::Route;
use crate::secret::now;
use crate::serving::STORED_ROUTER;

/// Routes of settings.
pub(super) const ROUTES: &[Route] = &[Route::change(Post, "/config/update", Admin, |call| Box::pin(update(call)))
    .about("Changes settings of the router, at once and on every gateway; `null` gives one back to the configuration.")
    .takes(
        &[&[object("router_settings", "settings of the router, as in the configuration").needed()]],
        r#"{"router_settings": {"num_retries": 2}}"#,
    )];

/// Sections of LiteLLM's that are not changed here.
const ELSEWHERE: [&str; 3] = ["general_settings", "litellm_settings", "environment_variables"];

async fn update(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    if let Some(name) = ELSEWHERE.iter().find(|name| fields.has(name)) {
        let message =
            format!("`{name}` is the configuration's: set it there. `router_settings` can be changed here");
        return Err(Refused::bad(message).detail());
    }
    let wanted = fields.object("router_settings")?.value();
    let wanted = wanted.ok_or_else(|| Refused::field_missing("router_settings"))?;
    match call.management.get::<Setting>(STORED_ROUTER).await? {
        Some(_) => {
            let changed = call.change::<Setting>(STORED_ROUTER, "updated", |before| {
                let known = before.value.as_object().cloned().unwrap_or_default();
                checked(call, known, &wanted).map(setting)
            });
            changed.await?;
        }
        None => call.insert(&[setting(checked(call, Map::new(), &wanted)?)]).await?,
    }
    call.management.changed(Changed::Setting(STORED_ROUTER.to_owned()));
    if let Some(serving) = call.management.serving() {
        serving.refresh().await;
    }
    Ok(fields.answer(json!({"message": "Config updated successfully"})))
}

/// What is stored, with what is wanted in its place.
///
/// # Errors
/// Why the router could not be set so.
fn checked(
    call: &Call<'_>,
    mut known: Map<String, Value>,
    wanted: &Map<String, Value>,
) -> Result<Map<String, Value>, Refused> {
    for (name, value) in wanted {
        match value {
            Value::Null => drop(known.remove(name)),
            value => drop(known.insert(name.clone(), value.clone())),
        }
    }
    if let Some(serving) = call.management.serving() {
        serving.check_router(&known).map_err(|why| Refused::bad(why).detail())?;
    }
    Ok(known)
}

fn setting(value: Map<String, Value>) -> Setting {
    Setting { name: STORED_ROUTER.to_owned(), value: Value::Object(value), updated_at: now() }
}

/// # Errors
/// When the operator wants nothing of this kind in the store.
fn may_store(call: &Call<'_>) -> Result<(), Refused> {
    if !call.settings.no_models {
        return Ok(());
    }
    let message = "settings are not kept in the store: `general_settings.store_model_in_db` is false. Set it to true, or \
                   write them into the configuration";
    Err(Refused::bad(message).detail())
}
