//! Citations: kept whole for this format, with the common fields for others.

use std::borrow::Cow;

use llm_core::RawJson;
use llm_core::message::Citation;
use serde::Serialize;

use crate::CHAT;
use crate::wire::{Fields, Malformed};

/// A citation with the content block that it belongs to.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The block; `None` when the vendor does not say (older models).
    pub(crate) block: Option<u64>,
    /// Whether it belongs to a text. Those of thinking and plans have no place in the canonical form.
    pub(crate) of_text: bool,
    pub(crate) citation: Citation,
}

/// Reads a citation.
pub(crate) fn read(raw: &RawJson) -> Result<Placed, Malformed> {
    let fields = Fields::parse(raw.get())?;
    let source = fields.array("sources")?.into_iter().next();
    let source = source.map(|source| Fields::parse(source.get())).transpose()?.unwrap_or_default();
    let said = match source.object("document")? {
        Some(document) => document,
        None => source.object("tool_output")?.unwrap_or_default(),
    };
    let text = |name: &str| said.text(name).ok().flatten();
    Ok(Placed {
        block: fields.count("content_index"),
        of_text: fields.text("type")?.is_none_or(|kind| kind == "TEXT_CONTENT"),
        citation: Citation {
            url: text("url"),
            title: text("title"),
            cited_text: text("text").or_else(|| text("snippet")),
            start: fields.count("start"),
            end: fields.count("end"),
            raw: Some((CHAT, raw.clone())),
        },
    })
}

/// A citation for a client. Those of other formats become documents with what is known of them.
pub(crate) fn for_client<'a>(citation: &'a Citation, text: &str, block: u64) -> Cow<'a, RawJson> {
    #[derive(Serialize)]
    struct Shown<'a> {
        start: u64,
        end: u64,
        text: Cow<'a, str>,
        sources: [Source<'a>; 1],
        r#type: &'static str,
        content_index: u64,
    }
    #[derive(Serialize)]
    struct Source<'a> {
        r#type: &'static str,
        id: &'a str,
        document: Cited<'a>,
    }
    #[derive(Serialize)]
    struct Cited<'a> {
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
    }
    if let Some((_, raw)) = citation.raw.as_ref().filter(|(origin, _)| *origin == CHAT) {
        return Cow::Borrowed(raw);
    }
    let id = citation.url.as_deref().or(citation.title.as_deref()).unwrap_or_default();
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let (start, end) = (citation.start.unwrap_or(0).min(length), citation.end.unwrap_or(length).min(length));
    let document = Cited {
        id,
        title: citation.title.as_deref(),
        url: citation.url.as_deref(),
        text: citation.cited_text.as_deref(),
    };
    let shown = Shown {
        start,
        end,
        text: slice(text, start, end),
        sources: [Source { r#type: "document", id, document }],
        r#type: "TEXT_CONTENT",
        content_index: block,
    };
    Cow::Owned(RawJson::of(&shown).unwrap_or_else(|_| RawJson::null()))
}

fn slice(text: &str, start: u64, end: u64) -> Cow<'_, str> {
    let count = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
    let skip = usize::try_from(start).unwrap_or(usize::MAX);
    Cow::Owned(text.chars().skip(skip).take(count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_of_another_format_is_shown_as_a_document() {
        let citation = Citation {
            url: Some("https://a.example".to_owned()),
            start: Some(1),
            end: Some(3),
            ..Citation::default()
        };
        let shown = for_client(&citation, "äbcd", 2);
        assert_eq!(
            shown.get(),
            r#"{"start":1,"end":3,"text":"bc","sources":[{"type":"document","id":"https://a.example","document":{"id":"https://a.example","url":"https://a.example"}}],"type":"TEXT_CONTENT","content_index":2}"#
        );
    }
}
