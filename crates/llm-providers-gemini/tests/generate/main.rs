//! The Gemini format against its documentation, recorded traffic and random conversations.

mod golden;
mod media;
mod recordings;
mod round_trips;
mod translations;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Dialect, Event, Ingress, LossPolicy, Result, Target};
use llm_providers_gemini::{Generate, GenerateIngress, GenerateQuirks};
use serde_json::Value;

fn dialect() -> Generate {
    Generate::new(GenerateQuirks::default())
}

fn ask(body: &str) -> Result<ChatRequest> {
    GenerateIngress::events().decode(&Bytes::copy_from_slice(body.as_bytes()), &HeaderMap::new())
}

/// A request's body for a model, losses allowed.
fn body_for(request: &ChatRequest, model: &str) -> Value {
    json(text_for(request, model).as_bytes())
}

/// The same as it is written.
fn text_for(request: &ChatRequest, model: &str) -> String {
    let target = Target { model: model.to_owned(), policy: LossPolicy::Drop, ..Target::default() };
    let encoded = dialect().encode(request, &target).expect("all losses are allowed");
    String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8")
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn reply(status: u16, body: &str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// The stream that a client gets of events.
fn stream_for(ingress: GenerateIngress, request: &ChatRequest, events: &[Event]) -> String {
    let mut encoder = ingress.encoder(request);
    let mut out = BytesMut::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    String::from_utf8(out.to_vec()).expect("UTF-8")
}
