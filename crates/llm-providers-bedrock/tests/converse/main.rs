//! The Converse format as a whole: golden translations on fixtures written after the documentation, properties of all
//! recorded exchanges, round trips of generated answers and requests.

mod embeddings;
mod golden;
mod images;
mod recordings;
mod round_trips;
mod translations;

use bytes::BytesMut;
use llm_core::dialect::Encoded;
use llm_core::{ChatRequest, ChatResponse, Dialect, Event, Ingress, Target};
use llm_providers_bedrock::{Converse, ConverseIngress, ConverseQuirks};
use serde_json::Value;

const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn dialect() -> Converse {
    Converse::new(ConverseQuirks::default())
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("valid JSON")
}

fn target(model: &str) -> Target {
    Target { model: model.to_owned(), ..Target::default() }
}

fn encode(request: &ChatRequest, model: &str) -> Encoded {
    dialect().encode(request, &target(model)).expect("can be expressed")
}

fn body(request: &ChatRequest, model: &str) -> Value {
    json(&encode(request, model).request.body.joined())
}

/// A client's body of this format in canonical form.
fn ask(text: &str) -> ChatRequest {
    ConverseIngress.decode(&text.to_owned().into(), &http::HeaderMap::new()).expect("a valid request")
}

/// The stream that a client gets for these events.
fn stream_for(events: &[Event]) -> Vec<u8> {
    let mut encoder = ConverseIngress.encoder(&ChatRequest::default());
    let mut out = BytesMut::new();
    events.iter().for_each(|event| encoder.push(event, &mut out));
    out.to_vec()
}

fn body_for(response: &ChatResponse) -> Value {
    json(&ConverseIngress.encode(response, &ChatRequest::default()))
}
