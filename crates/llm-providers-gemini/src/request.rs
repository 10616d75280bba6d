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

/// The method that answers a chat request.
pub(crate) fn method(stream: bool) -> &'static str {
    if stream { ":streamGenerateContent?alt=sse" } else { ":generateContent" }
}
