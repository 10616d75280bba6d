//! A client's body of `/api/chat` to the canonical form.

use std::collections::VecDeque;

use llm_core::message::{Media, Reasoning, Source, ToolCall, ToolResult};
use llm_core::request::{FunctionTool, JsonSchema, OutputFormat, Tool};
use llm_core::{ChatRequest, Message, Part, RawObject, Result, Role};

use super::thinking;
use crate::body::{Malformed, Members, json, owned};
use crate::{CHAT, ids, options};

/// Reads a client's body. `extras` name this format even when there are none, which says whose words the rest of
/// the request is in.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest> {
    read(body).map_err(Malformed::of_client)
}

fn read(body: &[u8]) -> Result<ChatRequest, Malformed> {
    let mut body = Members::of_bytes(body)?;
    let mut request = ChatRequest { messages: messages(&mut body)?, ..ChatRequest::default() };
    for (at, tool) in body.objects("tools")?.into_iter().enumerate() {
        request.tools.push(read_tool(tool).map_err(|fault| fault.within(at).within("tools"))?);
    }
    common(body, &mut request)?;
    Ok(request)
}

/// What bodies of conversations and of single prompts have in common.
pub(super) fn common(mut body: Members<'_>, request: &mut ChatRequest) -> Result<(), Malformed> {
    request.model = body.required("model")?;
    request.stream = body.take("stream", "true or false")?.unwrap_or(true);
    request.output = format(&mut body)?;
    request.reasoning = thinking::read(&mut body)?;
    let rest = match body.object("options")? {
        Some(given) => options::read(given, request).map_err(|fault| fault.within("options"))?,
        None => RawObject::default(),
    };
    request.sampling.logprobs = body.take("logprobs", "true or false")?;
    request.sampling.top_logprobs = body.whole("top_logprobs")?.and_then(|most| u64::try_from(most).ok());
    let mut extras = body.rest();
    if !rest.is_empty() {
        extras.insert("options", json(&rest));
    }
    request.extras = Some((CHAT, extras));
    Ok(())
}

/// `format`: `json`, a schema, or nothing in so many words.
fn format(body: &mut Members<'_>) -> Result<OutputFormat, Malformed> {
    let Some(raw) = body.raw("format") else { return Ok(OutputFormat::Text) };
    match raw.get() {
        "\"\"" => Ok(OutputFormat::Text),
        "\"json\"" => Ok(OutputFormat::JsonObject),
        schema if schema.starts_with('{') => Ok(OutputFormat::JsonSchema(JsonSchema {
            schema: owned(raw),
            strict: Some(true),
            ..JsonSchema::default()
        })),
        _ => Err(Malformed::new("format", "expected `json` or a JSON schema")),
    }
}

fn messages(body: &mut Members<'_>) -> Result<Vec<Message>, Malformed> {
    let given = body.objects("messages")?;
    if given.is_empty() {
        // A server of this format would load the model, which is nothing that a gateway does.
        return Err(Malformed::new("messages", "field required: at least one message"));
    }
    let mut history = History::default();
    let messages = given.into_iter().enumerate();
    messages
        .map(|(at, message)| history.message(message).map_err(|fault| fault.within(at).within("messages")))
        .collect()
}

/// Calls of tools so far, for results that name none.
#[derive(Default)]
struct History {
    calls: usize,
    /// Id and name of the calls that no result answered yet.
    open: VecDeque<(String, String)>,
}

impl History {
    fn message(&mut self, mut message: Members<'_>) -> Result<Message, Malformed> {
        let role = message.required("role")?;
        let content = message.words("content")?;
        let images = message.texts("images")?;
        let mut parts = Vec::new();
        parts.extend(content.map(Part::text));
        parts.extend(images.into_iter().map(image));
        let role = match role.as_str() {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => {
                self.said(&mut message, &mut parts)?;
                Role::Assistant
            }
            "tool" => {
                parts = vec![Part::ToolResult(self.result(&mut message, parts)?)];
                Role::Tool
            }
            _ => return Err(Malformed::new("role", "expected `system`, `user`, `assistant` or `tool`")),
        };
        let extras = message.rest();
        let extras = (!extras.is_empty()).then_some((CHAT, extras));
        Ok(Message { extras, ..Message::new(role, parts) })
    }

