//! A client's body to the canonical form.

use llm_core::message::CacheMark;
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::{ChatRequest, Error, Message, Part, RawJson, RawObject, Result, Role};
use serde_json::value::RawValue;

use crate::MESSAGES;
use crate::blocks::{Side, cache_mark, read_content};
use crate::wire::{Malformed, Members};

/// Fields of the body that the canonical form holds.
const MODELLED: &[&str] = &[
    // Clients of a cloud write it into the body: it says which format this is.
    "anthropic_version",
    "model",
    "messages",
    "system",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
    "cache_control",
];

/// Reads a client's body. `extras` name this format even when there are none, which says whose words the rest
/// of the request is in.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("invalid request body: not UTF-8"))?;
    read(text).map_err(Malformed::of_client)
}

fn read(text: &str) -> Result<ChatRequest, Malformed> {
    let body = Members::parse(text)?;
    let mut request = ChatRequest {
        // Where it may be missing, the path names it or the caller knows another.
        model: body.text("model")?.unwrap_or_default(),
        messages: messages(&body)?,
        sampling: sampling(&body)?,
        max_output_tokens: body.read("max_tokens", "a whole number")?,
        stream: body.read("stream", "true or false")?.unwrap_or(false),
        service_tier: body.text("service_tier")?,
        cache: cache(&body)?,
        ..ChatRequest::default()
    };
    let mut extras = body.rest(MODELLED);
    for (at, raw) in body.array("tools")?.into_iter().enumerate() {
        request.tools.push(tool(raw).map_err(|fault| fault.within(at).within("tools"))?);
    }
    tool_choice(&body, &mut request)?;
    output(&body, &mut request, &mut extras)?;
    thinking(&body, &mut request, &mut extras)?;
    metadata(&body, &mut request)?;
    request.extras = Some((MESSAGES, extras));
    Ok(request)
}

fn sampling(body: &Members<'_>) -> Result<Sampling, Malformed> {
    Ok(Sampling {
        temperature: body.read("temperature", "a number")?,
        top_p: body.read("top_p", "a number")?,
        top_k: body.read("top_k", "a whole number")?,
        stop: body.read("stop_sequences", "a list of strings")?.unwrap_or_default(),
        ..Sampling::default()
    })
}

fn cache(members: &Members<'_>) -> Result<Option<CacheMark>, Malformed> {
    members.object("cache_control")?.map(|control| cache_mark(&control)).transpose()
}

