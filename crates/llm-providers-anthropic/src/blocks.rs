//! Content blocks: read from clients and vendors, written to both.

mod citations;
mod for_clients;
mod for_vendors;
mod read;

use std::borrow::Cow;

use llm_core::custom_tools;
use llm_core::message::{CacheMark, Opaque, Source, ToolCall};
use llm_core::{RawJson, RawObject};

use crate::MESSAGES;
use crate::wire::{self, CacheControl};

pub(crate) use citations::{for_client as citation_for_client, read as read_citation};
pub(crate) use for_clients::{for_client, sealed_call_state};
pub(crate) use for_vendors::{ForVendors, system_block};
pub(crate) use read::{Side, cache_mark, read_block, read_content, read_list};

/// The member of a call that says which program called, where the model did not itself.
const CALLER: &str = "caller";

/// How this format's own documentation says to hand on arguments that are no JSON object.
const INVALID_JSON: &str = "INVALID_JSON";

fn cache_control(mark: Option<CacheMark>) -> Option<CacheControl> {
    mark.map(CacheControl)
}

/// A source as it is written; `None` for what this format has no words for.
fn source(source: &Source) -> Option<wire::Source<'_>> {
    match source {
        Source::Url(url) => Some(wire::Source::Url { url }),
        Source::Base64 { media_type, data } => Some(wire::Source::Base64 { media_type, data }),
        Source::Text(text) => {
            Some(wire::Source::Text { media_type: "text/plain", data: Cow::Borrowed(text) })
        }
        Source::FileId { origin, id } if *origin == MESSAGES => Some(wire::Source::File { file_id: id }),
        Source::FileId { .. } => None,
    }
}

/// The arguments of a call as the object that this format wants.
pub(crate) fn input(call: &ToolCall) -> RawJson {
    if call.custom {
        return custom_tools::wrap(&call.arguments);
    }
    call.arguments_object().unwrap_or_else(|| {
        let object: RawObject =
            [(INVALID_JSON.to_owned(), RawJson::string(&call.arguments))].into_iter().collect();
        RawJson::of(&object).expect("an object of one string is always valid JSON")
    })
}

/// Who called, when a program of the vendor's did.
pub(crate) fn caller(state: Option<&Opaque>) -> Option<RawJson> {
    let state = state.filter(|state| state.origin == MESSAGES)?;
    let members: RawObject = serde_json::from_str(&state.data).ok()?;
    members.get(CALLER).cloned()
}
