//! OTLP over HTTP in JSON (<https://opentelemetry.io/docs/specs/otlp/>): where a collector is, what is said of ourselves
//! there, and how values are written.

use std::fmt;

use http::HeaderMap;
use llm_core::Secret;
use serde_json::{Value, json};

use crate::delivery::Undelivered;
use crate::http::{header_map, post};

/// A collector of OpenTelemetry, and what it is told of the gateway.
#[derive(Clone)]
pub struct Otlp {
    /// Where one signal is posted to, the whole address.
    pub url: String,
    /// Headers; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
    /// Attributes of the gateway: `service.name` and the like.
    pub resource: Vec<(String, String)>,
    /// What the conventions call vendors, by what the gateway calls them.
    pub vendors: &'static [(&'static str, &'static str)],
}

impl fmt::Debug for Otlp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses may hold keys.
        formatter.debug_struct("Otlp").field("resource", &self.resource).finish_non_exhaustive()
    }
}

impl Otlp {
    /// What the conventions call a vendor.
    pub(crate) fn vendor<'a>(&self, name: &'a str) -> &'a str {
        self.vendors.iter().find(|(own, _)| *own == name).map_or(name, |(_, theirs)| theirs)
    }

    /// A batch of one signal (`resourceSpans`, `scopeSpans`, `spans`), as one scope of one resource.
    pub(crate) fn message(&self, [resources, scopes, signal]: [&str; 3], batch: &[Value]) -> Value {
        let scope = json!({"name": "llm-server", "version": env!("CARGO_PKG_VERSION")});
        let attributes = self.resource.iter().map(|(name, value)| attribute(name, &json!(value)));
        let resource = json!({"attributes": attributes.collect::<Vec<_>>()});
        json!({resources: [{"resource": resource, scopes: [{"scope": scope, signal: batch}]}]})
    }

    /// Posts a message. Gives back how many of its parts (`rejectedSpans`) the collector refused.
    pub(crate) async fn post(
        &self,
        headers: &HeaderMap,
        message: &Value,
        refused: &str,
    ) -> Result<usize, Undelivered> {
        let answer = post(&self.url, headers.clone(), "application/json", message.to_string()).await?;
        Ok(rejected(&answer.body, refused))
    }

    /// The headers of each message.
    pub(crate) fn header_map(&self) -> HeaderMap {
        header_map(&self.headers)
    }
}

fn rejected(body: &[u8], what: &str) -> usize {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let count = answer.get("partialSuccess").and_then(|partial| partial.get(what));
    let count = count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

/// An attribute in OTLP's JSON, whose whole numbers are texts.
pub(crate) fn attribute(name: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": name, "value": value})
}

/// Microseconds since 1970 as nanoseconds, in OTLP's JSON.
pub(crate) fn nanos(micros: i64) -> String {
    (i128::from(micros) * 1_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_took_a_part_says_how_many_it_did_not() {
        for (body, expected) in [
            ("{}", 0),
            (r#"{"partialSuccess":{"rejectedSpans":"3"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":2}}"#, 2),
            ("none", 0),
        ] {
            assert_eq!(rejected(body.as_bytes(), "rejectedSpans"), expected, "{body}");
        }
    }
}