fn messages(body: &Members<'_>) -> Result<Vec<Message>, Malformed> {
    let mut messages = Vec::new();
    if let Some(raw) = body.raw("system") {
        let parts = read_content(raw, Side::Client).map_err(|fault| fault.within("system"))?;
        if !parts.is_empty() {
            messages.push(Message::new(Role::System, parts));
        }
    }
    if body.raw("messages").is_none() {
        return Err(Malformed::new("messages", "field required"));
    }
    for (at, members) in body.objects("messages")?.iter().enumerate() {
        message(members, &mut messages).map_err(|fault| fault.within(at).within("messages"))?;
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
    let content = members.raw("content").ok_or_else(|| Malformed::new("content", "field required"))?;
    let parts = read_content(content, Side::Client).map_err(|fault| fault.within("content"))?;
    let extras = members.rest(&["role", "content"]);
    let first = messages.len();
    match role {
        Role::User => split_results(parts, messages),
        role => messages.push(Message::new(role, parts)),
    }
    if let Some(message) = messages.get_mut(first).filter(|_| !extras.is_empty()) {
        message.extras = Some((MESSAGES, extras));
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

fn tool(raw: &RawValue) -> Result<Tool, Malformed> {
    let tool = Members::parse(raw.get())?;
    if tool.text("type")?.is_some_and(|kind| kind != "custom") {
        let raw = RawJson::parse(raw.get()).map_err(|_| Malformed::new("", "expected a tool"))?;
        return Ok(Tool::Hosted { origin: MESSAGES, raw });
    }
    let known = ["type", "name", "description", "input_schema", "strict", "cache_control"];
    let extras = tool.rest(&known);
    Ok(Tool::Function(FunctionTool {
        name: tool.required_text("name")?,
        description: tool.text("description")?,
        parameters: tool.read("input_schema", "a JSON schema")?,
        strict: tool.read("strict", "true or false")?,
        cache: cache(&tool)?,
        extras: (!extras.is_empty()).then_some((MESSAGES, extras)),
    }))
}

fn tool_choice(body: &Members<'_>, request: &mut ChatRequest) -> Result<(), Malformed> {
    let Some(choice) = body.object("tool_choice")? else { return Ok(()) };
    let inside = |fault: Malformed| fault.within("tool_choice");
    request.tool_choice = Some(match choice.required_text("type").map_err(inside)?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Function(choice.required_text("name").map_err(inside)?),
        _ => ToolChoice::Other {
            origin: MESSAGES,
            raw: body.read("tool_choice", "a choice of tools")?.unwrap_or_else(RawJson::null),
        },
    });
    let single: Option<bool> = choice.read("disable_parallel_tool_use", "true or false").map_err(inside)?;
    request.parallel_tool_calls = single.map(|single| !single);
    Ok(())
}

/// `output_config`, and `output_format`, its name during the beta.
fn output(body: &Members<'_>, request: &mut ChatRequest, extras: &mut RawObject) -> Result<(), Malformed> {
    let inside = |fault: Malformed| fault.within("output_config");
    let config = body.object("output_config")?.unwrap_or_default();
    if let Some(effort) = config.text("effort").map_err(inside)? {
        request.reasoning = Some(ReasoningOptions { effort: Some(effort), ..ReasoningOptions::default() });
    }
    let format = match config.object("format").map_err(inside)? {
        None => body.object("output_format")?,
        format => format,
    };
    if let Some(format) = format {
        let schema = format.read("schema", "a JSON schema").map_err(|fault| fault.within("output format"))?;
        request.output = OutputFormat::JsonSchema(JsonSchema {
            name: format.text("name").ok().flatten(),
            schema,
            strict: Some(true),
            ..JsonSchema::default()
        });
    }
    let rest = config.rest(&["effort", "format"]);
    if let Some(raw) = (!rest.is_empty()).then(|| RawJson::of(&rest).ok()).flatten() {
        extras.insert("output_config", raw);
    }
    Ok(())
}

fn thinking(body: &Members<'_>, request: &mut ChatRequest, extras: &mut RawObject) -> Result<(), Malformed> {
    let Some(thinking) = body.object("thinking")? else { return Ok(()) };
    let inside = |fault: Malformed| fault.within("thinking");
    let kind = thinking.required_text("type").map_err(inside)?;
    if !matches!(kind.as_str(), "enabled" | "adaptive" | "disabled") {
        if let Some(raw) = body.read("thinking", "an object")? {
            extras.insert("thinking", raw);
        }
        return Ok(());
    }
    let options = request.reasoning.get_or_insert_default();
    options.enabled = Some(kind != "disabled");
    options.adaptive = kind == "adaptive";
    options.budget_tokens = thinking.read("budget_tokens", "a whole number").map_err(inside)?;
    let display = thinking.text("display").map_err(inside)?;
    options.summary = display.map(|display| match display.as_str() {
        "summarized" => "auto".to_owned(),
        _ => display,
    });
    Ok(())
}

fn metadata(body: &Members<'_>, request: &mut ChatRequest) -> Result<(), Malformed> {
    let Some(metadata) = body.object("metadata")? else { return Ok(()) };
    request.user = metadata.text("user_id").map_err(|fault| fault.within("metadata"))?;
    let labels = metadata.rest(&["user_id"]);
    request.metadata = (!labels.is_empty()).then_some(labels);
    Ok(())
}
