//! The format against its documentation, recorded traffic and random conversations.

mod embed;
mod golden;
mod recordings;
mod round_trips;
mod translations;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Dialect, Event, Ingress, LossPolicy, Result, Target};
use llm_providers_ollama::{Chat, ChatIngress, ChatQuirks, GenerateIngress};
use serde_json::Value;

fn dialect() -> Chat {
    Chat::new(ChatQuirks::default())
}

fn ask(body: &str) -> Result<ChatRequest> {
    ChatIngress.decode(&Bytes::copy_from_slice(body.as_bytes()), &HeaderMap::new())
}

fn prompt(body: &str) -> Result<ChatRequest> {
    GenerateIngress.decode(&Bytes::copy_from_slice(body.as_bytes()), &HeaderMap::new())
}

/// A target of this format under a policy.
fn target(request: &ChatRequest, policy: LossPolicy) -> Target {
    Target { model: request.model.clone(), stream: request.stream, policy, ..Target::default() }
}

/// A request's body as it is written, losses allowed.
fn text_for(request: &ChatRequest) -> String {
    let encoded =
        dialect().encode(request, &target(request, LossPolicy::Drop)).expect("all losses are allowed");
    String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8")
}

/// The same, read.
fn body_for(request: &ChatRequest) -> Value {
    json(text_for(request).as_bytes())
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn reply(status: u16, body: &str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// The stream that a client gets of events.
fn stream_for(ingress: &dyn Ingress, request: &ChatRequest, events: &[Event]) -> String {
    let mut encoder = ingress.encoder(request);
    let mut out = BytesMut::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    String::from_utf8(out.to_vec()).expect("UTF-8")
}