    fn said(&mut self, message: &mut Members<'_>, parts: &mut Vec<Part>) -> Result<(), Malformed> {
        if let Some(text) = message.filled("thinking")? {
            parts.insert(0, Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
        }
        for (at, call) in message.objects("tool_calls")?.into_iter().enumerate() {
            let call = self.call(call).map_err(|fault| fault.within(at).within("tool_calls"))?;
            parts.push(Part::ToolCall(call));
        }
        Ok(())
    }

    fn call(&mut self, mut call: Members<'_>) -> Result<ToolCall, Malformed> {
        let given = call.filled("id")?;
        let mut function =
            call.object("function")?.ok_or_else(|| Malformed::new("function", "field required"))?;
        let name = function.required("name").map_err(|fault| fault.within("function"))?;
        let (id, opaque) = match given.as_deref().map(ids::from_client) {
            Some((id, state)) => (id.to_owned(), state),
            None => (ids::numbered(self.calls), None),
        };
        self.calls += 1;
        self.open.push_back((id.clone(), name.clone()));
        Ok(ToolCall { opaque, ..ToolCall::new(id, name, arguments(&mut function)) })
    }

    fn result(&mut self, message: &mut Members<'_>, content: Vec<Part>) -> Result<ToolResult, Malformed> {
        let name = message.filled("tool_name")?;
        let id = message.filled("tool_call_id")?;
        let id = id.map(|id| ids::from_client(&id).0.to_owned());
        let at = match (&id, &name) {
            (Some(id), _) => self.open.iter().position(|(open, _)| open == id),
            (None, Some(name)) => self.open.iter().position(|(_, open)| open == name),
            (None, None) => (!self.open.is_empty()).then_some(0),
        };
        let answered = at.and_then(|at| self.open.remove(at));
        let call_id = id.or_else(|| answered.map(|(id, _)| id)).unwrap_or_else(|| {
            self.calls += 1;
            ids::numbered(self.calls - 1)
        });
        Ok(ToolResult { call_id, name, content, is_error: None, custom: false, cache: None })
    }
}

/// The arguments of a call as text: an object, which some clients write as a text already.
pub(crate) fn arguments(function: &mut Members<'_>) -> String {
    let Some(raw) = function.raw("arguments") else { return "{}".to_owned() };
    serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}

/// A picture: base64 without its type, which its first letters tell.
pub(crate) fn image(data: String) -> Part {
    const SIGNATURES: [(&str, &str); 4] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
    ];
    let known = SIGNATURES.iter().find(|(start, _)| data.starts_with(start));
    let media_type = known.map_or("image/png", |(_, media_type)| media_type).to_owned();
    Part::Image(Media::new(Source::Base64 { media_type, data }))
}

fn read_tool(mut tool: Members<'_>) -> Result<Tool, Malformed> {
    let kind = tool.text("type")?;
    let Some(mut function) = tool.object("function")? else {
        return Err(Malformed::new("function", "field required"));
    };
    if kind.is_some_and(|kind| kind != "function") {
        return Err(Malformed::new("type", "expected `function`"));
    }
    let inside = |fault: Malformed| fault.within("function");
    let name = function.required("name").map_err(inside)?;
    let description = function.text("description").map_err(inside)?;
    let parameters = function.raw("parameters").and_then(owned);
    let extras = function.rest();
    let extras = (!extras.is_empty()).then_some((CHAT, extras));
    Ok(Tool::Function(FunctionTool { name, description, parameters, extras, ..FunctionTool::default() }))
}

/// The model that a question about one model names; `name` is the older field.
pub(crate) fn named_model(body: &[u8]) -> Result<String> {
    read_name(body).map_err(Malformed::of_client)
}

fn read_name(body: &[u8]) -> Result<String, Malformed> {
    let mut body = Members::of_bytes(body)?;
    let (model, name) = (body.filled("model")?, body.filled("name")?);
    model.or(name).ok_or_else(|| Malformed::new("model", "field required"))
}
