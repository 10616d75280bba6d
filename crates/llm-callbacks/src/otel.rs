//! Spans of calls after the semantic conventions of OpenTelemetry for generative AI
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>, November 2026), over OTLP/HTTP in JSON.

use http::HeaderMap;
use llm_core::{BoxFuture, Secret};
use llm_gateway::LoggedCall;
use serde_json::{Value, json};

use crate::content::{self, Said};
use crate::delivery::{Sink, Undelivered};
use crate::http::{header_map, post};
use crate::payload::{dollars, ended};
use crate::queue::{Waiting, is_success};

/// What is asked for, in the words of the conventions, by LiteLLM's.
const OPERATIONS: [(&str, &str); 3] =
    [("acompletion", "chat"), ("aembedding", "embeddings"), ("_arealtime", "chat")];

/// A span of the kind `CLIENT`.
const CLIENT: u8 = 3;

/// A status that is an error.
const ERROR: u8 = 2;

pub(crate) struct Otel {
    url: String,
    headers: HeaderMap,
    service: String,
}

impl Otel {
    pub(crate) fn new(url: &str, headers: &[(String, Secret)], service: String) -> Self {
        let url = url.trim_end_matches('/');
        let url = if url.ends_with("/v1/traces") { url.to_owned() } else { format!("{url}/v1/traces") };
        Self { url, headers: header_map(headers), service }
    }

    fn body(&self, batch: &[Waiting]) -> Value {
        let spans: Vec<Value> = batch.iter().map(|call| span(call)).collect();
        let scope = json!({"name": "llm-server", "version": env!("CARGO_PKG_VERSION")});
        let resource = json!({"attributes": [attribute("service.name", &json!(self.service))]});
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]})
    }
}

impl Sink for Otel {
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>> {
        Box::pin(async move {
            let body = self.body(batch).to_string();
            let answer = post(&self.url, self.headers.clone(), "application/json", body).await?;
            Ok(rejected(&answer.body))
        })
    }
}

/// How many spans a collector that took the others refused.
fn rejected(body: &[u8]) -> usize {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let count = answer.pointer("/partialSuccess/rejectedSpans");
    let count = count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

fn span(call: &LoggedCall) -> Value {
    let row = &call.row;
    let operation = operation(&row.call_type);
    let id: String = row.id.chars().filter(char::is_ascii_hexdigit).collect();
    let (trace, parent) = call.trace.as_deref().and_then(parent).unwrap_or((id.as_str(), None));
    let mut attributes = facts(call, operation);
    if let Some(content) = &call.content {
        attributes.extend(said(&content::read(content)));
    }
    let shown = attributes.iter().filter(|(_, value)| !value.is_null() && *value != "");
    let mut span = json!({
        "traceId": trace,
        "spanId": id.get(id.len().saturating_sub(16)..).unwrap_or_default(),
        "name": format!("{operation} {}", row.model),
        "kind": CLIENT,
        "startTimeUnixNano": nanos(row.started.0),
        "endTimeUnixNano": nanos(ended(row)),
        "attributes": shown.map(|(name, value)| attribute(name, value)).collect::<Vec<_>>(),
        "status": if is_success(call) { json!({}) } else { json!({"code": ERROR}) },
    });
    if let (Some(parent), Some(members)) = (parent, span.as_object_mut()) {
        members.insert("parentSpanId".to_owned(), parent.into());
    }
    span
}

fn operation(call_type: &str) -> &str {
    OPERATIONS.iter().find(|(known, _)| *known == call_type).map_or(call_type, |(_, name)| name)
}

fn facts(call: &LoggedCall, operation: &str) -> Vec<(&'static str, Value)> {
    let row = &call.row;
    let model = row.upstream_model.split_once('/').map_or(row.upstream_model.as_str(), |(_, model)| model);
    let first =
        row.first_content_micros.map(|micros| json!(std::time::Duration::from_micros(micros).as_secs_f64()));
    vec![
        ("gen_ai.operation.name", json!(operation)),
        ("gen_ai.provider.name", json!(row.provider)),
        ("gen_ai.system", json!(row.provider)),
        ("gen_ai.request.model", json!(row.model)),
        ("gen_ai.response.model", json!(model)),
        ("gen_ai.response.id", json!(row.vendor_id)),
        ("gen_ai.conversation.id", json!(row.session_id)),
        ("gen_ai.usage.input_tokens", json!(row.prompt_tokens)),
        ("gen_ai.usage.output_tokens", json!(row.completion_tokens)),
        ("gen_ai.usage.cache_read.input_tokens", row.usage.get("cache_read").cloned().unwrap_or_default()),
        ("gen_ai.response.time_to_first_chunk", first.unwrap_or_default()),
        ("server.address", json!(row.api_base)),
        ("error.type", json!(call.error.as_ref().map(|error| error.kind))),
        ("user.id", json!(row.customer)),
        ("llm.call_id", json!(call.call_id)),
        ("llm.cost_usd", json!(dollars(row.cost))),
        ("llm.deployment", json!(row.deployment)),
        ("llm.attempts", json!(row.attempts)),
        ("llm.fallbacks", json!(row.fallbacks)),
        ("llm.key_alias", json!(row.key_alias)),
        ("llm.team_id", json!(row.team_id)),
        ("llm.user_id", json!(row.user_id)),
        ("http.response.status_code", json!(row.status)),
    ]
}

/// What was said, as texts of JSON.
fn said(said: &Said) -> Vec<(&'static str, Value)> {
    let text = |value: &Value| if value.is_null() { Value::Null } else { Value::from(value.to_string()) };
    let output = match &said.text {
        Some(text) => json!([{"role": "assistant", "parts": [{"type": "text", "content": text}]}]),
        None => said.answer.clone(),
    };
    vec![
        ("gen_ai.input.messages", text(&messages(&said.messages))),
        ("gen_ai.system_instructions", said.system.as_ref().map(text).unwrap_or_default()),
        ("gen_ai.output.messages", text(&output)),
    ]
}

/// Messages whose content is a text get parts, as the conventions have them; others stay as they are.
fn messages(messages: &Value) -> Value {
    let Some(list) = messages.as_array() else { return messages.clone() };
    let with_parts = list.iter().map(|message| match message.get("content").and_then(Value::as_str) {
        Some(text) => json!({"role": message.get("role"), "parts": [{"type": "text", "content": text}]}),
        None => message.clone(),
    });
    with_parts.collect()
}

/// An attribute in OTLP's JSON, whose whole numbers are texts.
fn attribute(name: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": name, "value": value})
}

fn nanos(micros: i64) -> String {
    (i128::from(micros) * 1_000).to_string()
}

/// The trace and the span of a `traceparent` (<https://www.w3.org/TR/trace-context/>).
fn parent(traceparent: &str) -> Option<(&str, Option<&str>)> {
    let mut parts = traceparent.split('-');
    let (_, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is_id = |text: &str, length| {
        text.len() == length
            && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            && text.bytes().any(|byte| byte != b'0')
    };
    (is_id(trace, 32) && is_id(span, 16)).then_some((trace, Some(span)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_that_is_none_is_left_out() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(parent(good), Some(("0af7651916cd43dd8448eb211c80319c", Some("b7ad6b7169203331"))));
        for wrong in ["", "00-0af7-b7ad-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert_eq!(parent(wrong), None, "{wrong}");
        }
    }
}
