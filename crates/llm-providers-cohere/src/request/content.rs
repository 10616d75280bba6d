//! Content as this format writes it: a text, or a list of blocks.

use llm_core::message::{ForeignBlock, Media, Opaque, OpaqueKind, Reasoning, Source, ToolCall};
use llm_core::{Part, RawJson, Words};
use serde_json::value::RawValue;

use crate::wire::{Malformed, Members};
use crate::{CHAT, documents, plan};

/// Reads content out of its JSON; absent and null give none.
pub(crate) fn read(content: Option<&str>) -> Result<Vec<Part>, Malformed> {
    let Some(json) = content else { return Ok(Vec::new()) };
    if let Ok(text) = serde_json::from_str::<Words>(json) {
        return Ok(vec![Part::text(text)]);
    }
    let blocks: Vec<&RawValue> = serde_json::from_str(json)
        .map_err(|_| Malformed::new("", "expected a string or a list of content blocks"))?;
    blocks.iter().enumerate().map(|(at, raw)| block(raw.get()).map_err(|fault| fault.within(at))).collect()
}

fn block(json: &str) -> Result<Part, Malformed> {
    let members = Members::parse(json)?;
    Ok(match members.required_text("type")?.as_str() {
        "text" => Part::text(members.required_words("text")?),
        "thinking" => Part::Reasoning(thinking(&members)?),
        "image_url" => Part::Image(image(&members)?),
        "document" => {
            let document =
                members.raw("document").ok_or_else(|| Malformed::new("document", "field required"))?;
            Part::Document(documents::read(document.get()).map_err(|fault| fault.within("document"))?)
        }
        _ => Part::Unknown(ForeignBlock { origin: CHAT, raw: whole(json)? }),
    })
}

fn whole(json: &str) -> Result<RawJson, Malformed> {
    RawJson::parse(json).map_err(|_| Malformed::new("", "expected an object"))
}

/// Thinking; where a client sends back what we sealed into it for another vendor, with that.
fn thinking(members: &Members<'_>) -> Result<Reasoning, Malformed> {
    let sealed = members.text("signature")?;
    let opaque = sealed.map(|text| Opaque::from_client(CHAT, OpaqueKind::Signature, &text));
    Ok(Reasoning { text: members.text("thinking")?.unwrap_or_default(), opaque, ..Reasoning::default() })
}

fn image(members: &Members<'_>) -> Result<Media, Malformed> {
    // The address may stand there without its object.
    if let Some(url) = members.text("image_url").ok().flatten() {
        return Ok(Media::new(Source::from_url(&url)));
    }
    let image = members.object("image_url")?.ok_or_else(|| Malformed::new("image_url", "field required"))?;
    let inside = |fault: Malformed| fault.within("image_url");
    let source = Source::from_url(&image.required_text("url").map_err(inside)?);
    Ok(Media { detail: image.text("detail").map_err(inside)?, ..Media::new(source) })
}

/// Reads the message of an answer or of the history: content, then the plan, then the calls. `citations` stay with
/// the caller.
pub(crate) fn assistant(message: &Members<'_>) -> Result<Vec<Part>, Malformed> {
    let content = message.raw("content").map(RawValue::get);
    let mut parts = read(content).map_err(|fault| fault.within("content"))?;
    if let Some(text) = message.text("tool_plan")?.filter(|text| !text.is_empty()) {
        parts.push(plan::part(text));
    }
    for (at, members) in message.objects("tool_calls")?.iter().enumerate() {
        let call = call(members).map_err(|fault| fault.within(at).within("tool_calls"))?;
        parts.push(Part::ToolCall(call));
    }
    Ok(parts)
}

fn call(members: &Members<'_>) -> Result<ToolCall, Malformed> {
    let function = members.object("function")?.unwrap_or_default();
    let arguments = match function.raw("arguments") {
        // A text, by the documentation; an object has been seen in clients' histories.
        Some(raw) => serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned()),
        None => String::new(),
    };
    let (id, opaque) = unsealed(members.text("id")?.unwrap_or_default());
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
