//! Content blocks, shared by requests and answers.

mod citations;
mod for_clients;
mod for_vendors;
mod read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_core::message::{CacheMark, Opaque, OpaqueKind, SEAL};
use llm_core::{Part, RawJson, custom_tools};

pub(crate) use citations::{for_client as citation_for_client, read as read_citation};
pub(crate) use for_clients::for_client;
pub(crate) use for_vendors::{ForVendors, system_text};
pub(crate) use read::{Side, read_block, read_list};

use crate::CONVERSE;

/// Base64 of the letters that every sealed state begins with, as far as what follows does not change them.
pub(crate) const SEAL_IN_BASE64: &str = "bGxtZ3cx";

/// The input of a call as an object. Arguments that were cut short are kept as a text in it.
pub(crate) fn input(call: &llm_core::message::ToolCall) -> RawJson {
    if call.custom {
        return custom_tools::wrap(&call.arguments);
    }
    call.arguments_object().unwrap_or_else(|| crate::wire::union("INVALID_JSON", &call.arguments))
}

/// Puts a cache mark on a part; `false` when parts of its kind have none.
pub(crate) fn mark(part: &mut Part, mark: CacheMark) -> bool {
    let place = match part {
        Part::Text(text) => &mut text.cache,
        Part::Image(media) | Part::Audio(media) | Part::Video(media) => &mut media.cache,
        Part::Document(document) => &mut document.cache,
        Part::ToolCall(call) => &mut call.cache,
        Part::ToolResult(result) => &mut result.cache,
        _ => return false,
    };
    if place.is_some() {
        return false;
    }
    *place = Some(mark);
    true
}

/// The cache mark on a part.
pub(crate) fn mark_of(part: &Part) -> Option<CacheMark> {
    match part {
        Part::Text(text) => text.cache,
        Part::Image(media) | Part::Audio(media) | Part::Video(media) => media.cache,
        Part::Document(document) => document.cache,
        Part::ToolCall(call) => call.cache,
        Part::ToolResult(result) => result.cache,
        _ => None,
    }
}

/// Withheld thinking as a client carries it: a blob, so what is not base64 already becomes it.
pub(crate) fn redacted_for_client(state: &Opaque) -> String {
    if state.origin == CONVERSE { state.data.clone() } else { STANDARD.encode(state.seal()) }
}

/// Withheld thinking as a client sent it back.
pub(crate) fn redacted_from_client(data: String) -> Opaque {
    let sealed = data.starts_with(SEAL_IN_BASE64).then(|| STANDARD.decode(&data).ok()).flatten();
    let sealed = sealed.and_then(|bytes| Opaque::unseal(std::str::from_utf8(&bytes).ok()?));
    sealed.unwrap_or(Opaque { origin: CONVERSE, kind: OpaqueKind::Redacted, data })
}

/// State of another format that must come back with a call has no place in a call of this format; it travels in a
/// withheld thought right behind, which clients send back as it is.
pub(crate) fn sealed_call_state(state: &Opaque) -> Option<String> {
    let hidden = Opaque { kind: OpaqueKind::Signature, ..state.clone() };
    (state.origin != CONVERSE).then(|| redacted_for_client(&hidden))
}

/// Whether a body holds state that other formats left in it.
pub(crate) fn holds_sealed_state(body: &[u8]) -> bool {
    let holds = |text: &str| memchr::memmem::find(body, text.as_bytes()).is_some();
    holds(SEAL) || holds(SEAL_IN_BASE64)
}
