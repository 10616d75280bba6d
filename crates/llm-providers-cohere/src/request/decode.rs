//! A client's body to the canonical form.

use llm_core::message::{Document, ToolResult};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::{ChatRequest, Message, Part, Result, Role};
use serde_json::value::RawValue;

use super::content;
use crate::response::cite;
use crate::wire::{Malformed, Members, owned};
use crate::{CHAT, documents};

/// Members of the body that the canonical form holds.
const MODELLED: &[&str] = &[
    "model",
    "messages",
    "stream",
    "tools",
    "tool_choice",
    "strict_tools",
    "documents",
    "response_format",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "thinking",
];

/// Reads a client's body. `extras` name this format even when there are none, which says whose words the rest
/// of the request is in.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::new("", "not UTF-8").of_client())?;
    Members::parse(text).and_then(|body| read(&body)).map_err(Malformed::of_client)
}

fn read(body: &Members<'_>) -> Result<ChatRequest, Malformed> {
    let mut request = ChatRequest {
        model: body.required_text("model")?,
        messages: messages(body)?,
        sampling: sampling(body)?,
        max_output_tokens: body.read("max_tokens", "a whole number")?,
        stream: body.read("stream", "true or false")?.unwrap_or(false),
        reasoning: thinking(body)?,
        output: output(body)?,
        tools: tools(body)?,
        tool_choice: tool_choice(body)?,
        ..ChatRequest::default()
    };
    let mut extras = body.rest(MODELLED);
    if let Some(strict) = body.raw("strict_tools").filter(|_| request.tools.is_empty()).and_then(owned) {
        extras.insert("strict_tools", strict);
    }
    request.extras = Some((CHAT, extras));
    add_documents(body, &mut request.messages)?;
    Ok(request)
}

fn sampling(body: &Members<'_>) -> Result<Sampling, Malformed> {
    Ok(Sampling {
        temperature: body.read("temperature", "a number")?,
        top_p: body.read("p", "a number")?,
        top_k: body.read("k", "a whole number")?,
        frequency_penalty: body.read("frequency_penalty", "a number")?,
        presence_penalty: body.read("presence_penalty", "a number")?,
        seed: body.read("seed", "a whole number")?,
        stop: body.read("stop_sequences", "a list of strings")?.unwrap_or_default(),
        logprobs: body.read("logprobs", "true or false")?,
        ..Sampling::default()
    })
}

fn messages(body: &Members<'_>) -> Result<Vec<Message>, Malformed> {
    if body.raw("messages").is_none() {
        return Err(Malformed::new("messages", "field required"));
    }
    let list = body.objects("messages")?;
    list.iter()
        .enumerate()
        .map(|(at, members)| message(members).map_err(|fault| fault.within(at).within("messages")))
        .collect()
}

fn message(members: &Members<'_>) -> Result<Message, Malformed> {
    let content = || content::read(members.raw("content").map(RawValue::get));
    let inside = |fault: Malformed| fault.within("content");
    let (role, parts) = match members.required_text("role")?.to_ascii_lowercase().as_str() {
        "system" => (Role::System, content().map_err(inside)?),
        "developer" => (Role::Developer, content().map_err(inside)?),
        "user" => (Role::User, content().map_err(inside)?),
        "assistant" => (Role::Assistant, assistant(members)?),
        "tool" => (Role::Tool, vec![tool_result(members)?]),
        _ => return Err(Malformed::new("role", "expected `system`, `user`, `assistant` or `tool`")),
    };
    let known = ["role", "content", "tool_plan", "tool_calls", "tool_call_id", "citations"];
    let extras = members.rest(&known);
    Ok(Message { extras: (!extras.is_empty()).then_some((CHAT, extras)), ..Message::new(role, parts) })
}

fn assistant(members: &Members<'_>) -> Result<Vec<Part>, Malformed> {
    let mut parts = content::assistant(members)?;
    // What has no text to hang on means nothing in a history.
    cite(members.array("citations")?, &mut parts).map_err(|fault| fault.within("citations"))?;
    Ok(parts)
}

