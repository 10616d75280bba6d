//! Bodies that pass as they are: edits of the deployment's settings and of state that must not reach a vendor. The
//! model stands in the path.

use bytes::Bytes;
use llm_core::dialect::Encoded;
use llm_core::envelope::is_gateway_field;
use llm_core::{Envelope, Losses, RawJson, RawObject, Result, Target};

use super::encode::wire_request;
use crate::blocks;
use crate::quirks::ConverseQuirks;

/// Makes a request out of a client's body of this same format.
pub(crate) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &ConverseQuirks,
) -> Result<Encoded> {
    if blocks::holds_sealed_state(body) {
        return translate(body, target, quirks);
    }
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    // SDKs take them out of the arguments; people who write the body themselves may leave them in.
    for field in ["model", "modelId", "stream"] {
        edit.remove(field);
    }
    let given: RawObject = envelope.read(body, "inferenceConfig")?.unwrap_or_default();
    let inference = with_defaults(given.clone(), target);
    if inference != given {
        edit.set("inferenceConfig", serde_json::to_vec(&inference).expect("JSON is valid JSON"));
    }
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
    Ok(Encoded { request: wire_request(edit.finish(), target), losses: losses.into_list() })
}

fn translate(body: &Bytes, target: &Target, quirks: &ConverseQuirks) -> Result<Encoded> {
    let mut request = super::decode(body)?;
    request.extras = request.extras.map(|(origin, fields)| {
        (origin, fields.into_iter().filter(|(name, _)| !is_gateway_field(name)).collect())
    });
    super::encode(&request, target, quirks)
}

/// What the client left open.
fn with_defaults(mut given: RawObject, target: &Target) -> RawObject {
    let sampling = &target.sampling;
    let stop = (!sampling.stop.is_empty()).then(|| RawJson::of(&sampling.stop).ok()).flatten();
    for (name, value) in [
        ("maxTokens", target.max_output_tokens.and_then(|limit| RawJson::of(&limit).ok())),
        ("temperature", sampling.temperature.and_then(|value| RawJson::of(&value).ok())),
        ("topP", sampling.top_p.and_then(|value| RawJson::of(&value).ok())),
        ("stopSequences", stop),
    ] {
        if let Some(value) = value.filter(|_| given.get(name).is_none_or(RawJson::is_null)) {
            given.insert(name, value);
        }
    }
    given
}
