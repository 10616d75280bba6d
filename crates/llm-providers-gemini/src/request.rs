//! Requests: the canonical form to a vendor's body, a client's body to the canonical form, and the edits of bodies
//! that pass as they are.

mod config;
mod contents;
mod decode;
mod encode;
mod forward;
mod thinking;
mod tools;
mod turns;

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use forward::forward;

use http::{HeaderMap, HeaderValue, Method};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{RawObject, Target};

use crate::wire::{ObjectWriter, json};

/// A request to one of a model's methods. Only what would end the path's segment is spelled out: models may have
/// slashes.
pub(crate) fn call(model: &str, method: &str, body: WireBody) -> WireRequest {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = model.strip_prefix("models/").unwrap_or(model);
    let mut path = String::from("/models/");
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'@' | b':' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path.push_str(method);
    WireRequest { method: Method::POST, path, headers, body }
}

/// A body with an object of settings in it, with what the deployment sets in both and without what it takes out.
pub(crate) fn with_settings(
    mut body: RawObject,
    name: &str,
    mut settings: RawObject,
    target: &Target,
) -> Vec<u8> {
    for field in &target.drop_fields {
        settings.remove(field);
        body.remove(field);
    }
    for (field, value) in target.extra_body.iter() {
        match value.read::<RawObject>() {
            Ok(members) if field == name => {
                members.into_iter().for_each(|(field, value)| settings.insert(field, value));
            }
            _ => body.insert(field, value.clone()),
        }
    }
    body.insert(name, json(&settings));
    let mut out = ObjectWriter::new();
    out.members(&body);
    out.finish()
}

/// The method that answers a chat request.
pub(crate) fn method(stream: bool) -> &'static str {
    if stream { ":streamGenerateContent?alt=sse" } else { ":generateContent" }
}