fn tool_result(members: &Members<'_>) -> Result<Part, Malformed> {
    let (call_id, _) = content::unsealed(members.required_text("tool_call_id")?);
    let content = members.raw("content").map(RawValue::get);
    let content = content::read(content).map_err(|fault| fault.within("content"))?;
    Ok(Part::ToolResult(ToolResult {
        call_id,
        name: None,
        content,
        is_error: None,
        custom: false,
        cache: None,
    }))
}

/// Documents of the whole request stand before the user's last words, as other formats have them.
fn add_documents(body: &Members<'_>, messages: &mut Vec<Message>) -> Result<(), Malformed> {
    let mut found = Vec::<Document>::new();
    for (at, raw) in body.array("documents")?.iter().enumerate() {
        found.push(documents::read(raw.get()).map_err(|fault| fault.within(at).within("documents"))?);
    }
    if found.is_empty() {
        return Ok(());
    }
    let parts = found.into_iter().map(Part::Document);
    match messages.iter_mut().rev().find(|message| message.role == Role::User) {
        Some(message) => message.parts.splice(0..0, parts).for_each(drop),
        None => messages.push(Message::new(Role::User, parts.collect())),
    }
    Ok(())
}

fn tools(body: &Members<'_>) -> Result<Vec<Tool>, Malformed> {
    let strict: Option<bool> = body.read("strict_tools", "true or false")?;
    let list = body.array("tools")?;
    list.iter()
        .enumerate()
        .map(|(at, raw)| tool(raw, strict).map_err(|fault| fault.within(at).within("tools")))
        .collect()
}

fn tool(raw: &RawValue, strict: Option<bool>) -> Result<Tool, Malformed> {
    let members = Members::parse(raw.get())?;
    if members.text("type")?.is_some_and(|kind| kind != "function") {
        let raw = owned(raw).ok_or_else(|| Malformed::new("", "expected an object"))?;
        return Ok(Tool::Hosted { origin: CHAT, raw });
    }
    let function = members.object("function")?.ok_or_else(|| Malformed::new("function", "field required"))?;
    let inside = |fault: Malformed| fault.within("function");
    let extras = function.rest(&["name", "description", "parameters"]);
    Ok(Tool::Function(FunctionTool {
        name: function.required_text("name").map_err(inside)?,
        description: function.text("description").map_err(inside)?,
        parameters: function.raw("parameters").and_then(owned),
        strict,
        cache: None,
        extras: (!extras.is_empty()).then_some((CHAT, extras)),
    }))
}

fn tool_choice(body: &Members<'_>) -> Result<Option<ToolChoice>, Malformed> {
    let Some(raw) = body.raw("tool_choice") else { return Ok(None) };
    Ok(Some(
        match serde_json::from_str::<String>(raw.get()).map(|word| word.to_ascii_uppercase()).as_deref() {
            Ok("REQUIRED") => ToolChoice::Required,
            Ok("NONE") => ToolChoice::None,
            _ => return Err(Malformed::new("tool_choice", "expected `REQUIRED` or `NONE`")),
        },
    ))
}

fn output(body: &Members<'_>) -> Result<OutputFormat, Malformed> {
    let Some(format) = body.object("response_format")? else { return Ok(OutputFormat::Text) };
    // `schema` is the name that the first version had.
    let schema = format.raw("json_schema").or_else(|| format.raw("schema")).and_then(owned);
    Ok(match format.required_text("type").map_err(|fault| fault.within("response_format"))?.as_str() {
        "text" => OutputFormat::Text,
        "json_object" if schema.is_none() => OutputFormat::JsonObject,
        "json_object" => {
            OutputFormat::JsonSchema(JsonSchema { schema, strict: Some(true), ..JsonSchema::default() })
        }
        _ => return Err(Malformed::new("response_format.type", "expected `text` or `json_object`")),
    })
}

fn thinking(body: &Members<'_>) -> Result<Option<ReasoningOptions>, Malformed> {
    let Some(thinking) = body.object("thinking")? else { return Ok(None) };
    let inside = |fault: Malformed| fault.within("thinking");
    Ok(Some(ReasoningOptions {
        enabled: thinking.text("type").map_err(inside)?.map(|kind| kind != "disabled"),
        budget_tokens: thinking.read("token_budget", "a whole number").map_err(inside)?,
        ..ReasoningOptions::default()
    }))
}
