//! A client's body of this format edited for a vendor of this format: what must change changes, all else stays.

use bytes::Bytes;
use llm_core::dialect::Encoded;
use llm_core::{Envelope, Error, Losses, RawJson, RawObject, Result, Target};
use serde::Serialize;

use super::encode::{encoded, takes, with_usage};
use crate::chat::request::wants_usage;
use crate::completions::CompletionsQuirks;

/// Edits a body.
pub(in crate::completions) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &CompletionsQuirks,
) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    edit.set("model", json(&target.model)?);
    let streamed = envelope.read::<bool>(body, "stream")?.unwrap_or(false);
    if streamed != target.stream {
        edit.set("stream", json(&target.stream)?);
    }
    if !target.stream || !takes("stream_options", target, quirks) {
        edit.remove("stream_options");
    } else if !wants_usage(body, envelope) {
        let mut options: RawObject = envelope.read(body, "stream_options")?.unwrap_or_default();
        with_usage().into_iter().for_each(|(name, value)| options.insert(name, value));
        edit.set("stream_options", json(&options)?);
    }
    for (name, value) in defaults(target)?.into_iter().filter(|(name, _)| takes(name, target, quirks)) {
        edit.set_default(name, value.get().as_bytes());
    }
    for field in quirks.drop_params.iter().filter(|field| *field != "stream_options") {
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
    Ok(encoded(edit.finish(), losses))
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|fault| Error::internal(format!("cannot write the request: {fault}")))
}

/// What the client left open and the deployment sets.
fn defaults(target: &Target) -> Result<Vec<(&'static str, RawJson)>> {
    let sampling = &target.sampling;
    let raw = |value: &dyn Fn() -> serde_json::Result<RawJson>| {
        value().map_err(|fault| Error::internal(format!("cannot write the request: {fault}")))
    };
    let mut defaults = Vec::new();
    let numbers = [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
    ];
    for (name, value) in numbers.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        defaults.push((name, raw(&|| RawJson::of(&value))?));
    }
    if let Some(seed) = sampling.seed {
        defaults.push(("seed", raw(&|| RawJson::of(&seed))?));
    }
    if let Some(limit) = target.max_output_tokens {
        defaults.push(("max_tokens", raw(&|| RawJson::of(&limit))?));
    }
    if !sampling.stop.is_empty() {
        defaults.push(("stop", raw(&|| RawJson::of(&sampling.stop))?));
    }
    Ok(defaults)
}
