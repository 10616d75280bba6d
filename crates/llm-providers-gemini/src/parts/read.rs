//! Parts of clients' requests and vendors' answers as what they mean.

use llm_core::message::{ForeignBlock, Opaque, Source, ToolResult};
use llm_core::{Part, RawJson, Words};
use serde_json::value::RawValue;

use super::results;
use crate::media::{self, Kind};
use crate::wire::{Malformed, Members};
use crate::{GENERATE, signature};

/// Whose part it is: only clients send back what we sealed for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Vendor,
}

/// What a part means.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Words of the answer, maybe none, with a signature beside them.
    Text(Words, Option<Opaque>),
    /// Words of thinking.
    Thought(String, Option<Opaque>),
    /// A call; the id may have to be made.
    Call { id: Option<String>, name: String, arguments: String, state: Option<Opaque> },
    /// What a tool answered; the call's id may have to be found.
    Result { id: Option<String>, result: ToolResult },
    /// A part that is complete in itself.
    Whole(Part, Option<Opaque>),
}

/// Members of a part of pictures and files that are read.
const MEDIA: &[&str] = &["inlineData", "fileData", "thought", "thoughtSignature"];

/// Reads a part.
pub(crate) fn read_part(raw: &RawValue, side: Side) -> Result<Piece, Malformed> {
    let part = Members::parse(raw.get())?;
    let thought = part.read("thought", "true or false")?.unwrap_or(false);
    let kind = if thought { signature::OF_THOUGHT } else { signature::OF_ANSWER };
    let state = |kind| {
        let data = part.text("thoughtSignature")?.filter(|data| !data.is_empty());
        Ok(data.map(|data| match side {
            Side::Client => signature::of_client(kind, data),
            Side::Vendor => signature::of_vendor(kind, data),
        }))
    };
    if let Some(call) = part.object("functionCall")? {
        return read_call(&call, state(signature::OF_THOUGHT)?).map_err(|fault| fault.within("functionCall"));
    }
    if let Some(response) = part.object("functionResponse")? {
        return results::read(&response).map_err(|fault| fault.within("functionResponse"));
    }
    if let Some(media) = read_media(&part)?.filter(|_| !thought && part.rest(MEDIA).is_empty()) {
        return Ok(Piece::Whole(media, state(kind)?));
    }
    match part.read::<Words>("text", "a string")? {
        Some(text) if thought => Ok(Piece::Thought(text.into(), state(kind)?)),
        Some(text) => Ok(Piece::Text(text, state(kind)?)),
        None if part.rest(&["thought", "thoughtSignature"]).is_empty() => {
            let state = state(kind)?;
            Ok(if thought {
                Piece::Thought(String::new(), state)
            } else {
                Piece::Text(Words::default(), state)
            })
        }
        None => block(raw, &part),
    }
}

/// A part that stays as it is: of tools that the vendor runs itself, or of a kind that is not modelled.
fn block(raw: &RawValue, part: &Members<'_>) -> Result<Piece, Malformed> {
    const SERVER_TOOLS: [&str; 4] = ["executableCode", "codeExecutionResult", "toolCall", "toolResponse"];
    let server_tool = SERVER_TOOLS.iter().any(|name| part.raw(name).is_some());
    let raw = RawJson::parse(raw.get()).map_err(|_| Malformed::new("", "expected a part"))?;
    let block = ForeignBlock { origin: GENERATE, raw };
    let part = if server_tool { Part::ServerTool(block) } else { Part::Unknown(block) };
    Ok(Piece::Whole(part, None))
}

fn read_call(call: &Members<'_>, state: Option<Opaque>) -> Result<Piece, Malformed> {
    let arguments = call.raw("args").map_or("{}", RawValue::get).to_owned();
    let id = call.text("id")?.filter(|id| !id.is_empty());
    Ok(Piece::Call { id, name: call.required_text("name")?, arguments, state })
}

/// Reads `inlineData` or `fileData`, where a part has one.
pub(super) fn read_media(part: &Members<'_>) -> Result<Option<Part>, Malformed> {
    if let Some(blob) = part.object("inlineData")? {
        let inside = |fault: Malformed| fault.within("inlineData");
        let media_type = blob.text("mimeType").map_err(inside)?.unwrap_or_default();
        let data = signature::standard(&blob.required_text("data").map_err(inside)?);
        let kind = Kind::of(if media_type.is_empty() { "image/" } else { &media_type });
        return Ok(Some(kind.part(Source::Base64 { media_type, data })));
    }
    let Some(file) = part.object("fileData")? else { return Ok(None) };
    let inside = |fault: Malformed| fault.within("fileData");
    let media_type = file.text("mimeType").map_err(inside)?.unwrap_or_default();
    let (kind, source) = media::file(file.required_text("fileUri").map_err(inside)?, &media_type);
    Ok(Some(kind.part(source)))
}
