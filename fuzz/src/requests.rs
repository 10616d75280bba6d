//! Clients' requests, read and written anew for every vendor.

use http::HeaderMap;
use llm_core::request::Sampling;
use llm_core::{ChatRequest, Dialect, Envelope, Ingress, LossPolicy, RawObject, Target};

use crate::dialects;
use crate::sample::{Draws, request_body};

/// Any body is a request or an error; a request becomes a JSON object for every vendor, or an error; and what a
/// request becomes for a vendor of the client's own dialect is a request again.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let mut draws = Draws::of(data);
    let body = request_body(data);
    for client in dialects::clients() {
        if let Ok(envelope) = Envelope::scan(&body) {
            client.wants_usage(&body, &envelope);
            client.max_output_tokens(&body, &envelope);
        }
        let Ok(request) = client.decode(&body, &HeaderMap::new()) else { continue };
        for vendor in dialects::vendors(&mut draws) {
            encoded(&request, &*vendor, &target(&mut draws));
        }
        again(&**client, &request);
    }
}

/// What deployments add.
pub fn target(draws: &mut Draws) -> Target {
    const MODELS: [&str; 6] =
        ["gpt-4o", "o3-mini", "gpt-5.1", "claude-haiku-4-5", "claude-opus-4-6", "deepseek-reasoner"];
    let extra: RawObject = serde_json::from_str(r#"{"fuzz":{"a":1}}"#).expect("valid");
    Target {
        model: (*draws.one(&MODELS)).to_owned(),
        stream: draws.flip(),
        policy: *draws.one(&[LossPolicy::Default, LossPolicy::Drop, LossPolicy::Drop, LossPolicy::Reject]),
        sampling: Sampling { temperature: draws.flip().then_some(0.5), ..Sampling::default() },
        max_output_tokens: draws.flip().then_some(100),
        model_max_output_tokens: draws.flip().then_some(2000),
        extra_body: if draws.flip() { extra } else { RawObject::default() },
        drop_fields: draws.flip().then(|| "seed".to_owned()).into_iter().collect(),
    }
}

fn encoded(request: &ChatRequest, vendor: &dyn Dialect, target: &Target) {
    let Ok(encoded) = vendor.encode(request, target) else { return };
    let body = encoded.request.body.joined();
    let id = vendor.id();
    let read: RawObject = serde_json::from_slice(&body)
        .unwrap_or_else(|fault| panic!("{id} writes no JSON object: {fault}: {}", body.escape_ascii()));
    let named = encoded.request.path.contains(&target.model) || read.get("model").is_some();
    assert!(named, "{id} names no model");
    assert!(encoded.request.path.starts_with('/'), "{id} has no path");
    for field in &target.drop_fields {
        assert!(read.get(field).is_none(), "{id} sends `{field}` nevertheless");
    }
}

fn again(client: &dyn Ingress, request: &ChatRequest) {
    let target = Target { model: "m".to_owned(), policy: LossPolicy::Drop, ..Target::default() };
    let vendor = dialects::vendor_of(client);
    // Single prompts become conversations, which are read by another client side.
    if vendor.id() != client.id() {
        return;
    }
    let Ok(encoded) = vendor.encode(request, &target) else { return };
    let body = encoded.request.body.joined();
    if let Err(error) = client.decode(&body, &HeaderMap::new()) {
        panic!("{} does not read its own request: {error:?}: {}", client.id(), body.escape_ascii());
    }
}
