//! Blocks to parts, for what clients send and what vendors answer.

use llm_core::message::{
    CacheMark, Document, ForeignBlock, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall,
    ToolResult,
};
use llm_core::{Part, RawJson, RawObject, Words};
use serde_json::value::RawValue;

use super::{CALLER, INVALID_JSON, citations};
use crate::wire::{Malformed, Members};
use crate::{MESSAGES, ids};

/// Whose block it is: only clients send back what we sealed or spelled out for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Vendor,
}

/// Reads `content`: a text, or a list of blocks.
pub(crate) fn read_content(raw: &RawValue, side: Side) -> Result<Vec<Part>, Malformed> {
    if raw.get().starts_with('"') {
        let text = Words::of_json(raw).map_err(|_| expected("", "a string"))?;
        return Ok(vec![Part::text(text)]);
    }
    let blocks: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| expected("", "a string or a list of content blocks"))?;
    read_list(&blocks, side)
}

/// Reads a list of blocks.
pub(crate) fn read_list(blocks: &[&RawValue], side: Side) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::with_capacity(blocks.len());
    for (at, raw) in blocks.iter().enumerate() {
        let part = read_block(raw, side).map_err(|fault| fault.within(at))?;
        match (call_state(raw, &part), parts.last_mut()) {
            (Some(state), Some(Part::ToolCall(call))) if call.opaque.is_none() => {
                call.opaque = Some(state.clone());
            }
            _ => parts.push(part),
        }
    }
    Ok(parts)
}

/// State of another format that belongs to the call before it: see [`super::sealed_call_state`].
fn call_state<'a>(raw: &RawValue, part: &'a Part) -> Option<&'a Opaque> {
    let Part::Reasoning(Reasoning { opaque: Some(state), .. }) = part else { return None };
    let hidden = state.origin != MESSAGES && state.kind == OpaqueKind::Signature;
    (hidden && raw.get().contains("redacted_thinking")).then_some(state)
}

/// Reads one block.
pub(crate) fn read_block(raw: &RawValue, side: Side) -> Result<Part, Malformed> {
    let block = Members::parse(raw.get())?;
    let kind = block.required_text("type")?;
    let part = match kind.as_str() {
        "text" => Some(Part::Text(text(&block)?)),
        "image" => image(&block)?,
        "document" => document(&block)?,
        "tool_use" => Some(Part::ToolCall(tool_call(&block, side)?)),
        "tool_result" => Some(Part::ToolResult(tool_result(&block, side)?)),
        "thinking" => Some(thinking(&block, side)?),
        "redacted_thinking" => Some(redacted(&block, side)?),
        _ => None,
    };
    part.map_or_else(|| foreign(raw, &kind), Ok)
}

/// Whether a block belongs to a tool that the vendor runs itself.
fn is_server_tool(kind: &str) -> bool {
    matches!(kind, "server_tool_use" | "mcp_tool_use") || kind.ends_with("_tool_result")
}

fn foreign(raw: &RawValue, kind: &str) -> Result<Part, Malformed> {
    let raw = RawJson::parse(raw.get()).map_err(|_| expected("", "a content block"))?;
    let block = ForeignBlock { origin: MESSAGES, raw };
    Ok(if is_server_tool(kind) { Part::ServerTool(block) } else { Part::Unknown(block) })
}

fn text(block: &Members<'_>) -> Result<Text, Malformed> {
    let mut citations = Vec::new();
    for (at, raw) in block.array("citations")?.into_iter().enumerate() {
        citations.push(citations::read(raw).map_err(|fault| fault.within(at).within("citations"))?);
    }
    Ok(Text { text: block.required_words("text")?, citations, cache: cache(block)? })
}

fn image(block: &Members<'_>) -> Result<Option<Part>, Malformed> {
    let Some(source) = source(block)? else { return Ok(None) };
    Ok(Some(Part::Image(Media { cache: cache(block)?, ..Media::new(source) })))
}

fn document(block: &Members<'_>) -> Result<Option<Part>, Malformed> {
    let Some(source) = source(block)? else { return Ok(None) };
    let citations = block.object("citations")?;
    let enabled = citations.map(|citations| citations.read("enabled", "true or false")).transpose()?;
    Ok(Some(Part::Document(Document {
        source,
        title: block.text("title")?,
        context: block.text("context")?,
        citations: enabled.flatten(),
        cache: cache(block)?,
    })))
}

/// Where the bytes are; `None` for kinds of sources that we do not model, whose block stays as it is.
fn source(block: &Members<'_>) -> Result<Option<Source>, Malformed> {
    let source = block.object("source")?.ok_or_else(|| Malformed::new("source", "field required"))?;
    let read = |key: &str| source.required_text(key).map_err(|fault| fault.within("source"));
    Ok(Some(match read("type")?.as_str() {
        "base64" => Source::Base64 { media_type: read("media_type")?, data: read("data")? },
        "url" => Source::from_url(&read("url")?),
        "file" => Source::FileId { origin: MESSAGES, id: read("file_id")? },
        "text" => Source::Text(read("data")?),
        _ => return Ok(None),
    }))
}

