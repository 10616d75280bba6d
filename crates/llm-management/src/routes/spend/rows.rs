//! A call as LiteLLM's clients read it.

use llm_governance::{Ending, LedgerRow, Timestamp};
use serde_json::{Value, json};

use crate::dollars::show;

/// A row of the ledger.
pub(super) fn shown(row: &LedgerRow) -> Value {
    let later = |micros: u64| row.started.0.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX));
    let after = |micros: u64| Timestamp(later(micros)).iso();
    let failed = row.ending == Ending::Failed;
    let key = row.key.map(|key| key.hex());
    json!({
        "request_id": row.vendor_id.as_deref().unwrap_or(&row.id),
        "litellm_call_id": row.id,
        "call_type": row.call_type,
        "api_key": key.as_deref().unwrap_or_default(),
        "spend": show(row.cost),
        "total_tokens": row.prompt_tokens.saturating_add(row.completion_tokens),
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "startTime": row.started.iso(),
        "endTime": after(row.took_micros),
        "completionStartTime": row.first_content_micros.map(after),
        "request_duration_ms": row.took_micros / 1_000,
        "model": if row.upstream_model.is_empty() { &row.model } else { &row.upstream_model },
        "model_id": row.deployment,
        "model_group": row.model_group,
        "custom_llm_provider": row.provider,
        "api_base": row.api_base,
        "user": row.user_id.as_deref().unwrap_or_default(),
        "metadata": metadata(row, key.as_deref()),
        "cache_hit": if row.cache_hit { "True" } else { "False" },
        "cache_key": "",
        "request_tags": row.tags,
        "team_id": row.team_id,
        "organization_id": row.organization_id,
        "end_user": row.customer.as_deref().unwrap_or_default(),
        "requester_ip_address": row.ip,
        "messages": messages(row).unwrap_or(&json!({})),
        "response": row.response.as_ref().unwrap_or(&json!({})),
        "session_id": row.session_id,
        "status": if failed { "failure" } else { "success" },
        "agent_id": null,
        "proxy_server_request": row.request.as_ref().unwrap_or(&json!({})),
        "created_at": after(row.took_micros),
        "updated_at": after(row.took_micros),
    })
}

/// Members of requests that hold what is asked, in the dialects that clients speak.
const ASKED: [&str; 6] = ["messages", "input", "contents", "prompt", "query", "inputs"];

/// What was asked, out of the request where that is kept.
fn messages(row: &LedgerRow) -> Option<&Value> {
    let request = row.request.as_ref()?;
    ASKED.iter().find_map(|name| request.get(name))
}

/// What has no field of its own. Of failed calls it says how.
fn metadata(row: &LedgerRow, key: Option<&str>) -> Value {
    json!({
        "user_api_key": key,
        "user_api_key_alias": row.key_alias,
        "user_api_key_user_id": row.user_id,
        "user_api_key_team_id": row.team_id,
        "user_api_key_team_alias": row.team_alias,
        "user_api_key_org_id": row.organization_id,
        "user_agent": row.user_agent,
        "requester_metadata": row.metadata,
        "usage_object": row.usage,
        "attempted_retries": row.attempts.saturating_sub(1),
        "attempted_fallbacks": row.fallbacks,
        "status": row.status,
        "ending": row.ending.name(),
        "error_information": row.error.as_ref().map(|kind| json!({"error_class": kind, "error_code": row.status})),
        "requested_model": row.model,
        "stream": row.stream,
        "estimated": row.estimated,
        "prices_pico_dollars": row.prices,
        "trail": row.trail,
    })
}
