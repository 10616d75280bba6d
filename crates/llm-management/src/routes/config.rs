//! Settings of the gateway that administrators change while it runs: kept in the store, over those of the configuration.

use llm_core::json::object_of;
use llm_governance::Changed;
use llm_governance::entity::Setting;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::callbacks;
use crate::declared::object;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::Post;
use crate::route::Access::Admin;
use crate::route::Route;
use crate::secret::now;
use crate::serving::{ALERT_ADDRESSES, STORED_ALERTS, STORED_ROUTER, StoredAlerts, shown_alert_setting};

/// Routes of settings.
pub(super) const ROUTES: &[Route] = &[Route::change(Post, "/config/update", Admin, |call| Box::pin(update(call)))
    .about("Changes settings of the router, of alerts and of callbacks, at once and on every gateway; `null` gives one back to the configuration.")
    .takes(
        &[&[
            object("router_settings", "settings of the router, as in the configuration"),
            object("general_settings", "`alerting`, `alert_types`, `alerting_threshold`, `alert_to_webhook_url`"),
            object("litellm_settings", "`callbacks`, `success_callback`, `failure_callback`: who is told of calls, besides those who are"),
            object("environment_variables", "`SLACK_WEBHOOK_URL`, `WEBHOOK_URL`: where alerts go; and what callbacks are made from"),
        ]],
        r#"{"router_settings": {"num_retries": 2}}"#,
    )];

/// Keys of `general_settings` that are changed here.
const ALERTS: [&str; 4] = ["alerting", "alert_types", "alerting_threshold", "alert_to_webhook_url"];

async fn update(call: &Call<'_>) -> Answered {
    call.may_store("settings are", "write them into the configuration")?;
    let mut fields = call.fields()?;
    let router = fields.object("router_settings")?.value();
    let callbacks = fields.object("litellm_settings")?.value();
    let general = fields.object("general_settings")?.value();
    let (addresses, variables) = parted(fields.object("environment_variables")?.value(), callbacks.is_some());
    let alerts = alerts(general, addresses)?;
    if router.is_none() && alerts.is_none() && callbacks.is_none() {
        return Err(Refused::field_missing("router_settings"));
    }
    if let Some(wanted) = callbacks {
        callbacks::put_litellm(call, wanted, variables).await?;
    }
    if let Some(wanted) = router {
        put(call, STORED_ROUTER, |before| routed(call, before, &wanted)).await?;
    }
    if let Some(wanted) = alerts {
        put(call, STORED_ALERTS, |before| alerted(call, before, &wanted)).await?;
    }
    if let Some(serving) = call.management.serving() {
        serving.refresh().await;
    }
    Ok(fields.answer(json!({"message": "Config updated successfully"})))
}

/// Puts a setting into the store, made of what is there, and tells everybody.
async fn put(
    call: &Call<'_>,
    name: &'static str,
    make: impl Fn(Option<Value>) -> Result<Value, Refused> + Send + Sync,
) -> Result<(), Refused> {
    let setting = |value| Setting { name: name.to_owned(), value, updated_at: now() };
    match call.management.get::<Setting>(name).await? {
        Some(_) => {
            let changed =
                call.change::<Setting>(name, "updated", |before| make(Some(before.value)).map(setting));
            changed.await?;
        }
        None => call.insert(&[setting(make(None)?)]).await?,
    }
    call.management.changed(Changed::Setting(name.to_owned()));
    Ok(())
}

/// Variables of alerts, and those that callbacks are made from where callbacks are named.
fn parted(
    variables: Option<Map<String, Value>>,
    has_callbacks: bool,
) -> (Option<Map<String, Value>>, Map<String, Value>) {
    if !has_callbacks {
        return (variables, Map::new());
    }
    let variables = variables.unwrap_or_default();
    let is_address = |name: &str| ALERT_ADDRESSES.contains(&name);
    let (addresses, rest): (Map<_, _>, _) = variables.into_iter().partition(|(name, _)| is_address(name));
    ((!addresses.is_empty()).then_some(addresses), rest)
}

/// What is wanted of alerts; `None`: nothing is said of them.
///
/// # Errors
/// When something else is wanted.
fn alerts(
    general: Option<Map<String, Value>>,
    variables: Option<Map<String, Value>>,
) -> Result<Option<Map<String, Value>>, Refused> {
    if general.is_none() && variables.is_none() {
        return Ok(None);
    }
    let (general, variables) = (general.unwrap_or_default(), variables.unwrap_or_default());
    let sections = [
        ("general_settings", &general, &ALERTS[..]),
        ("environment_variables", &variables, &ALERT_ADDRESSES[..]),
    ];
    for (section, given, known) in sections {
        if let Some(other) = given.keys().find(|name| !known.contains(&name.as_str())) {
            let message = format!(
                "`{section}.{other}` is the configuration's: set it there. What can be changed here: {}",
                known.join(", ")
            );
            return Err(Refused::bad(message).detail());
        }
    }
    Ok(Some(object_of(general.into_iter().chain(variables))))
}

/// # Errors
/// Why the router could not be set so.
fn routed(call: &Call<'_>, before: Option<Value>, wanted: &Map<String, Value>) -> Result<Value, Refused> {
    let known = merged(before.and_then(|value| value.as_object().cloned()).unwrap_or_default(), wanted);
    if let Some(serving) = call.management.serving() {
        serving.check_router(&known).map_err(|why| Refused::bad(why).detail())?;
    }
    Ok(Value::Object(known))
}

/// # Errors
/// Why alerts could not be set so.
fn alerted(call: &Call<'_>, before: Option<Value>, wanted: &Map<String, Value>) -> Result<Value, Refused> {
    let failed = |error: llm_core::Error| Refused::error(500, "internal_server_error", error.message());
    let sealing = call.management.sealing()?;
    let known = match before.map(StoredAlerts::deserialize) {
        Some(Ok(stored)) => stored.open(sealing).map_err(failed)?,
        _ => Map::new(),
    };
    let fresh = wanted.iter().map(|(name, value)| (name.clone(), unmasked(name, known.get(name), value)));
    let fresh = object_of(fresh);
    let known = merged(known, &fresh);
    if let Some(serving) = call.management.serving() {
        serving.check_alerts(&known).map_err(|why| Refused::bad(why).detail())?;
    }
    let stored = StoredAlerts::of(&known, sealing).map_err(failed)?;
    serde_json::to_value(stored).map_err(|_| Refused::bad("the settings cannot be written"))
}

/// What a reply showed of an address is what it was; single ones of a map, too.
fn unmasked(name: &str, old: Option<&Value>, new: &Value) -> Value {
    match (old, new) {
        (Some(old), new) if shown_alert_setting(name, old) == *new => old.clone(),
        (Some(Value::Object(old)), Value::Object(new)) => {
            let unmask =
                |(kind, value): (&String, &Value)| (kind.clone(), unmasked(name, old.get(kind), value));
            Value::Object(object_of(new.iter().map(unmask)))
        }
        (_, new) => new.clone(),
    }
}

/// What is known, with what is wanted in its place.
fn merged(mut known: Map<String, Value>, wanted: &Map<String, Value>) -> Map<String, Value> {
    for (name, value) in wanted {
        match value {
            Value::Null => drop(known.remove(name)),
            value => drop(known.insert(name.clone(), value.clone())),
        }
    }
    known
}
