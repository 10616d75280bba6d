//! Counts of tokens: a client's body as a vendor counts it, and the answer.
//!
//! After <https://ai.google.dev/api/tokens>. What is counted stands in the body itself, or whole in
//! `generateContentRequest`; one cloud knows the first form only.

use bytes::Bytes;
use llm_core::wire::WireRequest;
use llm_core::{Envelope, Error, RawJson, RawObject, Result, Target};

use crate::quirks::GenerateQuirks;
use crate::request;
use crate::wire::{Members, json};

const INNER: &str = "generateContentRequest";

/// The request that counts a client's body of this same format.
///
/// # Errors
/// When the request inside cannot be read.
pub(crate) fn request(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &GenerateQuirks,
) -> Result<WireRequest> {
    let mut edit = envelope.edit(body);
    edit.remove("model");
    let key = [INNER, "generate_content_request"].into_iter().find(|key| envelope.range(body, key).is_some());
    let Some(key) = key else { return Ok(request::call(&target.model, ":countTokens", edit.finish())) };
    let inner: Option<RawObject> = envelope
        .read(body, key)
        .map_err(|_| Error::invalid(format!("invalid `{key}`: expected an object")).with_param(key))?;
    let mut inner = inner.unwrap_or_default();
    inner.remove("model");
    if quirks.counts_plain_requests {
        let whole = json(&inner).get().to_owned().into_bytes();
        return Ok(request::call(&target.model, ":countTokens", whole.into()));
    }
    let name = target.model.strip_prefix("models/").unwrap_or(&target.model);
    inner.insert("model", RawJson::string(&format!("models/{name}")));
    edit.set(key, json(&inner).get().to_owned());
    Ok(request::call(&target.model, ":countTokens", edit.finish()))
}

/// Reads the answer.
pub(crate) fn read(body: &[u8]) -> Option<u64> {
    Members::parse(std::str::from_utf8(body).ok()?).ok()?.count("totalTokens").ok()?
}
