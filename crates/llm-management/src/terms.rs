//! What a body says of models, limits and money, in the one form that all entities share.

use std::collections::BTreeMap;

use llm_core::json::try_map_of;
use llm_governance::{BudgetDuration, BudgetLimit, Terms, Timestamp};
use serde_json::{Map, Value};

use crate::fields::{Fields, money, whole};
use crate::given::Given;
use crate::refused::Refused;
use crate::secret::now;

/// Fields that LiteLLM keeps in an entity's metadata, and that are terms here.
pub(crate) const IN_METADATA: [&str; 5] =
    ["tags", "guardrails", "enforced_params", "model_rpm_limit", "model_tpm_limit"];

/// Fields of LiteLLM's that mean nothing here: kept, and given back.
pub(crate) const KEPT: [&str; 31] = [
    "access_group_ids",
    "agent_id",
    "allowed_cache_controls",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "auto_rotate",
    "config",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "denied_passthrough_routes",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "end_user_budget_id",
    "enforced_batch_output_expires_after",
    "enforced_file_expires_after",
    "mcp_rpm_limit",
    "object_permission",
    "policies",
    "project_id",
    "prompts",
    "require_trace_id",
    "rotation_interval",
    "router_settings",
    "rpm_limit_type",
    "secret_manager_settings",
    "send_invite_email",
    "tag_rpm_limit",
    "temp_budget_expiry",
    "temp_budget_increase",
    "throttle_on_budget_exceeded",
    "tpm_limit_type",
];

/// Changes terms as a body says. What it says nothing of stays.
///
/// # Errors
/// When a field cannot be read; the terms are useless then.
pub(crate) fn apply(fields: &mut Fields, terms: &mut Terms) -> Result<(), Refused> {
    fields.lift("metadata", &IN_METADATA);
    budget(fields, terms)?;
    limits(fields, terms)?;
    fields.texts("models")?.put_or_default(&mut terms.models);
    aliases(fields, "aliases")?.put_or_default(&mut terms.aliases);
    fields.texts("allowed_routes")?.put_or_default(&mut terms.allowed_routes);
    fields.texts("allowed_ips")?.put_or_default(&mut terms.allowed_ips);
    fields.switch("blocked")?.put_or_default(&mut terms.blocked);
    fields.texts("tags")?.put_or_default(&mut terms.tags);
    fields.texts("guardrails")?.put_or_default(&mut terms.guardrails);
    fields.texts("enforced_params")?.put_or_default(&mut terms.enforced_params);
    fields.object("permissions")?.put_or_default(&mut terms.permissions);
    fields.object("metadata")?.put_or_default(&mut terms.metadata);
    fields.keep(&KEPT, &mut terms.other);
    Ok(())
}

/// The part of a body that is about money.
fn budget(fields: &mut Fields, terms: &mut Terms) -> Result<(), Refused> {
    fields.money("max_budget")?.put(&mut terms.max_budget);
    fields.money("soft_budget")?.put(&mut terms.soft_budget);
    let before = terms.budget_duration;
    duration(fields, "budget_duration")?.put(&mut terms.budget_duration);
    if terms.budget_duration != before {
        // A period that is new begins now, not when the entity was made.
        terms.budget_start = Some(now());
    }
    fields.text("budget_time_zone")?.try_map(zone)?.put(&mut terms.budget_time_zone);
    fields.objects("budget_limits")?.try_map(windows)?.put_or_default(&mut terms.budget_limits);
    fields.text("budget_id")?.put(&mut terms.budget_id);
    let models = fields.object("model_max_budget")?.try_map(|object| budgets_of_models(object, terms))?;
    models.put_or_default(&mut terms.model_max_budget);
    fallbacks(fields)?.put_or_default(&mut terms.budget_fallbacks);
    Ok(())
}

/// `{"gpt-4o": ["gpt-4o-mini"]}`.
fn fallbacks(fields: &mut Fields) -> Result<Given<BTreeMap<String, Vec<String>>>, Refused> {
    const NAME: &str = "budget_fallbacks";
    fields.object(NAME)?.try_map(|object| {
        let pair = |(model, targets): (String, Value)| {
            let targets: Option<Vec<String>> = serde_json::from_value(targets).ok();
            let explained = || Refused::field(NAME, format!("`{model}` should be a list of models"));
            targets.map(|targets| (model.clone(), targets)).ok_or_else(explained)
        };
        try_map_of(object.into_iter().map(pair))
    })
}

/// What a key may spend besides its budget for a while: `temp_budget_increase` until `temp_budget_expiry`, a time or how
/// long from now.
///
/// # Errors
/// When one is there without the other, or cannot be read.
pub(crate) fn temporary(fields: &mut Fields, terms: &mut Terms) -> Result<(), Refused> {
    fields.lift("metadata", &["temp_budget_increase", "temp_budget_expiry"]);
    let increase = fields.money("temp_budget_increase")?;
    let expiry = fields.text("temp_budget_expiry")?;
    if !increase.is_said() && !expiry.is_said() {
        return Ok(());
    }
    let until = match expiry.value() {
        Some(text) => Some(until("temp_budget_expiry", &text)?),
        None => terms.temp_budget.map(|(_, until)| until),
    };
    terms.temp_budget = match (increase, terms.temp_budget, until) {
        (Given::Null, ..) => None,
        (Given::Value(amount), _, Some(until)) => Some((amount, until)),
        (Given::Absent, Some((amount, _)), Some(until)) => Some((amount, until)),
        _ => {
            let message = "`temp_budget_increase` and `temp_budget_expiry` belong together: say both";
            return Err(Refused::field("temp_budget_increase", message));
        }
    };
    Ok(())
}

