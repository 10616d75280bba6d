//! A client's body to the canonical form. The model and whether the answer is streamed stand in the path.

use llm_core::message::CacheMark;
use llm_core::request::{FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Tool, ToolChoice};
use llm_core::{ChatRequest, Error, Message, Part, RawJson, Result, Role};
use serde_json::value::RawValue;

use super::additional;
use crate::CONVERSE;
use crate::blocks::{Side, read_list};
use crate::wire::{Malformed, Members, owned};

/// Fields of the body that the canonical form holds.
const MODELLED: &[&str] = &[
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "additionalModelRequestFields",
    "outputConfig",
    "requestMetadata",
    "serviceTier",
    "model",
    "modelId",
    "stream",
];

/// Reads a client's body. `extras` name this format even when there are none, which says whose words the rest of the
/// request is in.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("invalid request body: not UTF-8"))?;
    read(text).map_err(Malformed::of_client)
}

fn read(text: &str) -> Result<ChatRequest, Malformed> {
    let body = Members::parse(text)?;
    let mut request = ChatRequest { messages: messages(&body)?, ..ChatRequest::default() };
    let mut extras = body.rest(MODELLED);
    if let Some(config) = body.object("inferenceConfig")? {
        inference_config(&config, &mut request).map_err(|fault| fault.within("inferenceConfig"))?;
    }
    if let Some(config) = body.object("toolConfig")? {
        tool_config(&config, &mut request).map_err(|fault| fault.within("toolConfig"))?;
    }
    if let Some(fields) = body.object("additionalModelRequestFields")? {
        let inside = |fault: Malformed| fault.within("additionalModelRequestFields");
        let rest = additional::read(&fields, &mut request).map_err(inside)?;
        if let Some(raw) = (!rest.is_empty()).then(|| RawJson::of(&rest).ok()).flatten() {
            extras.insert("additionalModelRequestFields", raw);
        }
    }
    if let Some(config) = body.object("outputConfig")? {
        output_config(&config, &mut request).map_err(|fault| fault.within("outputConfig"))?;
    }
    request.metadata = body.read("requestMetadata", "an object")?;
    let tier = body.object("serviceTier")?.map(|tier| tier.text("type")).transpose();
    request.service_tier = tier.map_err(|fault| fault.within("serviceTier"))?.flatten();
    request.extras = Some((CONVERSE, extras));
    Ok(request)
}

/// The `maxTokens` of a body.
pub(crate) fn inference(config: &str) -> Option<u64> {
    Members::parse(config).ok()?.read("maxTokens", "a whole number").ok().flatten()
}

fn inference_config(config: &Members<'_>, request: &mut ChatRequest) -> Result<(), Malformed> {
    request.max_output_tokens = config.read("maxTokens", "a whole number")?;
    request.sampling.temperature = config.read("temperature", "a number")?;
    request.sampling.top_p = config.read("topP", "a number")?;
    request.sampling.stop = config.read("stopSequences", "a list of strings")?.unwrap_or_default();
    Ok(())
}

fn messages(body: &Members<'_>) -> Result<Vec<Message>, Malformed> {
    let mut messages = Vec::new();
    let system = read_list(&body.array("system")?, Side::Client).map_err(|fault| fault.within("system"))?;
    if !system.is_empty() {
        messages.push(Message::new(Role::System, system));
    }
    for (at, members) in body.objects("messages")?.iter().enumerate() {
        message(members, &mut messages).map_err(|fault| fault.within(at).within("messages"))?;
    }
    if messages.is_empty() {
        return Err(Malformed::missing("messages"));
    }
    Ok(messages)
}

fn message(members: &Members<'_>, messages: &mut Vec<Message>) -> Result<(), Malformed> {
    let role = match members.required_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(Malformed::new("role", "expected `user`, `assistant` or `system`")),
    };
    let content = members.array("content")?;
    let parts = read_list(&content, Side::Client).map_err(|fault| fault.within("content"))?;
    match role {
        Role::User => split_results(parts, messages),
        role => messages.push(Message::new(role, parts)),
    }
    Ok(())
}

