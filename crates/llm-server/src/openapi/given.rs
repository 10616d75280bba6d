//! What answers are given as: the media types of an operation, and their schemas.

use serde_json::{Map, Value, json};

use super::schema::named;

/// The content of an answer of these forms. `stream`: whether it is streamed, where the path says so.
pub(super) fn content(gives: &str, stream: Option<bool>) -> Value {
    let mut content = Map::new();
    for word in gives.split(' ') {
        let streamed = streamed(word);
        let is_wanted = stream.is_none_or(|stream| stream == streamed.is_some());
        if let Some((kind, schema)) = is_wanted.then(|| streamed.unwrap_or_else(|| whole(word))) {
            content.entry(kind).or_insert(json!({"schema": schema}));
        }
    }
    Value::Object(content)
}

/// Forms of answers that come piece by piece.
fn streamed(word: &str) -> Option<(&'static str, Value)> {
    // What pieces consist of is the matter of each format.
    let text = || json!({});
    match word {
        "sse" => Some(("text/event-stream", text())),
        "ndjson" => Some(("application/x-ndjson", text())),
        "eventstream" => Some(("application/vnd.amazon.eventstream", json!({}))),
        "array" => Some(("application/json", json!({"anyOf": [{"type": "array"}, {"type": "object"}]}))),
        _ => None,
    }
}

/// Forms of answers that come at once.
fn whole(word: &str) -> (&'static str, Value) {
    match word {
        "text" => ("text/plain", json!({"type": "string"})),
        "audio" => ("audio/*", json!({})),
        "csv" => ("text/csv", json!({"type": "string"})),
        "jsonl" => ("application/jsonl", json!({})),
        "parquet" => ("application/vnd.apache.parquet", json!({})),
        "object" | "string" | "array" | "number" => ("application/json", json!({"type": word})),
        name => ("application/json", named(name)),
    }
}

/// The answers of an operation: what it gives, and what is said when something is wrong.
pub(super) fn answers(content: &Value, error: &str) -> Value {
    json!({
        "200": {"description": "Done.", "content": content},
        "default": {
            "description": "What was wrong, and what to do.",
            "content": {"application/json": {"schema": named(error)}},
        },
    })
}
