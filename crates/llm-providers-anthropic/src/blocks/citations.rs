//! Citations of texts: kept whole for this format, with the common fields for others.

use std::borrow::Cow;

use llm_core::RawJson;
use llm_core::message::Citation;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::MESSAGES;
use crate::wire::{Malformed, Members};

/// Reads a citation.
pub(crate) fn read(raw: &RawValue) -> Result<Citation, Malformed> {
    let members = Members::parse(raw.get())?;
    // We wrote it ourselves for another vendor's answer: this format's vendors do not know it.
    let own = members.text("encrypted_index").ok().flatten().is_none_or(|index| !index.is_empty());
    let title = members.text("title")?;
    Ok(Citation {
        url: members.text("url")?,
        title: if title.is_some() { title } else { members.text("document_title")? },
        cited_text: members.text("cited_text")?,
        start: None,
        end: None,
        raw: own.then(|| RawJson::parse(raw.get()).ok()).flatten().map(|raw| (MESSAGES, raw)),
    })
}

/// The citation as one of this format's vendors wrote it; `None` for those of others.
pub(super) fn own(citation: &Citation) -> Option<&RawJson> {
    citation.raw.as_ref().filter(|(origin, _)| *origin == MESSAGES).map(|(_, raw)| raw)
}

/// A citation for a client. Those of other formats are shown as results of a web search, the only kind that has
/// an address.
pub(crate) fn for_client<'a>(citation: &'a Citation, text: &str) -> Option<Cow<'a, RawJson>> {
    #[derive(Serialize)]
    struct SearchResult<'a> {
        r#type: &'static str,
        cited_text: Cow<'a, str>,
        url: &'a str,
        title: Option<&'a str>,
        encrypted_index: &'static str,
    }
    if let Some(raw) = own(citation) {
        return Some(Cow::Borrowed(raw));
    }
    let shown = SearchResult {
        r#type: "web_search_result_location",
        cited_text: cited_text(citation, text),
        url: citation.url.as_deref()?,
        title: citation.title.as_deref(),
        encrypted_index: "",
    };
    RawJson::of(&shown).ok().map(Cow::Owned)
}

fn cited_text<'a>(citation: &'a Citation, text: &str) -> Cow<'a, str> {
    if let Some(cited) = &citation.cited_text {
        return Cow::Borrowed(cited);
    }
    let (Some(start), Some(end)) = (citation.start, citation.end) else { return Cow::Borrowed("") };
    let count = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
    let skip = usize::try_from(start).unwrap_or(usize::MAX);
    Cow::Owned(text.chars().skip(skip).take(count).collect())
}
