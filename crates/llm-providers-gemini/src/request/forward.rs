//! Bodies that pass as they are: edits of the deployment's settings and of state that must not reach a vendor.

use std::borrow::Cow;

use bytes::Bytes;
use llm_core::dialect::Encoded;
use llm_core::envelope::is_gateway_field;
use llm_core::{Envelope, Error, Losses, RawJson, RawObject, Result, Target};
use memchr::memmem;

use crate::quirks::GenerateQuirks;
use crate::signature;
use crate::wire::{camel, json};

/// Makes a request out of a client's body of this same format.
pub(crate) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &GenerateQuirks,
) -> Result<Encoded> {
    if memmem::find(body, signature::SEALED.as_bytes()).is_some() {
        return translate(body, target, quirks);
    }
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    // The path names the model.
    edit.remove("model");
    if let Some((key, config)) = generation_config(body, envelope, target, quirks, &mut losses)? {
        edit.set(key, config.get().to_owned());
    }
    for key in envelope.keys(body) {
        let name = camel(Cow::Borrowed(key));
        let is = |field: &String| *field == name;
        if quirks.drop_params.iter().any(is) && edit.remove(key) {
            losses.tuning(key.to_owned())?;
        }
        if target.drop_fields.iter().any(is) {
            edit.remove(key);
        }
    }
    for (name, value) in target.extra_body.iter().filter(|(name, _)| *name != "generationConfig") {
        edit.set(name, value.get().to_owned());
    }
    let request = super::call(&target.model, super::method(target.stream), edit.finish());
    Ok(Encoded { request, losses: losses.into_list() })
}

/// The way through the canonical form, for conversations that began with other vendors.
fn translate(body: &Bytes, target: &Target, quirks: &GenerateQuirks) -> Result<Encoded> {
    let mut request = super::decode(body)?;
    request.extras = request.extras.map(|(origin, fields)| {
        (origin, fields.into_iter().filter(|(name, _)| !is_gateway_field(name)).collect())
    });
    super::encode(&request, target, quirks)
}

/// `generationConfig` with what the deployment adds to it and takes out of it, where that changes anything, under the
/// name that the client gave it.
fn generation_config(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &GenerateQuirks,
    losses: &mut Losses,
) -> Result<Option<(&'static str, RawJson)>> {
    let keys = ["generationConfig", "generation_config"];
    let key = keys.into_iter().find(|key| envelope.range(body, key).is_some()).unwrap_or(keys[0]);
    let given: Option<RawObject> = envelope
        .read(body, key)
        .map_err(|_| Error::invalid(format!("invalid `{key}`: expected an object")).with_param(key))?;
    let given = given.unwrap_or_default();
    let mut config = RawObject::default();
    for (name, value) in given.iter() {
        let known = camel(Cow::Borrowed(name));
        if quirks.drop_params.iter().any(|field| *field == known) {
            losses.tuning(name.to_owned())?;
        } else if !target.drop_fields.iter().any(|field| *field == known) {
            config.insert(name, value.clone());
        }
    }
    defaults(&mut config, target);
    let set: Option<RawObject> =
        target.extra_body.get("generationConfig").and_then(|config| config.read().ok());
    for (name, value) in set.unwrap_or_default() {
        config.insert(name, value);
    }
    Ok((config != given).then(|| (key, json(&config))))
}

/// What the client left open.
fn defaults(config: &mut RawObject, target: &Target) {
    let sampling = &target.sampling;
    let stop = (!sampling.stop.is_empty()).then_some(&sampling.stop);
    for (name, value) in [
        ("maxOutputTokens", target.max_output_tokens.map(|limit| json(&limit))),
        ("temperature", sampling.temperature.map(|value| json(&value))),
        ("topP", sampling.top_p.map(|value| json(&value))),
        ("topK", sampling.top_k.map(|value| json(&value))),
        ("presencePenalty", sampling.presence_penalty.map(|value| json(&value))),
        ("frequencyPenalty", sampling.frequency_penalty.map(|value| json(&value))),
        ("seed", sampling.seed.map(|value| json(&value))),
        ("stopSequences", stop.map(json)),
    ] {
        let said = config.iter().any(|(given, _)| camel(Cow::Borrowed(given)) == name);
        if let Some(value) = value.filter(|_| !said) {
            config.insert(name, value);
        }
    }
}
