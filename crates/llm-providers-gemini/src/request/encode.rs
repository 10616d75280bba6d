//! The canonical form to a vendor's body.

use llm_core::dialect::Encoded;
use llm_core::request::Tool;
use llm_core::{ChatRequest, Losses, Part, RawJson, RawObject, Result, Target};

use super::config::{self, Writer};
use super::tools;
use super::turns::Conversation;
use crate::GENERATE;
use crate::models::Rules;
use crate::quirks::GenerateQuirks;
use crate::wire::ObjectWriter;

/// Members of extras that are written elsewhere.
const NESTED: [&str; 2] = ["generationConfig", "toolConfig"];

/// Writes a canonical request.
pub(crate) fn encode(request: &ChatRequest, target: &Target, quirks: &GenerateQuirks) -> Result<Encoded> {
    let rules = Rules::of(&target.model);
    let mut losses = Losses::new(target.policy);
    let own = request.extras.as_ref().filter(|(origin, _)| *origin == GENERATE).map(|(_, extras)| extras);
    if has_cache_marks(request) {
        // Vendors of this format find the beginnings that prompts share by themselves.
        losses.foreign_state("cache_control");
    }
    let conversation = Conversation::of(request, rules, &mut losses)?;
    let tools = tools::tools(request, &mut losses)?;
    let tool_config = tools::config(request, own, &mut losses)?;
    let generation = generation(request, target, quirks, own, &mut losses)?;

    let object = ObjectWriter::of(request);
    let mut body = Writer { object, target, quirks, losses: &mut losses, set: Some(&target.extra_body) };
    body.optional("systemInstruction", conversation.system.as_ref())?;
    body.member("contents", &conversation.contents)?;
    body.optional("tools", (!tools.is_empty()).then_some(&tools))?;
    body.optional("toolConfig", tool_config.as_ref())?;
    body.object.optional("generationConfig", generation.as_ref());
    account(request, own.is_some(), &mut body)?;
    extras(request, &mut body)?;
    for (name, value) in target.extra_body.iter().filter(|(name, _)| *name != "generationConfig") {
        body.object.member(name, value);
    }
    let body = body.object.finish_body();
    let request = super::call(&target.model, super::method(target.stream), body);
    Ok(Encoded { request, losses: losses.into_list() })
}

fn has_cache_marks(request: &ChatRequest) -> bool {
    let of_part = |part: &Part| match part {
        Part::Text(text) => text.cache.is_some(),
        Part::Image(media) | Part::Audio(media) | Part::Video(media) => media.cache.is_some(),
        Part::Document(document) => document.cache.is_some(),
        Part::ToolCall(call) => call.cache.is_some(),
        Part::ToolResult(result) => {
            result.cache.is_some()
                || result.content.iter().any(|part| matches!(part, Part::Text(text) if text.cache.is_some()))
        }
        _ => false,
    };
    let of_tool = |tool: &Tool| matches!(tool, Tool::Function(function) if function.cache.is_some());
    request.cache.is_some()
        || request.messages.iter().flat_map(|message| &message.parts).any(of_part)
        || request.tools.iter().any(of_tool)
}

/// `generationConfig`. What the deployment sets in it joins what is there, and does not replace all of it.
fn generation(
    request: &ChatRequest,
    target: &Target,
    quirks: &GenerateQuirks,
    own: Option<&RawObject>,
    losses: &mut Losses,
) -> Result<Option<RawJson>> {
    let inside = |object: Option<&RawObject>| -> RawObject {
        object.and_then(|object| object.get("generationConfig")?.read().ok()).unwrap_or_default()
    };
    let (rest, set) = (inside(own), inside(Some(&target.extra_body)));
    let mut writer = Writer { object: ObjectWriter::new(), target, quirks, losses, set: Some(&set) };
    config::write(request, Rules::of(&target.model), own.is_some(), &rest, &mut writer)?;
    writer.object.members(&set);
    Ok((!writer.object.is_empty()).then(|| writer.object.json()))
}

/// Who asks and at what priority: of that, the format knows the priority, in its own words.
fn account(request: &ChatRequest, native: bool, body: &mut Writer<'_, '_>) -> Result<()> {
    match request.service_tier.as_deref() {
        Some(tier) if native => body.member("serviceTier", tier)?,
        Some("auto" | "default") | None => {}
        Some(_) => body.losses.tuning("service_tier")?,
    }
    body.losses.tuning_of([
        ("user", request.user.is_some()),
        ("metadata", request.metadata.as_ref().is_some_and(|labels| !labels.is_empty())),
        ("verbosity", request.verbosity.is_some()),
    ])
}

fn extras(request: &ChatRequest, body: &mut Writer<'_, '_>) -> Result<()> {
    let Some((origin, extras)) = &request.extras else { return Ok(()) };
    for (name, value) in extras.iter() {
        if *origin != GENERATE {
            body.losses.tuning(name.to_owned())?;
        } else if !NESTED.contains(&name) {
            body.member(name, value)?;
        }
    }
    Ok(())
}