fn tool_call(block: &Members<'_>, side: Side) -> Result<ToolCall, Malformed> {
    let id = id(&block.required_text("id")?, side);
    let arguments = block.raw("input").map_or_else(|| "{}".to_owned(), |input| arguments(input, side));
    let mut call = ToolCall::new(id, block.required_text("name")?, arguments);
    call.cache = cache(block)?;
    call.opaque = calling_program(block)?;
    Ok(call)
}

/// The arguments as text. Broken ones come back from clients as this format's documentation advises.
fn arguments(input: &RawValue, side: Side) -> String {
    let wrapped = (side == Side::Client && input.get().contains(INVALID_JSON))
        .then(|| serde_json::from_str::<RawObject>(input.get()).ok())
        .flatten()
        .filter(|object| object.len() == 1);
    let broken = wrapped.as_ref().and_then(|object| object.get(INVALID_JSON)?.read().ok());
    broken.unwrap_or_else(|| input.get().to_owned())
}

/// Who called, when it was a program of the vendor's and not the model itself: it must come back.
fn calling_program(block: &Members<'_>) -> Result<Option<Opaque>, Malformed> {
    let Some(caller) = block.object(CALLER)? else { return Ok(None) };
    if caller.text("type")?.as_deref() == Some("direct") {
        return Ok(None);
    }
    let raw = block.raw(CALLER).map_or("null", RawValue::get);
    let data = format!("{{\"{CALLER}\":{raw}}}");
    Ok(Some(Opaque { origin: MESSAGES, kind: OpaqueKind::Signature, data }))
}

fn tool_result(block: &Members<'_>, side: Side) -> Result<ToolResult, Malformed> {
    let content = match block.raw("content") {
        Some(raw) => result_content(raw, side).map_err(|fault| fault.within("content"))?,
        None => Vec::new(),
    };
    Ok(ToolResult {
        call_id: id(&block.required_text("tool_use_id")?, side),
        name: None,
        content,
        is_error: block.read("is_error", "true or false")?,
        custom: false,
        cache: cache(block)?,
    })
}

/// Results hold no results: one inside another stays as it came, so that no body can nest us deep.
fn result_content(raw: &RawValue, side: Side) -> Result<Vec<Part>, Malformed> {
    if raw.get().starts_with('"') {
        return read_content(raw, side);
    }
    let blocks: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| expected("", "a string or a list of content blocks"))?;
    let read = |(at, raw): (usize, &&RawValue)| {
        let kind = Members::parse(raw.get()).and_then(|block| block.required_text("type"));
        let part = match kind.as_deref() {
            Ok("tool_result") => foreign(raw, ""),
            _ => read_block(raw, side),
        };
        part.map_err(|fault| fault.within(at))
    };
    blocks.iter().enumerate().map(read).collect()
}

fn thinking(block: &Members<'_>, side: Side) -> Result<Part, Malformed> {
    let text = block.text("thinking")?.unwrap_or_default();
    let signature = block.text("signature")?.unwrap_or_default();
    let opaque = (!signature.is_empty()).then(|| state(side, OpaqueKind::Signature, signature));
    let foreign = opaque.as_ref().is_some_and(|state| state.origin != MESSAGES);
    if foreign && opaque.as_ref().is_some_and(|state| state.kind == OpaqueKind::Encrypted) {
        // Beside encrypted thinking stands a summary, never the thinking itself.
        let summary = if text.is_empty() { Vec::new() } else { vec![text] };
        return Ok(Part::Reasoning(Reasoning { summary, opaque, ..Reasoning::default() }));
    }
    Ok(Part::Reasoning(Reasoning { text, opaque, ..Reasoning::default() }))
}

fn redacted(block: &Members<'_>, side: Side) -> Result<Part, Malformed> {
    let data = block.required_text("data")?;
    let opaque = Some(state(side, OpaqueKind::Redacted, data));
    Ok(Part::Reasoning(Reasoning { opaque, ..Reasoning::default() }))
}

fn state(side: Side, kind: OpaqueKind, data: String) -> Opaque {
    match side {
        Side::Client => Opaque::from_client(MESSAGES, kind, &data),
        Side::Vendor => Opaque { origin: MESSAGES, kind, data },
    }
}

fn id(text: &str, side: Side) -> String {
    match side {
        Side::Client => ids::from_wire(text),
        Side::Vendor => text.to_owned(),
    }
}

fn cache(block: &Members<'_>) -> Result<Option<CacheMark>, Malformed> {
    block.object("cache_control")?.map(|control| cache_mark(&control)).transpose()
}

/// Reads a `cache_control` object.
pub(crate) fn cache_mark(control: &Members<'_>) -> Result<CacheMark, Malformed> {
    let ttl = control.text("ttl").map_err(|fault| fault.within("cache_control"))?;
    match ttl.as_deref() {
        None | Some("5m") => Ok(CacheMark::Short),
        Some("1h") => Ok(CacheMark::Hour),
        Some(_) => Err(expected("cache_control.ttl", "`5m` or `1h`")),
    }
}

fn expected(path: &str, what: &str) -> Malformed {
    Malformed::new(path, format!("expected {what}"))
}
