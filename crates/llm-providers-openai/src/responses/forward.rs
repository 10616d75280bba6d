//! A client's body of this format passed on to a vendor of this format, nearly untouched.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Target};
use llm_core::envelope::Edit;
use llm_core::{Envelope, Error, Losses, Result};
use serde::Serialize;

use super::encode::{encode, refused, wire_request};
use super::quirks::ResponsesQuirks;
use super::reasoning::MARK;
use super::request::decode;

/// Makes a request out of a client's body.
///
/// # Errors
/// When the body brings state of other dialects and cannot be read.
pub(super) fn forward(
    quirks: &ResponsesQuirks,
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
) -> Result<Encoded> {
    // State that we put into an answer of another dialect: the vendor would refuse the whole request for it.
    if memchr::memmem::find(body, MARK.as_bytes()).is_some() {
        return rewrite(quirks, body, target);
    }
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    edit.set("model", json(&target.model));
    defaults(&mut edit, quirks, target);
    for (key, value) in target.extra_body.iter() {
        edit.set(key, value.get().to_owned());
    }
    for key in &target.drop_fields {
        if edit.remove(key) {
            losses.foreign_state(key.clone());
        }
    }
    for key in &quirks.drop_params {
        if target.extra_body.get(key).is_none() && edit.remove(key) {
            refused(key, &mut losses)?;
        }
    }
    Ok(Encoded { request: wire_request(edit.finish()), losses: losses.into_list() })
}

/// What the deployment sets when the client left it open.
fn defaults(edit: &mut Edit<'_>, quirks: &ResponsesQuirks, target: &Target) {
    let sampling = &target.sampling;
    let mut set = |key: &str, value: Option<Vec<u8>>| {
        if let Some(value) = value {
            edit.set_default(key, &value);
        }
    };
    set("temperature", sampling.temperature.map(|value| json(&value)));
    set("top_p", sampling.top_p.map(|value| json(&value)));
    set("max_output_tokens", target.max_output_tokens.map(|value| json(&value)));
    set("store", quirks.store.map(|value| json(&value)));
}

fn rewrite(quirks: &ResponsesQuirks, body: &Bytes, target: &Target) -> Result<Encoded> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("the body is not UTF-8"))?;
    let request = decode(text).map_err(super::fields::Fault::of_client)?;
    encode(quirks, &request, target)
}

fn json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers can always be written")
}
