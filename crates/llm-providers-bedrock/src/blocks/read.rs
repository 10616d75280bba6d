//! Blocks to parts, for what clients send and what vendors answer.

use llm_core::message::{
    CacheMark, Document, ForeignBlock, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall,
    ToolResult,
};
use llm_core::{Part, Words};
use serde_json::value::RawValue;

use super::{citations, mark, redacted_from_client};
use crate::CONVERSE;
use crate::formats;
use crate::wire::{Malformed, Members, owned};

/// Whose block it is: only clients send back what was sealed for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Vendor,
}

/// Reads a list of blocks. Marks of the cache join the part before them.
pub(crate) fn read_list(blocks: &[&RawValue], side: Side) -> Result<Vec<Part>, Malformed> {
    let mut parts: Vec<Part> = Vec::with_capacity(blocks.len());
    for (at, raw) in blocks.iter().enumerate() {
        let marked = cache_point(raw).map_err(|fault| fault.within(at))?;
        if let (Some(point), Some(last)) = (marked, parts.last_mut())
            && mark(last, point)
        {
            continue;
        }
        let part = read_block(raw, side).map_err(|fault| fault.within(at))?;
        match (call_state(&part), parts.last_mut()) {
            (Some(state), Some(Part::ToolCall(call))) if call.opaque.is_none() => {
                call.opaque = Some(state.clone());
            }
            _ => parts.push(part),
        }
    }
    Ok(parts)
}

/// State of another format that belongs to the call before it: see [`super::sealed_call_state`].
fn call_state(part: &Part) -> Option<&Opaque> {
    let Part::Reasoning(Reasoning { text, opaque: Some(state), .. }) = part else { return None };
    let hidden = text.is_empty() && state.origin != CONVERSE && state.kind == OpaqueKind::Signature;
    hidden.then_some(state)
}

fn cache_point(raw: &RawValue) -> Result<Option<CacheMark>, Malformed> {
    let Some(point) = Members::parse(raw.get())?.object("cachePoint")? else { return Ok(None) };
    let hour = point.text("ttl").map_err(|fault| fault.within("cachePoint"))?.as_deref() == Some("1h");
    Ok(Some(if hour { CacheMark::Hour } else { CacheMark::Short }))
}

/// Reads one block.
pub(crate) fn read_block(raw: &RawValue, side: Side) -> Result<Part, Malformed> {
    let block = Members::parse(raw.get())?;
    let Some((kind, value)) = block.variant(&[]) else {
        return Err(Malformed::new("", "expected a content block with one member"));
    };
    let part = modelled(kind, value, side).map_err(|fault| fault.within(kind))?;
    part.map_or_else(|| foreign(raw, kind), Ok)
}

/// `None`: a block that the canonical form has no room for.
fn modelled(kind: &str, value: &RawValue, side: Side) -> Result<Option<Part>, Malformed> {
    Ok(match kind {
        "text" => Some(Part::text(words(value)?)),
        "image" => media(value, formats::IMAGES)?.map(Part::Image),
        "audio" => media(value, formats::SOUNDS)?.map(Part::Audio),
        "video" => media(value, formats::VIDEOS)?.map(Part::Video),
        "document" => document(value)?.map(Part::Document),
        "toolUse" => tool_use(value)?.map(Part::ToolCall),
        "toolResult" => tool_result(value, side)?.map(Part::ToolResult),
        "reasoningContent" => reasoning(value, side)?.map(Part::Reasoning),
        "citationsContent" => Some(Part::Text(cited(value)?)),
        _ => None,
    })
}

fn words(value: &RawValue) -> Result<Words, Malformed> {
    Words::of_json(value).map_err(|_| Malformed::new("", "expected a string"))
}

/// A block that is kept as it is: of the vendor's own tools, or of a kind that is not modelled.
fn foreign(raw: &RawValue, kind: &str) -> Result<Part, Malformed> {
    let raw = owned(raw).ok_or_else(|| Malformed::new("", "expected a content block"))?;
    let block = ForeignBlock { origin: CONVERSE, raw };
    Ok(if kind.starts_with("tool") { Part::ServerTool(block) } else { Part::Unknown(block) })
}

/// `None`: what it says beside bytes and an address has no place in the canonical form.
fn source(block: &Members<'_>, media_type: &str) -> Result<Option<Source>, Malformed> {
    let inside = |fault: Malformed| fault.within("source");
    let source = block.object("source")?.ok_or_else(|| Malformed::missing("source"))?;
    if let Some(data) = source.text("bytes").map_err(inside)? {
        return Ok(Some(Source::Base64 { media_type: media_type.to_owned(), data }));
    }
    if let Some(text) = source.text("text").map_err(inside)? {
        return Ok(Some(Source::Text(text)));
    }
    let Some(place) = source.object("s3Location").map_err(inside)? else { return Ok(None) };
    let uri = place.required_text("uri").map_err(|fault| fault.within("source.s3Location"))?;
    Ok(place.raw("bucketOwner").is_none().then_some(Source::Url(uri)))
}

