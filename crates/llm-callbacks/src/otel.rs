//! Spans of calls after the semantic conventions of OpenTelemetry for generative AI
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>, November 2026), over OTLP/HTTP in JSON.

use http::HeaderMap;
use llm_core::BoxFuture;
use llm_gateway::LoggedCall;
use serde_json::{Map, Value, json};

use crate::content::{self, Said};
use crate::delivery::{Sink, Undelivered};
use crate::otlp::{Otlp, attribute, nanos};
use crate::payload::{dollars, ended};
use crate::queue::{Waiting, is_success};

/// What is asked for, in the words of the conventions, by LiteLLM's. Others lose their `a`.
const OPERATIONS: [(&str, &str); 4] = [
    ("acompletion", "chat"),
    ("aembedding", "embeddings"),
    ("_arealtime", "realtime"),
    ("pass_through_endpoint", "relay"),
];

/// A span of the kind `CLIENT`.
const CLIENT: u8 = 3;

/// A status that is an error.
const ERROR: u8 = 2;

pub(crate) struct Otel {
    to: Otlp,
    headers: HeaderMap,
}

impl Otel {
    pub(crate) fn new(to: Otlp) -> Self {
        let headers = to.header_map();
        Self { to, headers }
    }
}

impl Sink for Otel {
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>> {
        Box::pin(async move {
            let spans: Vec<Value> = batch.iter().map(|call| span(&self.to, call)).collect();
            let message = self.to.message(["resourceSpans", "scopeSpans", "spans"], &spans);
            self.to.post(&self.headers, &message, "rejectedSpans").await
        })
    }
}

fn span(to: &Otlp, call: &LoggedCall) -> Value {
    let row = &call.row;
    let operation = operation(&row.call_type);
    let id: String = row.id.chars().filter(char::is_ascii_hexdigit).collect();
    let (trace, parent) = call.trace.as_deref().and_then(parent).unwrap_or((id.as_str(), None));
    let mut attributes = facts(to, call, operation);
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
    match OPERATIONS.iter().find(|(known, _)| *known == call_type) {
        Some((_, name)) => name,
        None => call_type.strip_prefix('a').unwrap_or(call_type),
    }
}

fn facts(to: &Otlp, call: &LoggedCall, operation: &str) -> Vec<(&'static str, Value)> {
    let row = &call.row;
    let model = row.upstream_model.split_once('/').map_or(row.upstream_model.as_str(), |(_, model)| model);
    let first =
        row.first_content_micros.map(|micros| json!(std::time::Duration::from_micros(micros).as_secs_f64()));
    let used = |name: &str| row.usage.get(name).cloned().unwrap_or_default();
    let (address, port) = server(&row.api_base).unzip();
    vec![
        ("gen_ai.operation.name", json!(operation)),
        ("gen_ai.provider.name", json!(to.vendor(&row.provider))),
        ("gen_ai.request.model", json!(row.model)),
        ("gen_ai.request.stream", if row.stream { json!(true) } else { Value::Null }),
        ("gen_ai.response.model", json!(model)),
        ("gen_ai.response.id", json!(row.vendor_id)),
        ("gen_ai.conversation.id", json!(row.session_id)),
        ("gen_ai.usage.input_tokens", json!(row.prompt_tokens)),
        ("gen_ai.usage.output_tokens", json!(row.completion_tokens)),
        ("gen_ai.usage.cache_read.input_tokens", used("cache_read")),
        ("gen_ai.usage.cache_creation.input_tokens", written(&row.usage)),
        ("gen_ai.usage.reasoning.output_tokens", used("reasoning")),
        ("gen_ai.usage.audio.input_tokens", used("audio_in")),
        ("gen_ai.usage.audio.output_tokens", used("audio_out")),
        ("gen_ai.response.time_to_first_chunk", first.unwrap_or_default()),
        ("server.address", json!(address)),
        ("server.port", json!(port)),
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

/// The host and the port of an address.
fn server(url: &str) -> Option<(String, u16)> {
    let url = url.parse::<http::Uri>().ok()?;
    let usual = if url.scheme_str() == Some("http") { 80 } else { 443 };
    Some((url.host()?.to_owned(), url.port_u16().unwrap_or(usual)))
}

/// Tokens that were written to the vendor's cache, however long they stay there.
fn written(usage: &Map<String, Value>) -> Value {
    let all = usage.iter().filter(|(name, _)| name.starts_with("cache_write"));
    let counts: Vec<u64> = all.filter_map(|(_, count)| count.as_u64()).collect();
    if counts.is_empty() { Value::Null } else { json!(counts.iter().sum::<u64>()) }
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
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(server("https://api.example.com/v1"), Some(("api.example.com".to_owned(), 443)));
        assert_eq!(server("http://127.0.0.1:8000"), Some(("127.0.0.1".to_owned(), 8000)));
        assert_eq!(server(""), None);
    }

    #[test]
    fn operations_have_the_words_of_the_conventions() {
        for (call_type, expected) in
            [("acompletion", "chat"), ("aembedding", "embeddings"), ("arerank", "rerank")]
        {
            assert_eq!(operation(call_type), expected);
        }
    }

    #[test]
    fn a_traceparent_that_is_none_is_left_out() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(parent(good), Some(("0af7651916cd43dd8448eb211c80319c", Some("b7ad6b7169203331"))));
        for wrong in ["", "00-0af7-b7ad-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert_eq!(parent(wrong), None, "{wrong}");
        }
    }
}
