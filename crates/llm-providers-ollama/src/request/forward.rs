//! Bodies that pass as they are: edits of the model, of the stream and of the deployment's settings.

use bytes::Bytes;
use llm_core::dialect::Encoded;
use llm_core::envelope::is_gateway_field;
use llm_core::message::SEAL;
use llm_core::{Envelope, Losses, RawJson, RawObject, Result, Target};
use memchr::memmem;

use super::encode::{is_member, joined_options, wire_request};
use crate::quirks::ChatQuirks;

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
    if envelope.read::<bool>(body, "stream")?.unwrap_or(true) != target.stream {
        edit.set("stream", target.stream.to_string());
    }
    let options: Option<RawObject> = envelope.read(body, "options")?;
    if let Some(joined) = joined_options(options, target) {
        edit.set("options", joined.get().to_owned());
    }
    for field in &quirks.drop_params {
        if edit.remove(field) {
            losses.tuning(field.clone())?;
        }
    }
    for field in &target.drop_fields {
        edit.remove(field);
    }
    for (name, value) in target.extra_body.iter().filter(|(name, _)| is_member(name)) {
        edit.set(name, value.get().to_owned());
    }
    Ok(Encoded { request: wire_request("/api/chat", edit.finish()), losses: losses.into_list() })
}

/// The way through the canonical form, for conversations that hold the state of other vendors.
fn translate(body: &Bytes, target: &Target, quirks: &ChatQuirks) -> Result<Encoded> {
    let mut request = super::decode(body)?;
    request.extras = request.extras.map(|(origin, fields)| {
        (origin, fields.into_iter().filter(|(name, _)| !is_gateway_field(name)).collect())
    });
    super::encode(&request, target, quirks)
}