fn until(name: &'static str, text: &str) -> Result<Timestamp, Refused> {
    if let Some(time) = Timestamp::parse(text) {
        return Ok(time);
    }
    let message = "not a time: say `10d`, or a time like `2027-01-31T00:00:00Z`";
    crate::periods::later(name, text, now())?.ok_or_else(|| Refused::field(name, message))
}

/// The part of a body that is about calls and tokens in a time.
fn limits(fields: &mut Fields, terms: &mut Terms) -> Result<(), Refused> {
    fields.whole("rpm_limit")?.put(&mut terms.rpm_limit);
    fields.whole("tpm_limit")?.put(&mut terms.tpm_limit);
    fields.whole("tpd_limit")?.put(&mut terms.tpd_limit);
    let parallel = fields.whole("max_parallel_requests")?.try_map(|count| {
        u32::try_from(count).map_err(|_| Refused::field("max_parallel_requests", "Input is too large"))
    })?;
    parallel.put(&mut terms.max_parallel_requests);
    fields.wholes("model_rpm_limit")?.put_or_default(&mut terms.model_rpm_limit);
    fields.wholes("model_tpm_limit")?.put_or_default(&mut terms.model_tpm_limit);
    Ok(())
}

/// Names of models, and what they stand for.
pub(crate) fn aliases(
    fields: &mut Fields,
    name: &'static str,
) -> Result<Given<BTreeMap<String, String>>, Refused> {
    fields.object(name)?.try_map(|object| {
        let pair = |(alias, model): (String, Value)| match model {
            Value::String(model) => Ok((alias, model)),
            _ => Err(Refused::field(name, format!("`{alias}` should be the name of a model"))),
        };
        try_map_of(object.into_iter().map(pair))
    })
}

/// The length of a budget's period.
pub(crate) fn duration(fields: &mut Fields, name: &'static str) -> Result<Given<BudgetDuration>, Refused> {
    fields.text(name)?.try_map(|text| period(name, &text))
}

fn period(name: &str, text: &str) -> Result<BudgetDuration, Refused> {
    let message = "not a period: say `24h`, `30d` (rolling), or `1mo`, `daily`, `weekly` (calendar)";
    BudgetDuration::parse(text).ok_or_else(|| Refused::field(name, message))
}

fn zone(name: String) -> Result<String, Refused> {
    let known = jiff::tz::TimeZone::get(&name).is_ok();
    let message = "not a time zone: say its name, as in `Europe/Berlin`";
    known.then_some(name).ok_or_else(|| Refused::field("budget_time_zone", message))
}

/// `[{"budget_duration": "1d", "max_budget": 5}]`.
fn windows(entries: Vec<Fields>) -> Result<Vec<BudgetLimit>, Refused> {
    let window = |mut entry: Fields| {
        let inside = |refused: Refused| Refused::field("budget_limits", refused.message);
        let duration = duration(&mut entry, "budget_duration").map_err(inside)?.value();
        let max_budget = entry.money("max_budget").map_err(inside)?.value();
        match (duration, max_budget) {
            (Some(duration), Some(max_budget)) => Ok(BudgetLimit { max_budget, duration: Some(duration) }),
            _ => Err(Refused::field("budget_limits", "each needs a `budget_duration` and a `max_budget`")),
        }
    };
    entries.into_iter().map(window).collect()
}

/// `{"gpt-4o": {"budget_limit": 5, "time_period": "1d"}}`, or LiteLLM's newer names, or the amount alone. Limits of
/// calls and tokens that stand there go where such limits are.
fn budgets_of_models(
    object: Map<String, Value>,
    terms: &mut Terms,
) -> Result<BTreeMap<String, BudgetLimit>, Refused> {
    const NAME: &str = "model_max_budget";
    let mut budgets = BTreeMap::new();
    for (model, value) in object {
        let Value::Object(entry) = value else {
            budgets.insert(model, BudgetLimit { max_budget: money(NAME, &value)?, duration: None });
            continue;
        };
        let one_of = |names: [&str; 2]| {
            names.into_iter().find_map(|name| entry.get(name)).filter(|value| !value.is_null())
        };
        if let Some(amount) = one_of(["max_budget", "budget_limit"]) {
            let duration = one_of(["budget_duration", "time_period"]);
            let duration =
                duration.map(|text| period(NAME, text.as_str().unwrap_or_default())).transpose()?;
            budgets.insert(model.clone(), BudgetLimit { max_budget: money(NAME, amount)?, duration });
        }
        let limit = |name: &str| match entry.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => whole(value)
                .map(Some)
                .ok_or_else(|| Refused::field(NAME, format!("`{name}` should be an integer"))),
        };
        if let Some(rpm) = limit("rpm_limit")? {
            terms.model_rpm_limit.insert(model.clone(), rpm);
        }
        if let Some(tpm) = limit("tpm_limit")? {
            terms.model_tpm_limit.insert(model, tpm);
        }
    }
    Ok(budgets)
}
