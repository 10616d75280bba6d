//! Bodies that pass as they are: edits of the model, of the deployment's settings and of state that must not
//! reach a vendor.

use bytes::Bytes;
use llm_core::dialect::Encoded;
use llm_core::envelope::{Edit, is_gateway_field};
use llm_core::message::SEAL;
use llm_core::wire::WireRequest;
use llm_core::{Envelope, Losses, RawJson, Result, Target};
use memchr::memmem;
use serde::Serialize;

use super::encode::wire_request;
use crate::quirks::MessagesQuirks;

/// Makes a request out of a client's body of this same format.
pub(crate) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &MessagesQuirks,
) -> Result<Encoded> {
    if holds_foreign_state(body, quirks) {
        return translate(body, envelope, target, quirks);
    }
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    if quirks.path.is_some() {
        edit.remove("model");
    } else {
        edit.set("model", RawJson::string(&target.model).get().to_owned());
    }
    match &quirks.body_version {
        Some(version) => edit.set_default("anthropic_version", RawJson::string(version).get().as_bytes()),
        // Clients of a cloud write it, and only clouds take it.
        None => {
            edit.remove("anthropic_version");
        }
    }
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
    for field in &target.drop_fields {
        edit.remove(field);
    }
    for (name, value) in target.extra_body.iter() {
        edit.set(name, value.get().to_owned());
    }
    Ok(Encoded { request: wire_request(edit.finish(), target, quirks), losses: losses.into_list() })
}

/// The request that counts a body's tokens, where a path of its own does: there the body names the model.
pub(crate) fn count(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &MessagesQuirks,
) -> Option<WireRequest> {
    let path = quirks.path.as_ref()?.count_tokens.as_ref()?;
    let mut edit = envelope.edit(body);
    edit.set("model", RawJson::string(&target.model).get().to_owned());
    if let Some(version) = &quirks.body_version {
        edit.set_default("anthropic_version", RawJson::string(version).get().as_bytes());
    }
    let request = wire_request(edit.finish(), target, quirks);
    Some(WireRequest { path: path.replace("{model}", &target.model), ..request })
}

/// The way through the canonical form. A body without `max_tokens` (to count tokens, say) stays without.
fn translate(body: &Bytes, envelope: &Envelope, target: &Target, quirks: &MessagesQuirks) -> Result<Encoded> {
    let mut request = super::decode(body)?;
    request.extras = request.extras.map(|(origin, fields)| {
        (origin, fields.into_iter().filter(|(name, _)| !is_gateway_field(name)).collect())
    });
    let mut target = target.clone();
    if envelope.range(body, "max_tokens").is_none() && target.max_output_tokens.is_none() {
        target.drop_fields.push("max_tokens".to_owned());
    }
    super::encode(&request, &target, quirks)
}

/// What the client left open.
fn defaults(edit: &mut Edit<'_>, target: &Target) {
    let sampling = &target.sampling;
    let stop = (!sampling.stop.is_empty()).then_some(&sampling.stop);
    for (name, value) in [
        ("max_tokens", target.max_output_tokens.map(|limit| json(&limit))),
        ("temperature", sampling.temperature.map(|value| json(&value))),
        ("top_p", sampling.top_p.map(|value| json(&value))),
        ("top_k", sampling.top_k.map(|value| json(&value))),
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

/// Whether a conversation began with other vendors and holds what they left in it: sealed state, or thinking
/// that nobody signed. A vendor of this format would refuse both.
fn holds_foreign_state(body: &[u8], quirks: &MessagesQuirks) -> bool {
    memmem::find(body, SEAL.as_bytes()).is_some() || !quirks.unsigned_thinking && has_empty_signature(body)
}

fn has_empty_signature(body: &[u8]) -> bool {
    const KEY: &[u8] = b"\"signature\"";
    memmem::find_iter(body, KEY).any(|at| {
        let after = body.get(at + KEY.len()..).unwrap_or_default().trim_ascii_start();
        let value = after.strip_prefix(b":").unwrap_or_default().trim_ascii_start();
        value.starts_with(b"\"\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_signatures_are_found_however_they_are_spaced() {
        assert!(has_empty_signature(br#"{"signature":""}"#));
        assert!(has_empty_signature(b"{\"signature\" : \"x\", \"signature\" :\n \"\"}"));
        assert!(!has_empty_signature(br#"{"signature":"x"}"#));
        assert!(!has_empty_signature(br#"{"text":"\"signature\""}"#));
        assert!(!has_empty_signature(b"\"signature\""));
    }
}