/// Results of tools stand among the user's words here, and in messages of their own in the canonical form.
fn split_results(parts: Vec<Part>, messages: &mut Vec<Message>) {
    let mut parts = parts.into_iter().peekable();
    if parts.peek().is_none() {
        messages.push(Message::new(Role::User, Vec::new()));
    }
    let is_result = |part: &Part| matches!(part, Part::ToolResult(_));
    while let Some(first) = parts.next() {
        let results = is_result(&first);
        let mut run = vec![first];
        while let Some(next) = parts.next_if(|part| is_result(part) == results) {
            run.push(next);
        }
        messages.push(Message::new(if results { Role::Tool } else { Role::User }, run));
    }
}

fn tool_config(config: &Members<'_>, request: &mut ChatRequest) -> Result<(), Malformed> {
    for (at, raw) in config.array("tools")?.into_iter().enumerate() {
        tool(raw, &mut request.tools).map_err(|fault| fault.within(at).within("tools"))?;
    }
    let Some(choice) = config.object("toolChoice")? else { return Ok(()) };
    request.tool_choice = match choice.variant(&[]) {
        None => None,
        Some(("auto", _)) => Some(ToolChoice::Auto),
        Some(("any", _)) => Some(ToolChoice::Required),
        Some(("tool", tool)) => {
            let name = Members::parse(tool.get()).and_then(|tool| tool.required_text("name"));
            Some(ToolChoice::Function(name.map_err(|fault| fault.within("toolChoice.tool"))?))
        }
        Some(_) => config
            .read("toolChoice", "a choice of tools")?
            .map(|raw| ToolChoice::Other { origin: CONVERSE, raw }),
    };
    Ok(())
}

/// A mark of the cache joins the function before it.
fn tool(raw: &RawValue, tools: &mut Vec<Tool>) -> Result<(), Malformed> {
    let members = Members::parse(raw.get())?;
    if let Some(point) = members.object("cachePoint")?
        && let Some(Tool::Function(function)) = tools.last_mut()
    {
        let hour = point.text("ttl")?.as_deref() == Some("1h");
        function.cache = Some(if hour { CacheMark::Hour } else { CacheMark::Short });
        return Ok(());
    }
    let Some(spec) = members.object("toolSpec")? else {
        let raw = owned(raw).ok_or_else(|| Malformed::new("", "expected a tool"))?;
        tools.push(Tool::Hosted { origin: CONVERSE, raw });
        return Ok(());
    };
    let inside = |fault: Malformed| fault.within("toolSpec");
    let schema = spec.object("inputSchema").map_err(inside)?.unwrap_or_default();
    let extras = spec.rest(&["name", "description", "inputSchema", "strict"]);
    tools.push(Tool::Function(FunctionTool {
        name: spec.required_text("name").map_err(inside)?,
        description: spec.text("description").map_err(inside)?,
        parameters: schema.read("json", "a JSON schema").map_err(inside)?,
        strict: spec.read("strict", "true or false").map_err(inside)?,
        cache: None,
        extras: (!extras.is_empty()).then_some((CONVERSE, extras)),
    }));
    Ok(())
}

fn output_config(config: &Members<'_>, request: &mut ChatRequest) -> Result<(), Malformed> {
    if let Some(effort) = config.text("effort")? {
        request.reasoning.get_or_insert_with(ReasoningOptions::default).effort = Some(effort);
    }
    let Some(format) = config.object("textFormat")? else { return Ok(()) };
    let inside = |fault: Malformed| fault.within("textFormat.structure");
    let structure = format.object("structure").map_err(inside)?.unwrap_or_default();
    let definition =
        structure.object("jsonSchema").map_err(inside)?.ok_or_else(|| Malformed::missing("textFormat"))?;
    let inside = |fault: Malformed| fault.within("textFormat.structure.jsonSchema");
    let schema = RawJson::parse(definition.required_text("schema").map_err(inside)?)
        .map_err(|_| Malformed::new("textFormat.structure.jsonSchema.schema", "expected JSON as a string"))?;
    request.output = OutputFormat::JsonSchema(JsonSchema {
        name: definition.text("name").map_err(inside)?,
        description: definition.text("description").map_err(inside)?,
        schema: Some(schema),
        strict: Some(true),
    });
    Ok(())
}
