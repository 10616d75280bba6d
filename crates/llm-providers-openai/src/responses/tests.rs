//! Checks of the whole format: against fixtures of our own, against recorded traffic, and against itself.

mod golden;
mod pairs;
mod recordings;
mod roundtrip;
mod streams;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::dialect::Target;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Dialect, Event, Ingress, LossPolicy};
use serde_json::Value;

use super::{Responses, ResponsesIngress};

/// A client's body read.
fn request(body: &str) -> ChatRequest {
    ResponsesIngress.decode(&Bytes::from(body.to_owned()), &HeaderMap::new()).expect("a valid request")
}

/// A target for tests of what is written.
fn target(stream: bool) -> Target {
    Target { model: "vendor-model".into(), stream, policy: LossPolicy::Default, ..Target::default() }
}

/// The body of a request as the vendor gets it.
fn written(request: &ChatRequest, target: &Target) -> Value {
    let encoded = Responses::default().encode(request, target).expect("can be expressed");
    serde_json::from_slice(&encoded.request.body.joined()).expect("JSON is written")
}

/// A whole answer of a vendor.
fn reply(body: &str) -> WireResponse {
    WireResponse { status: 200, headers: HeaderMap::new(), body: Bytes::from(body.to_owned()) }
}

/// The stream that a client gets.
fn streamed(events: &[Event], request: &ChatRequest) -> String {
    let mut encoder = ResponsesIngress.encoder(request);
    let mut out = BytesMut::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    String::from_utf8(out.to_vec()).expect("UTF-8")
}

/// The data of all frames of a stream.
fn frames(stream: &str) -> Vec<Value> {
    let data = stream.split("\n\n").filter_map(|frame| frame.split_once("data: "));
    data.map(|(_, json)| serde_json::from_str(json).expect("JSON")).collect()
}
