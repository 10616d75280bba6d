//! Structured documents as text, for vendors that read only texts.

use std::borrow::Cow;

use llm_core::rerank::{RerankDocument, RerankRequest};
use llm_core::{Losses, RawJson, RawObject, Result};

/// The documents as texts. A document of one `text` is that text; any other object is written line by line, member
/// by member, as the documentation advises for structured data.
pub(super) fn texts<'a>(request: &'a RerankRequest, losses: &mut Losses) -> Result<Vec<Cow<'a, str>>> {
    request.documents.iter().map(|document| text(document, &request.rank_fields, losses)).collect()
}

fn text<'a>(document: &'a RerankDocument, fields: &[String], losses: &mut Losses) -> Result<Cow<'a, str>> {
    let raw = match document {
        RerankDocument::Text(text) => return Ok(Cow::Borrowed(text)),
        RerankDocument::Object(raw) => raw,
        _ => {
            losses.meaning("documents")?;
            return Ok(Cow::Borrowed(""));
        }
    };
    if let Some(text) = own_text(raw).filter(|_| fields.is_empty() || fields == ["text"]) {
        return Ok(Cow::Owned(text));
    }
    losses.approximated("documents", "their members as lines of text")?;
    Ok(Cow::Owned(lines(raw, fields)))
}

/// The text of a document, where it has one.
pub(super) fn own_text(raw: &RawJson) -> Option<String> {
    raw.read::<RawObject>().ok()?.get("text")?.read().ok()
}

fn lines(raw: &RawJson, fields: &[String]) -> String {
    let Ok(object) = raw.read::<RawObject>() else { return raw.get().to_owned() };
    let named: Vec<(&str, &RawJson)> = if fields.is_empty() {
        object.iter().collect()
    } else {
        fields.iter().filter_map(|field| Some((field.as_str(), object.get(field)?))).collect()
    };
    let shown = |value: &RawJson| value.read::<String>().unwrap_or_else(|_| value.get().to_owned());
    named.into_iter().map(|(name, value)| format!("{name}: {}\n", shown(value))).collect()
}
