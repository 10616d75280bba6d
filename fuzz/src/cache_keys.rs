//! What decides an answer, and is hashed for the cache.

use http::HeaderMap;
use llm_core::message::Part;
use llm_core::{ChatRequest, Ingress, essence};
use serde_json::{Map, Value};

use crate::dialects;
use crate::sample::request_body;

/// The same request spelled in another way has the same essence, streamed or not; another question has another one,
/// and what is around the question does not change with it.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let body = request_body(data);
    for client in dialects::clients() {
        let Ok(request) = client.decode(&body, &HeaderMap::new()) else { continue };
        let whole = essence::of_chat(&request);
        assert_eq!(whole, essence::of_chat(&request.clone()), "it is what it is");
        questions(&request, &whole);
        // What is written here is read from the same value twice: keys that are repeated are gone in both.
        let Ok(value) = serde_json::from_slice::<Value>(&body) else { continue };
        if is_exact(&value) && !has_opaque(&request) && !tells_json(&request) {
            spellings(&**client, &value);
        }
    }
}

/// The question alone is not in what is around it.
fn questions(request: &ChatRequest, whole: &[u8]) {
    let Some((around, question)) = essence::around_question(request) else { return };
    assert_ne!(around, whole, "the question `{}` decides", question.escape_debug());
    let mut streamed = request.clone();
    streamed.stream = !streamed.stream;
    streamed.user = Some("somebody else".to_owned());
    assert_eq!(essence::of_chat(&streamed), whole, "who asks, and how it is sent, decide nothing");
    assert_eq!(essence::around_question(&streamed).map(|(around, _)| around), Some(around));
}

/// Another order of members, and other white space.
fn spellings(client: &dyn Ingress, value: &Value) {
    let read = |text: String| client.decode(&text.into(), &HeaderMap::new()).ok();
    let (Some(one), Some(other)) = (read(value.to_string()), read(format!("{:#}", backwards(value)))) else {
        return;
    };
    assert_eq!(essence::of_chat(&one), essence::of_chat(&other), "{}: {value}", client.id());
}

/// The same with the members of every object in the opposite order.
fn backwards(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(backwards).collect(),
        Value::Object(members) => {
            let turned: Map<String, Value> =
                members.iter().rev().map(|(name, value)| (name.clone(), backwards(value))).collect();
            Value::Object(turned)
        }
        plain => plain.clone(),
    }
}

/// Whether there is state that only its origin can read: it is what it is to the byte.
fn has_opaque(request: &ChatRequest) -> bool {
    request.messages.iter().flat_map(|message| &message.parts).any(|part| match part {
        Part::Reasoning(reasoning) => reasoning.opaque.is_some(),
        Part::ToolCall(call) => call.opaque.is_some(),
        _ => false,
    })
}

/// Whether a tool's result is JSON. Models are told it as the text that it came as, so that its spelling is part of the
/// question.
fn tells_json(request: &ChatRequest) -> bool {
    let is_json = |part: &Part| {
        let Part::Text(text) = part else { return false };
        serde_json::from_str::<Value>(&text.text).is_ok_and(|value| value.is_object() || value.is_array())
    };
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    parts
        .filter_map(|part| if let Part::ToolResult(result) = part { Some(result) } else { None })
        .any(|result| result.content.iter().any(is_json))
}

/// Whether all numbers are whole: others may be written in another way than they came.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Number(number) => !number.is_f64(),
        _ => true,
    }
}
