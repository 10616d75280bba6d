//! The formats against their documentation, recorded traffic and random conversations.

mod golden;
mod recordings;
mod retrieval;
mod round_trips;
mod translations;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Dialect, Event, Ingress, LossPolicy, Result, Target};
use llm_providers_cohere::{Chat, CohereIngress};
use serde_json::Value;

fn ask(body: &str) -> Result<ChatRequest> {
    CohereIngress.decode(&Bytes::copy_from_slice(body.as_bytes()), &HeaderMap::new())
}

fn target(model: &str, policy: LossPolicy) -> Target {
    Target { model: model.to_owned(), policy, ..Target::default() }
}

/// A request's body for its own model, losses allowed.
fn body_for(request: &ChatRequest) -> Value {
    json(text_for(request).as_bytes())
}

/// The same as it is written.
fn text_for(request: &ChatRequest) -> String {
    let target = Target { stream: request.stream, ..target(&request.model, LossPolicy::Drop) };
    let encoded = Chat::default().encode(request, &target).expect("all losses are allowed");
    String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8")
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn reply(status: u16, body: &str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// The stream that a client gets of events.
fn stream_for(events: &[Event]) -> String {
    let mut encoder = CohereIngress.encoder(&ChatRequest::default());
    let mut out = BytesMut::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    String::from_utf8(out.to_vec()).expect("UTF-8")
}
