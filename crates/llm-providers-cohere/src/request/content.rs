//! Content as this format writes it: a text, or a list of blocks.

use llm_core::message::{ForeignBlock, Media, Opaque, OpaqueKind, Reasoning, Source, ToolCall};
use llm_core::{Part, RawJson};

use crate::wire::{Fields, Malformed};
use crate::{CHAT, documents, plan};

/// Reads content; absent and null give none.
pub(crate) fn read(content: Option<&RawJson>) -> Result<Vec<Part>, Malformed> {
    let Some(raw) = content else { return Ok(Vec::new()) };
    if let Ok(text) = raw.read::<String>() {
        return Ok(vec![Part::text(text)]);
    }
    let blocks: Vec<RawJson> =
        raw.read().map_err(|_| Malformed::new("", "expected a string or a list of content blocks"))?;
    blocks.iter().enumerate().map(|(at, raw)| block(raw).map_err(|fault| fault.within(at))).collect()
}

/// Reads a block.
pub(crate) fn block(raw: &RawJson) -> Result<Part, Malformed> {
    let fields = Fields::parse(raw.get())?;
    Ok(match fields.required_text("type")?.as_str() {
        "text" => Part::text(fields.required_text("text")?),
        "thinking" => Part::Reasoning(thinking(&fields)?),
        "image_url" => Part::Image(image(&fields)?),
        "document" => {
            let document =
                fields.raw("document").ok_or_else(|| Malformed::new("document", "field required"))?;
            Part::Document(documents::read(document).map_err(|fault| fault.within("document"))?)
        }
        _ => Part::Unknown(ForeignBlock { origin: CHAT, raw: raw.clone() }),
    })
}

/// Thinking; where a client sends back what we sealed into it for another vendor, with that.
fn thinking(fields: &Fields) -> Result<Reasoning, Malformed> {
    let sealed = fields.text("signature")?;
    let opaque = sealed.map(|text| Opaque::from_client(CHAT, OpaqueKind::Signature, &text));
    Ok(Reasoning { text: fields.text("thinking")?.unwrap_or_default(), opaque, ..Reasoning::default() })
}

fn image(fields: &Fields) -> Result<Media, Malformed> {
    // The address may stand there without its object.
    if let Some(url) = fields.text("image_url").ok().flatten() {
        return Ok(Media::new(Source::from_url(&url)));
    }
    let image = fields.object("image_url")?.ok_or_else(|| Malformed::new("image_url", "field required"))?;
    let inside = |fault: Malformed| fault.within("image_url");
    let source = Source::from_url(&image.required_text("url").map_err(inside)?);
    Ok(Media { detail: image.text("detail").map_err(inside)?, ..Media::new(source) })
}

/// Reads the message of an answer or of the history: content, then the plan, then the calls. `citations` stay with
/// the caller.
pub(crate) fn assistant(message: &Fields) -> Result<Vec<Part>, Malformed> {
    let mut parts = read(message.raw("content")).map_err(|fault| fault.within("content"))?;
    if let Some(text) = message.text("tool_plan")?.filter(|text| !text.is_empty()) {
        parts.push(plan::part(text));
    }
    for (at, raw) in message.array("tool_calls")?.iter().enumerate() {
        let call = call(raw).map_err(|fault| fault.within(at).within("tool_calls"))?;
        parts.push(Part::ToolCall(call));
    }
    Ok(parts)
}

/// Reads a call of a tool.
pub(crate) fn call(raw: &RawJson) -> Result<ToolCall, Malformed> {
    let fields = Fields::parse(raw.get())?;
    let function = fields.object("function")?.unwrap_or_default();
    let arguments = match function.raw("arguments") {
        // A text, by the documentation; an object has been seen in clients' histories.
        Some(raw) => raw.read::<String>().unwrap_or_else(|_| raw.get().to_owned()),
        None => String::new(),
    };
    let (id, opaque) = unsealed(fields.text("id")?.unwrap_or_default());
    Ok(ToolCall { opaque, ..ToolCall::new(id, function.text("name")?.unwrap_or_default(), arguments) })
}

/// A call's id with the state of another vendor that the call must bring back: this format has no other place for it.
pub(crate) fn sealed(call: &ToolCall) -> String {
    match call.opaque.as_ref().filter(|opaque| opaque.origin != CHAT) {
        Some(opaque) => format!("{}#{}", call.id, opaque.seal()),
        None => call.id.clone(),
    }
}

/// Reads what [`sealed`] wrote; any other id is itself.
pub(crate) fn unsealed(id: String) -> (String, Option<Opaque>) {
    let parts = id.split_once('#').and_then(|(plain, seal)| Some((plain.to_owned(), Opaque::unseal(seal)?)));
    match parts {
        Some((plain, opaque)) => (plain, Some(opaque)),
        None => (id, None),
    }
}
