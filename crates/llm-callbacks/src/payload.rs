//! A call as LiteLLM's `StandardLoggingPayload`
//! (<https://docs.litellm.ai/docs/proxy/logging_spec>, November 2026), with what that has no field for under `gateway`.

use llm_core::money::NanoDollars;
use llm_gateway::LoggedCall;
use llm_governance::{LedgerRow, Timestamp};
use serde_json::{Map, Value, json};

use crate::content;
use crate::queue::is_success;

/// Lines of JSON.
pub(crate) fn lines(calls: impl Iterator<Item = Value>) -> String {
    calls.fold(String::new(), |mut text, call| {
        text.push_str(&call.to_string());
        text.push('\n');
        text
    })
}

pub(crate) fn payload(call: &LoggedCall) -> Value {
    let row = &call.row;
    let said = call.content.as_deref().map(content::read).unwrap_or_default();
    let ended = ended(row);
    let first =
        row.first_content_micros.map_or(ended, |micros| row.started.0.saturating_add_unsigned(micros));
    let mut payload = json!({
        "id": row.id,
        "litellm_call_id": call.call_id,
        "trace_id": row.session_id.as_ref().unwrap_or(&row.id),
        "call_type": row.call_type,
        "cache_hit": row.cache_hit,
        "stream": row.stream,
        "status": if is_success(call) { "success" } else { "failure" },
        "custom_llm_provider": text(&row.provider),
        "startTime": seconds(row.started.0),
        "endTime": seconds(ended),
        "completionStartTime": seconds(first),
        "response_time": seconds(first.saturating_sub(row.started.0)),
        "model": text(&row.upstream_model).unwrap_or(&row.model),
        "model_id": text(&row.deployment),
        "model_group": text(&row.model_group).unwrap_or(&row.model),
        "api_base": row.api_base,
        "metadata": metadata(row),
        "request_tags": row.tags,
        "end_user": row.customer,
        "requester_ip_address": row.ip,
        "user_agent": row.user_agent,
        "messages": said.messages,
        "response": said.answer,
        "model_parameters": said.parameters,
        "response_cost": dollars(row.cost),
        "total_tokens": row.prompt_tokens + row.completion_tokens,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "error_str": call.error.as_ref().and_then(|error| error.message.clone()),
        "error_information": error(call),
        "hidden_params": {
            "model_id": text(&row.deployment),
            "api_base": text(&row.api_base),
            "response_cost": dollars(row.cost).to_string(),
        },
    });
    if let Some(members) = payload.as_object_mut() {
        members.insert("gateway".to_owned(), own(call));
    }
    payload
}

/// What the payload has no field for.
fn own(call: &LoggedCall) -> Value {
    let row = &call.row;
    json!({
        "dialect": row.dialect,
        "ending": row.ending.name(),
        "status_code": row.status,
        "requested_model": row.model,
        "attempts": row.attempts,
        "fallbacks": row.fallbacks,
        "usage": row.usage,
        "usage_estimated": row.estimated,
        "cost_nanodollars": row.cost.0,
        "vendor_response_id": row.vendor_id,
        "content_cut": call.content.as_ref().is_some_and(|content| content.is_cut),
    })
}

fn metadata(row: &LedgerRow) -> Value {
    json!({
        "user_api_key_hash": row.key.as_ref().map(ToString::to_string),
        "user_api_key_alias": row.key_alias,
        "user_api_key_user_id": row.user_id,
        "user_api_key_team_id": row.team_id,
        "user_api_key_team_alias": row.team_alias,
        "user_api_key_org_id": row.organization_id,
        "user_api_key_end_user_id": row.customer,
        "requester_ip_address": row.ip,
        "requester_metadata": row.metadata,
    })
}

fn error(call: &LoggedCall) -> Option<Value> {
    let error = call.error.as_ref()?;
    Some(json!({
        "error_code": error.status.to_string(),
        "error_class": error.kind,
        "llm_provider": call.row.provider,
        "error_message": error.message,
    }))
}

/// Microseconds at which the call had ended.
pub(crate) fn ended(row: &LedgerRow) -> i64 {
    row.started.0.saturating_add_unsigned(row.took_micros)
}

/// A time of the row as ISO 8601.
pub(crate) fn iso(micros: i64) -> String {
    Timestamp(micros).iso()
}

/// Dollars as programs elsewhere want them: a float. The exact number stands beside it.
#[expect(
    clippy::cast_precision_loss,
    reason = "readers of logs expect a float; the exact number is beside it"
)]
pub(crate) fn dollars(amount: NanoDollars) -> f64 {
    amount.0 as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit with their microseconds")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What a request says for the administrator, as a text.
pub(crate) fn noted<'a>(metadata: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    metadata.get(key)?.as_str().filter(|text| !text.is_empty())
}
