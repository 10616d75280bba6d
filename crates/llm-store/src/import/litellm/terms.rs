//! What a row of LiteLLM's says of models, limits and money.

use std::collections::BTreeMap;

use llm_core::json::{map_of, object_of, try_map_of};
use llm_governance::{BudgetDuration, BudgetLimit, Terms, Timestamp};
use serde_json::{Map, Value};

use super::row::{SourceRow, Unread, dollars, texts};

/// Columns that mean nothing here yet, and are kept.
pub(super) const KEPT: [&str; 10] = [
    "access_group_ids",
    "agent_id",
    "allowed_cache_controls",
    "auto_rotate",
    "config",
    "object_permission_id",
    "policies",
    "project_id",
    "rotation_interval",
    "router_settings",
];

/// The terms of a row.
///
/// # Errors
/// What cannot be read.
pub(super) fn terms(row: &SourceRow) -> Result<Terms, Unread> {
    let mut metadata = row.object("metadata");
    let mut terms = Terms {
        models: row.texts("models"),
        aliases: row.aliases("aliases"),
        max_budget: cap(row, "max_budget")?,
        soft_budget: cap(row, "soft_budget")?,
        budget_id: row.text("budget_id"),
        rpm_limit: row.whole("rpm_limit")?,
        tpm_limit: row.whole("tpm_limit")?,
        allowed_routes: row.texts("allowed_routes"),
        blocked: row.switch("blocked"),
        tags: lift(&mut metadata, "tags"),
        guardrails: lift(&mut metadata, "guardrails"),
        enforced_params: lift(&mut metadata, "enforced_params"),
        permissions: row.object("permissions"),
        model_rpm_limit: numbers(&mut metadata, "model_rpm_limit")?,
        model_tpm_limit: numbers(&mut metadata, "model_tpm_limit")?,
        budget_fallbacks: fallbacks(row.object("budget_fallbacks")),
        temp_budget: temporary(&mut metadata),
        other: kept(row),
        ..Terms::default()
    };
    terms.metadata = metadata;
    let parallel = row.whole("max_parallel_requests")?;
    terms.max_parallel_requests = parallel.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    if let Some(text) = row.text("budget_duration") {
        let duration = BudgetDuration::parse(&text)
            .ok_or_else(|| format!("`budget_duration` is no period that is known here: {text}"))?;
        terms.budget_start = row.time("budget_reset_at").and_then(|resets| start(duration, resets));
        terms.budget_duration = Some(duration);
    }
    budgets_of_models(row.object("model_max_budget"), &mut terms)?;
    Ok(terms)
}

/// A cap; one without an end is none.
fn cap(row: &SourceRow, column: &str) -> Result<Option<llm_core::money::NanoDollars>, Unread> {
    if row.text(column).is_some_and(|text| text == "Infinity") { Ok(None) } else { row.money(column) }
}

/// From when periods are counted that begin anew at that time: the first such moment after 1970, so that it is the same
/// for all periods of a row.
fn start(duration: BudgetDuration, resets: Timestamp) -> Option<Timestamp> {
    match duration {
        BudgetDuration::Rolling(seconds) => {
            Some(Timestamp(resets.0.rem_euclid(i64::from(seconds).saturating_mul(1_000_000))))
        }
        _ => None,
    }
}

fn fallbacks(object: Map<String, Value>) -> BTreeMap<String, Vec<String>> {
    map_of(object.into_iter().map(|(model, models)| (model, texts(&models))))
}

/// What may be spent besides for a while.
fn temporary(metadata: &mut Map<String, Value>) -> Option<(llm_core::money::NanoDollars, Timestamp)> {
    let until = Timestamp::parse(metadata.get("temp_budget_expiry")?.as_str()?)?;
    let increase = dollars(&metadata.get("temp_budget_increase")?.to_string())?;
    metadata.retain(|name, _| !name.starts_with("temp_budget_"));
    Some((increase, until))
}

fn lift(metadata: &mut Map<String, Value>, name: &str) -> Vec<String> {
    if !metadata.get(name).is_some_and(Value::is_array) {
        return Vec::new();
    }
    metadata.remove(name).map(|value| texts(&value)).unwrap_or_default()
}

fn numbers(metadata: &mut Map<String, Value>, name: &str) -> Result<BTreeMap<String, u64>, Unread> {
    let Some(Value::Object(limits)) = metadata.remove(name) else { return Ok(BTreeMap::new()) };
    let limit = |(model, value): (String, Value)| match value.as_u64() {
        Some(limit) => Ok((model, limit)),
        None => Err(format!("`{name}` of `{model}` is no limit")),
    };
    try_map_of(limits.into_iter().map(limit))
}

fn kept(row: &SourceRow) -> Map<String, Value> {
    let value = |column: &str| match row.json(column) {
        Value::Null => row.text(column).map(Value::String).unwrap_or_default(),
        value => value,
    };
    let said = KEPT.into_iter().filter(|column| row.says(column));
    object_of(said.map(|column| (column.to_owned(), value(column))))
}

/// `{"gpt-4o": {"budget_limit": 5, "time_period": "1d"}}`, with the names of newer versions, or the amount alone.
fn budgets_of_models(object: Map<String, Value>, terms: &mut Terms) -> Result<(), Unread> {
    for (model, value) in object {
        let unread = || format!("`model_max_budget` of `{model}` cannot be read");
        let field = |names: [&str; 2]| {
            names.into_iter().find_map(|name| value.get(name)).filter(|value| !value.is_null())
        };
        let amount = if value.is_object() { field(["max_budget", "budget_limit"]) } else { Some(&value) };
        let duration = field(["budget_duration", "time_period"]);
        let duration = duration.map(|text| text.as_str().and_then(BudgetDuration::parse).ok_or_else(unread));
        if let Some(amount) = amount {
            let amount = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
            let max_budget = dollars(&amount).ok_or_else(unread)?;
            let duration = duration.transpose()?;
            terms.model_max_budget.insert(model.clone(), BudgetLimit { max_budget, duration });
        }
        if let Some(limit) = value.get("rpm_limit").and_then(Value::as_u64) {
            terms.model_rpm_limit.insert(model.clone(), limit);
        }
        if let Some(limit) = value.get("tpm_limit").and_then(Value::as_u64) {
            terms.model_tpm_limit.insert(model.clone(), limit);
        }
    }
    Ok(())
}
