//! The format against its documentation, recorded traffic and random answers.

mod golden;
mod kinds;
mod media;
mod random;
mod recordings;
mod requests;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::Encoded;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Dialect, LossPolicy, Target};
use llm_providers_dashscope::{Generation, GenerationQuirks};
use serde_json::Value;

fn dialect() -> Generation {
    Generation::new(GenerationQuirks::default())
}

fn target(model: &str, stream: bool) -> Target {
    Target { model: model.to_owned(), stream, policy: LossPolicy::Drop, ..Target::default() }
}

fn encoded(request: &ChatRequest, model: &str) -> Encoded {
    dialect().encode(request, &target(model, request.stream)).expect("all losses are allowed")
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn body(encoded: &Encoded) -> Value {
    json(&encoded.request.body.joined())
}

fn reply(status: u16, body: &str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}
