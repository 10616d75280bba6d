//! Langfuse's ingestion API: a trace and a generation for each call
//! (<https://api.reference.langfuse.com/#tag/ingestion/POST/api/public/ingestion>, November 2026).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use llm_core::json::object_of;
use llm_core::{BoxFuture, Secret};
use llm_gateway::LoggedCall;
use serde_json::{Value, json};

use crate::content;
use crate::delivery::{Sink, Undelivered};
use crate::http::{header_map, post};
use crate::payload::{dollars, ended, iso, noted};
use crate::queue::{Waiting, is_success};

pub(crate) struct Langfuse {
    url: String,
    headers: HeaderMap,
}

impl Langfuse {
    pub(crate) fn new(host: &str, public_key: &Secret, secret_key: &Secret) -> Self {
        let pair = STANDARD.encode(format!("{}:{}", public_key.expose(), secret_key.expose()));
        let headers = header_map(&[("authorization".to_owned(), Secret::new(format!("Basic {pair}")))]);
        Self { url: format!("{}/api/public/ingestion", host.trim_end_matches('/')), headers }
    }
}

impl Sink for Langfuse {
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>> {
        Box::pin(async move {
            let events: Vec<Value> = batch.iter().flat_map(|call| events(call)).collect();
            let body = json!({"batch": events}).to_string();
            let answer = post(&self.url, self.headers.clone(), "application/json", body).await?;
            Ok(refused(&answer.body))
        })
    }
}

/// How many calls were refused: of each the trace, the generation, or both.
fn refused(body: &[u8]) -> usize {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let errors = answer.get("errors").and_then(Value::as_array);
    let ids = errors.into_iter().flatten().filter_map(|error| error.get("id")?.as_str());
    let calls = ids.map(|id| id.trim_end_matches("-trace").trim_end_matches("-generation"));
    calls.collect::<std::collections::HashSet<_>>().len()
}

fn events(call: &LoggedCall) -> [Value; 2] {
    let row = &call.row;
    let said = call.content.as_deref().map(content::read).unwrap_or_default();
    let (timestamp, id) = (iso(row.started.0), row.id.as_str());
    let note = |key| noted(&row.metadata, key);
    let trace_id = note("trace_id").unwrap_or(id);
    let user = note("trace_user_id").or(row.customer.as_deref()).or(row.user_id.as_deref());
    let facts = json!({
        "call_id": call.call_id,
        "deployment": row.deployment,
        "provider": row.provider,
        "key_alias": row.key_alias,
        "team_id": row.team_id,
        "team_alias": row.team_alias,
        "attempts": row.attempts,
        "fallbacks": row.fallbacks,
        "requester_metadata": row.metadata,
    });
    let trace = json!({
        "id": trace_id,
        "timestamp": timestamp,
        "name": note("trace_name").unwrap_or(&row.call_type),
        "userId": user,
        "sessionId": row.session_id,
        "tags": row.tags,
        "input": said.messages,
        "output": said.answer,
    });
    let first = row.first_content_micros.map(|micros| iso(row.started.0.saturating_add_unsigned(micros)));
    let generation = json!({
        "id": id,
        "traceId": trace_id,
        "name": note("generation_name").unwrap_or(&row.call_type),
        "startTime": timestamp,
        "endTime": iso(ended(row)),
        "completionStartTime": first,
        "model": row.upstream_model.split_once('/').map_or(row.upstream_model.as_str(), |(_, model)| model),
        "modelParameters": scalars(&said.parameters),
        "usageDetails": {"input": row.prompt_tokens, "output": row.completion_tokens},
        "costDetails": {"total": dollars(row.cost)},
        "input": said.messages,
        "output": said.answer,
        "level": if is_success(call) { "DEFAULT" } else { "ERROR" },
        "statusMessage": call.error.as_ref().map(|error| error.message.as_deref().unwrap_or(error.kind)),
        "metadata": facts,
    });
    let event = |kind: &str, name: &str, body: Value| json!({"id": format!("{id}-{name}"), "timestamp": timestamp, "type": kind, "body": body});
    [event("trace-create", "trace", trace), event("generation-create", "generation", generation)]
}

/// Parameters that it shows: texts, numbers and flags.
fn scalars(parameters: &serde_json::Map<String, Value>) -> Value {
    let shown = parameters.iter().filter(|(_, value)| !value.is_object() && !value.is_array());
    Value::Object(object_of(shown.map(|(name, value)| (name.clone(), value.clone()))))
}
