//! Entities as LiteLLM's clients read them.

mod key;
mod people;

use std::collections::BTreeMap;

use llm_core::json::object_of;
use llm_governance::entity::BudgetRow;
use llm_governance::{BudgetLimit, Terms, Timestamp};
use serde_json::{Map, Value, json};

pub(crate) use key::{KeyView, key_row, new_key};
pub(crate) use people::{
    MAKER, TeamView, membership, organization_member, organization_row, team_member, team_row, user_row,
};

use crate::dollars::{show, show_some};
use crate::periods::running;
use crate::spend::Spend;

/// Fields in the order in which they are written down.
pub(crate) type Shown = Map<String, Value>;

/// Fields of an object literal.
pub(crate) fn fields(value: Value) -> Shown {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A time, or `null`.
pub(crate) fn time(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::iso).into()
}

/// Terms with the names of LiteLLM's fields. Fields that are only kept stand among them.
pub(crate) fn terms(terms: &Terms, spend: Spend, made: Timestamp) -> Shown {
    let mut shown: Shown = terms.other.clone();
    shown.extend(fields(json!({
        "models": terms.models,
        "max_budget": show_some(terms.max_budget),
        "soft_budget": show_some(terms.soft_budget),
        "budget_duration": terms.budget_duration,
        "budget_reset_at": time(spend.resets),
        "budget_limits": windows(terms, made),
        "budget_id": terms.budget_id,
        "model_max_budget": budgets_of_models(&terms.model_max_budget),
        "tpm_limit": terms.tpm_limit,
        "rpm_limit": terms.rpm_limit,
        "tpd_limit": terms.tpd_limit,
        "max_parallel_requests": terms.max_parallel_requests,
        "metadata": metadata(terms),
        "blocked": terms.blocked,
        "spend": show(spend.amount),
    })));
    if !terms.allowed_ips.is_empty() {
        shown.insert("allowed_ips".to_owned(), json!(terms.allowed_ips));
    }
    if !terms.budget_fallbacks.is_empty() {
        shown.insert("budget_fallbacks".to_owned(), json!(terms.budget_fallbacks));
    }
    if let Some(zone) = &terms.budget_time_zone {
        shown.insert("budget_time_zone".to_owned(), json!(zone));
    }
    shown
}

/// Metadata with the terms that LiteLLM keeps there.
pub(crate) fn metadata(terms: &Terms) -> Value {
    let mut shown = terms.metadata.clone();
    if let Some((increase, until)) = terms.temp_budget {
        shown.insert("temp_budget_increase".to_owned(), show(increase));
        shown.insert("temp_budget_expiry".to_owned(), json!(until.iso()));
    }
    let lists = [
        ("tags", &terms.tags),
        ("guardrails", &terms.guardrails),
        ("enforced_params", &terms.enforced_params),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            shown.insert(name.to_owned(), json!(list));
        }
    }
    let limits = [("model_rpm_limit", &terms.model_rpm_limit), ("model_tpm_limit", &terms.model_tpm_limit)];
    for (name, limits) in limits {
        if !limits.is_empty() {
            shown.insert(name.to_owned(), json!(limits));
        }
    }
    Value::Object(shown)
}

/// Budgets with periods of their own, or `null`.
pub(crate) fn windows(terms: &Terms, made: Timestamp) -> Value {
    if terms.budget_limits.is_empty() {
        return Value::Null;
    }
    let window = |limit: &BudgetLimit| {
        json!({
            "budget_duration": limit.duration,
            "max_budget": show(limit.max_budget),
            "reset_at": time(running(terms, limit.duration, made).end),
        })
    };
    terms.budget_limits.iter().map(window).collect()
}

fn budgets_of_models(budgets: &BTreeMap<String, BudgetLimit>) -> Value {
    let one = |(model, limit): (&String, &BudgetLimit)| {
        (model.clone(), json!({"budget_limit": show(limit.max_budget), "time_period": limit.duration}))
    };
    Value::Object(object_of(budgets.iter().map(one)))
}

/// A list, or `null` where there is nothing in it.
pub(crate) fn list_or_null(list: &[String]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}

/// The budget row that terms name, as a table of LiteLLM's; `null` where they name none.
pub(crate) fn budget_table(terms: &Terms, rows: &[BudgetRow]) -> Value {
    let row = terms.budget_id.as_ref().and_then(|id| rows.iter().find(|row| row.id == *id));
    row.map_or(Value::Null, |row| budget(Some(&row.id), &row.terms))
}

/// Terms in the form of a budget row.
pub(crate) fn budget(id: Option<&str>, terms: &Terms) -> Value {
    json!({
        "budget_id": id,
        "soft_budget": show_some(terms.soft_budget),
        "max_budget": show_some(terms.max_budget),
        "max_parallel_requests": terms.max_parallel_requests,
        "tpm_limit": terms.tpm_limit,
        "rpm_limit": terms.rpm_limit,
        "tpd_limit": terms.tpd_limit,
        "model_max_budget": budgets_of_models(&terms.model_max_budget),
        "budget_duration": terms.budget_duration,
        "allowed_models": list_or_null(&terms.models),
    })
}