fn media(value: &RawValue, table: &[(&str, &'static str)]) -> Result<Option<Media>, Malformed> {
    let block = Members::parse(value.get())?;
    let word = block.required_text("format")?;
    let found = table.iter().find(|(known, _)| *known == word).map(|(_, media_type)| *media_type);
    let Some(media_type) = found else { return Ok(None) };
    Ok(source(&block, media_type)?.map(Media::new))
}

fn document(value: &RawValue) -> Result<Option<Document>, Malformed> {
    let block = Members::parse(value.get())?;
    let word = block.text("format")?;
    let media_type = word.as_deref().and_then(|word| formats::media_type(formats::DOCUMENTS, word));
    let Some(source) = source(&block, media_type.unwrap_or_default())? else { return Ok(None) };
    let citations = block.object("citations")?.unwrap_or_default();
    Ok(Some(Document {
        source,
        title: block.text("name")?,
        context: block.text("context")?,
        citations: citations.read("enabled", "true or false").map_err(|fault| fault.within("citations"))?,
        cache: None,
    }))
}

/// `None`: a call of a tool that the vendor runs itself.
fn tool_use(value: &RawValue) -> Result<Option<ToolCall>, Malformed> {
    let block = Members::parse(value.get())?;
    if block.text("type")?.as_deref() == Some("server_tool_use") {
        return Ok(None);
    }
    let input = block.raw("input").map_or("{}", RawValue::get);
    Ok(Some(ToolCall::new(block.required_text("toolUseId")?, block.required_text("name")?, input)))
}

/// `None`: the result of a tool that the vendor runs itself.
fn tool_result(value: &RawValue, side: Side) -> Result<Option<ToolResult>, Malformed> {
    let block = Members::parse(value.get())?;
    if block.raw("type").is_some() {
        return Ok(None);
    }
    let mut content = Vec::new();
    for (at, raw) in block.array("content")?.into_iter().enumerate() {
        content.push(result_content(raw, side).map_err(|fault| fault.within(at).within("content"))?);
    }
    let status = block.text("status")?;
    Ok(Some(ToolResult {
        call_id: block.required_text("toolUseId")?,
        name: None,
        content,
        is_error: status.map(|status| status == "error"),
        custom: false,
        cache: None,
    }))
}

/// JSON is told as its text: all formats take that.
fn result_content(raw: &RawValue, side: Side) -> Result<Part, Malformed> {
    let block = Members::parse(raw.get())?;
    match block.raw("json") {
        Some(json) => Ok(Part::text(json.get())),
        None => read_block(raw, side),
    }
}

fn reasoning(value: &RawValue, side: Side) -> Result<Option<Reasoning>, Malformed> {
    let block = Members::parse(value.get())?;
    if let Some(data) = block.text("redactedContent")? {
        let opaque = match side {
            Side::Client => redacted_from_client(data),
            Side::Vendor => Opaque { origin: CONVERSE, kind: OpaqueKind::Redacted, data },
        };
        return Ok(Some(Reasoning { opaque: Some(opaque), ..Reasoning::default() }));
    }
    let Some(inner) = block.object("reasoningText")? else { return Ok(None) };
    let inside = |fault: Malformed| fault.within("reasoningText");
    let signature = inner.text("signature").map_err(inside)?.filter(|signature| !signature.is_empty());
    let opaque = signature.map(|data| match side {
        Side::Client => Opaque::from_client(CONVERSE, OpaqueKind::Signature, &data),
        Side::Vendor => Opaque { origin: CONVERSE, kind: OpaqueKind::Signature, data },
    });
    let text = inner.text("text").map_err(inside)?.unwrap_or_default();
    Ok(Some(Reasoning { text, opaque, ..Reasoning::default() }))
}

fn cited(value: &RawValue) -> Result<Text, Malformed> {
    let block = Members::parse(value.get())?;
    let mut text = Text::default();
    for (at, raw) in block.array("content")?.into_iter().enumerate() {
        let inside = |fault: Malformed| fault.within(at).within("content");
        let piece = Members::parse(raw.get()).and_then(|piece| piece.text("text")).map_err(inside)?;
        text.text.push_str(&piece.unwrap_or_default());
    }
    for (at, raw) in block.array("citations")?.into_iter().enumerate() {
        text.citations.push(citations::read(raw).map_err(|fault| fault.within(at).within("citations"))?);
    }
    Ok(text)
}
