//! Sources of texts.

use std::borrow::Cow;

use llm_core::RawJson;
use llm_core::message::Citation;
use serde_json::value::RawValue;

use crate::CONVERSE;
use crate::wire::{Malformed, Members, ObjectWriter, owned, union};

/// Reads a citation; the whole is kept for this format.
pub(crate) fn read(raw: &RawValue) -> Result<Citation, Malformed> {
    let members = Members::parse(raw.get())?;
    let location = members.object("location")?.unwrap_or_default();
    let web = location.object("web").map_err(|fault| fault.within("location"))?.unwrap_or_default();
    let source = members.text("source")?.filter(|source| source.contains("://"));
    let mut passages = Vec::new();
    for raw in members.array("sourceContent")? {
        passages.extend(Members::parse(raw.get())?.text("text")?);
    }
    Ok(Citation {
        url: web.text("url").map_err(|fault| fault.within("location.web"))?.or(source),
        title: members.text("title")?,
        cited_text: (!passages.is_empty()).then(|| passages.concat()),
        raw: owned(raw).map(|raw| (CONVERSE, raw)),
        ..Citation::default()
    })
}

/// The citation in this format, when it came in it.
pub(super) fn own(citation: &Citation) -> Option<&RawJson> {
    citation.raw.as_ref().filter(|(origin, _)| *origin == CONVERSE).map(|(_, raw)| raw)
}

/// The citation as a client of this format reads it; one of another format becomes a web location, where it has one.
pub(crate) fn for_client(citation: &Citation) -> Option<Cow<'_, RawJson>> {
    if let Some(own) = own(citation) {
        return Some(Cow::Borrowed(own));
    }
    if citation.url.is_none() && citation.title.is_none() && citation.cited_text.is_none() {
        return None;
    }
    let mut object = ObjectWriter::new();
    object.optional("title", citation.title.as_ref());
    let passage = citation.cited_text.as_ref().map(|text| [union("text", text)]);
    object.optional("sourceContent", passage.as_ref());
    let web = citation.url.as_ref().map(|url| union("web", &union("url", url)));
    object.optional("location", web.as_ref());
    Some(Cow::Owned(object.json()))
}
