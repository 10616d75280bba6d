//! Bodies in a recording: JSON and text where they are, base64 where not; and the one form in which two are compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use llm_core::json::object_of;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secrets::Secrets;

/// Top-level members that tell who asks, or are new at every call, and that no answer depends on.
const VOLATILE: [&str; 5] = ["metadata", "prompt_cache_key", "request_id", "safety_identifier", "user"];

/// A body as it stands in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    /// JSON.
    Json(Value),
    /// Text.
    Text(String),
    /// Anything else.
    Base64(String),
}

impl Body {
    /// A request's body.
    pub(crate) fn of_request(bytes: &[u8], content_type: &str, secrets: &Secrets) -> Self {
        match Self::of_bytes(bytes, secrets) {
            Self::Text(text) => match serde_json::from_str(&text) {
                Ok(value) => Self::Json(value),
                Err(_) => Self::Text(without_boundary(text, content_type)),
            },
            other => other,
        }
    }

    /// A piece of an answer, byte for byte but for secrets.
    pub(crate) fn of_bytes(bytes: &[u8], secrets: &Secrets) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(secrets.blot(text)),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes again; `None` when it was written by hand and is no base64.
    pub(crate) fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Json(value) => Some(value.to_string().into()),
            Self::Text(text) => Some(text.clone().into()),
            Self::Base64(text) => STANDARD.decode(text).ok().map(Bytes::from),
        }
    }

    /// The form in which it is compared: members in order, without those that no answer depends on.
    pub(crate) fn canonical(&self) -> Value {
        match self {
            Self::Json(Value::Object(members)) => {
                let stays = |(name, _): &(&String, &Value)| !VOLATILE.contains(&name.as_str());
                let members = members.iter().filter(stays);
                sorted(&Value::Object(object_of(members.map(|(name, value)| (name.clone(), value.clone())))))
            }
            Self::Json(value) => sorted(value),
            Self::Text(text) | Self::Base64(text) => Value::String(text.clone()),
        }
    }
}

/// A form's boundary is new at every call.
fn without_boundary(text: String, content_type: &str) -> String {
    let parameter = content_type.split(';').filter_map(|part| part.trim().split_once('='));
    let mut boundary = parameter.filter(|(name, _)| name.eq_ignore_ascii_case("boundary"));
    match boundary.next().map(|(_, value)| value.trim_matches('"')).filter(|value| !value.is_empty()) {
        Some(boundary) => text.replace(boundary, "boundary"),
        None => text,
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let entry = |name: &String| Some((name.clone(), sorted(members.get(name)?)));
            Value::Object(object_of(names.into_iter().filter_map(entry)))
        }
        Value::Array(elements) => Value::Array(elements.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical(bytes: &[u8], content_type: &str) -> Value {
        Body::of_request(bytes, content_type, &Secrets::default()).canonical()
    }

    #[test]
    fn spelling_order_and_who_asks_make_no_difference() {
        let one =
            canonical(br#"{"model":"m","user":"a","x":{"b":1,"a":[{"d":1,"c":2}]}}"#, "application/json");
        let other =
            canonical(b"{ \"x\":{\"a\":[{\"c\":2,\"d\":1}],\"b\":1},\n\"model\":\"m\" }", "application/json");
        assert_eq!(one.to_string(), other.to_string());
        assert_eq!(one, json!({"model": "m", "x": {"a": [{"c": 2, "d": 1}], "b": 1}}));
    }

    #[test]
    fn the_boundary_of_a_form_makes_no_difference() {
        let form = |boundary: &str| {
            let body = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--{boundary}--"
            );
            canonical(body.as_bytes(), &format!("multipart/form-data; boundary=\"{boundary}\""))
        };
        assert_eq!(form("abc"), form("xyz0123"));
    }

    #[test]
    fn what_is_no_text_comes_back_byte_for_byte() {
        let bytes: &[u8] = b"\x00\xff data";
        assert_eq!(Body::of_bytes(bytes, &Secrets::default()).bytes().as_deref(), Some(bytes));
        assert_eq!(Body::Base64("no base64!".to_owned()).bytes(), None);
    }
}
