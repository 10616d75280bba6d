//! Bodies that pass as they are: edits of the model, of the deployment's settings and of state that must not
//! reach a vendor.

use bytes::Bytes;
use llm_core::dialect::Encoded;
use llm_core::envelope::{Edit, is_gateway_field};
use llm_core::message::SEAL;
use llm_core::{Envelope, Losses, RawJson, Result, Target};
use memchr::memmem;
use serde::Serialize;

use super::encode::wire_request;
use crate::chat::ChatQuirks;

/// Makes a request out of a client's body of this same format.
pub(crate) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &ChatQuirks,
) -> Result<Encoded> {
    if memmem::find(body, SEAL.as_bytes()).is_some() {
        return translate(body, target, quirks);
    }
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    edit.set("model", RawJson::string(&target.model).get().to_owned());
    let streams = envelope.read::<bool>(body, "stream")?.unwrap_or(false);
    if streams != target.stream {
        edit.set("stream", json(&target.stream));
    }
    defaults(&mut edit, target);
    for field in &quirks.drop_params {
        if edit.remove(field) {
            losses.tuning(field.clone())?;
        }
    }
    add(&mut edit, target);
    Ok(Encoded { request: wire_request("/chat", edit.finish()), losses: losses.into_list() })
}

/// Takes out and sets what the deployment says.
pub(crate) fn add(edit: &mut Edit<'_>, target: &Target) {
    for field in &target.drop_fields {
        edit.remove(field);
    }
    for (name, value) in target.extra_body.iter() {
        edit.set(name, value.get().to_owned());
    }
}

/// The way through the canonical form, for conversations that hold what other vendors left in them.
fn translate(body: &Bytes, target: &Target, quirks: &ChatQuirks) -> Result<Encoded> {
    let mut request = super::decode(body)?;
    request.extras = request.extras.map(|(origin, fields)| {
        (origin, fields.into_iter().filter(|(name, _)| !is_gateway_field(name)).collect())
    });
    super::encode(&request, target, quirks)
}

/// What the client left open.
fn defaults(edit: &mut Edit<'_>, target: &Target) {
    let sampling = &target.sampling;
    let stop = (!sampling.stop.is_empty()).then_some(&sampling.stop);
    for (name, value) in [
        ("max_tokens", target.max_output_tokens.map(|limit| json(&limit))),
        ("temperature", sampling.temperature.map(|value| json(&value))),
        ("p", sampling.top_p.map(|value| json(&value))),
        ("k", sampling.top_k.map(|value| json(&value))),
        ("seed", sampling.seed.map(|value| json(&value))),
        ("frequency_penalty", sampling.frequency_penalty.map(|value| json(&value))),
        ("presence_penalty", sampling.presence_penalty.map(|value| json(&value))),
        ("stop_sequences", stop.map(json)),
    ] {
        if let Some(value) = value {
            edit.set_default(name, &value);
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers and strings are always valid JSON")
}
