//! `input` of a request: a text, or items that become the messages of a conversation.
//!
//! Items of the model's side that stand together (reasoning, message, calls) are one turn, as other dialects want
//! it. A second `message` item begins a new turn, so that each keeps its own id and phase.

use llm_core::message::{ForeignBlock, Message, Opaque, OpaqueKind, Role, ToolCall, ToolResult};
use llm_core::{Part, RawJson, RawObject, Words};
use serde_json::value::RawValue;

use super::RESPONSES;
use super::content::content;
use super::fields::{Fault, Fields, raw, read};
use super::reasoning::{self, Carried};

/// Reads `input`.
pub(super) fn input(value: &RawValue, conversation: &mut Conversation) -> Result<(), Fault> {
    if let Ok(text) = Words::of_json(value) {
        conversation.messages.push(Message::text(Role::User, text));
        return Ok(());
    }
    let items: Vec<&RawValue> =
        read(value).map_err(|_| Fault::new("", "expected a string or a list of items"))?;
    for (at, item) in items.into_iter().enumerate() {
        conversation.item(item).map_err(|fault| fault.within(format_args!("[{at}]")))?;
    }
    Ok(())
}

/// A conversation that grows item by item.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The messages so far.
    pub(super) messages: Vec<Message>,
    /// The turn that stands last has its `message` item.
    spoke: bool,
}

impl Conversation {
    fn item(&mut self, value: &RawValue) -> Result<(), Fault> {
        let mut fields = Fields::parse(value.get())?;
        match fields.string("type")?.as_deref() {
            Some("message") => self.message(fields),
            None if fields.has("role") => self.message(fields),
            Some("function_call") => self.call(fields, false),
            Some("custom_tool_call") => self.call(fields, true),
            Some("function_call_output") => self.result(fields, false),
            Some("custom_tool_call_output") => self.result(fields, true),
            Some("reasoning") => self.reasoning(fields),
            Some("item_reference") => self.told(Part::Unknown(block(value))),
            None if fields.has("id") => self.told(Part::Unknown(block(value))),
            None => Err(Fault::new("type", "this field is required")),
            Some(name) if is_clients(name) => self.told(Part::Unknown(block(value))),
            Some(_) => self.said(Part::ServerTool(block(value))),
        }
    }

    fn message(&mut self, mut fields: Fields<'_>) -> Result<(), Fault> {
        let role = match fields.required("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            other => return Err(Fault::new("role", format!("unknown role `{other}`"))),
        };
        let value = fields.value("content").ok_or_else(|| Fault::new("content", "this field is required"))?;
        let parts = content(value).map_err(|fault| fault.within("content"))?;
        if let Some(at) = parts.iter().position(|part| matches!(part, Part::Unknown(block) if is_item(block)))
        {
            return Err(Fault::new(format!("content[{at}].type"), "unknown type of content"));
        }
        let extras = fields.rest();
        if role == Role::Assistant {
            self.spoken(parts, extras);
        } else {
            self.heard(role, parts, extras);
        }
        Ok(())
    }

    /// Instructions in the conversation are marked as such by empty extras, which sets them apart from those of
    /// the request's `instructions`.
    fn heard(&mut self, role: Role, parts: Vec<Part>, extras: RawObject) {
        let marked = matches!(role, Role::System | Role::Developer) || !extras.is_empty();
        let extras = marked.then_some((RESPONSES, extras));
        self.messages.push(Message { extras, ..Message::new(role, parts) });
    }

    fn spoken(&mut self, parts: Vec<Part>, extras: RawObject) {
        if self.spoke {
            self.messages.push(Message::new(Role::Assistant, Vec::new()));
        }
        let turn = self.turn();
        turn.parts.extend(parts);
        if !extras.is_empty() {
            turn.extras = Some((RESPONSES, extras));
        }
        self.spoke = true;
    }

    fn call(&mut self, mut fields: Fields<'_>, custom: bool) -> Result<(), Fault> {
        let arguments = if custom { fields.string("input")? } else { arguments(&mut fields)? };
        let call = ToolCall {
            item_id: fields.string("id")?,
            custom,
            ..ToolCall::new(
                fields.required("call_id")?,
                fields.required("name")?,
                arguments.unwrap_or_default(),
            )
        };
        self.said(Part::ToolCall(ToolCall { opaque: call_state(fields), ..call }))
    }

    fn result(&mut self, mut fields: Fields<'_>, custom: bool) -> Result<(), Fault> {
        let output =
            fields.value("output").map(content).transpose().map_err(|fault| fault.within("output"))?;
        let part = Part::ToolResult(ToolResult {
            call_id: fields.required("call_id")?,
            name: None,
            content: output.unwrap_or_default(),
            is_error: None,
            custom,
            cache: None,
        });
        match self.messages.last_mut() {
            Some(last) if last.role == Role::Tool => last.parts.push(part),
            _ => self.messages.push(Message::new(Role::Tool, vec![part])),
        }
        self.spoke = false;
        Ok(())
    }

    fn reasoning(&mut self, mut fields: Fields<'_>) -> Result<(), Fault> {
        match reasoning::of_client(&mut fields)? {
            Carried::Reasoning(reasoning) => self.said(Part::Reasoning(reasoning)),
            Carried::Block(block) => self.said(Part::ServerTool(block)),
            Carried::CallState { call_id, state } => {
                let calls = self.messages.iter_mut().rev().flat_map(|message| message.parts.iter_mut().rev());
                let call = calls.take(MAX_STEPS_BACK).find_map(|part| match part {
                    Part::ToolCall(call) if call.id == call_id => Some(call),
                    _ => None,
                });
                if let Some(call) = call {
                    call.opaque = Some(state);
                }
                Ok(())
            }
        }
    }

    /// Adds to the model's turn.
    fn said(&mut self, part: Part) -> Result<(), Fault> {
        self.turn().parts.push(part);
        Ok(())
    }

    /// Adds an item of the client's that is no message.
    fn told(&mut self, part: Part) -> Result<(), Fault> {
        self.messages.push(Message::new(Role::User, vec![part]));
        Ok(())
    }

    fn turn(&mut self) -> &mut Message {
        if self.messages.last().is_none_or(|last| last.role != Role::Assistant) {
            self.messages.push(Message::new(Role::Assistant, Vec::new()));
            self.spoke = false;
        }
        self.messages.last_mut().expect("one was just put there")
    }
}

/// How far before its state a call may stand: clients keep them together.
const MAX_STEPS_BACK: usize = 256;

/// Arguments are a text that holds JSON; some programs write the JSON itself.
pub(super) fn arguments(fields: &mut Fields<'_>) -> Result<Option<String>, Fault> {
    match fields.value("arguments") {
        None => Ok(None),
        Some(value) if value.get().starts_with('"') => {
            read(value).map(Some).map_err(|fault| fault.within("arguments"))
        }
        Some(value) => Ok(Some(value.get().to_owned())),
    }
}

/// Members of a call that we do not model (`namespace`, `caller`) are state that must come back with it.
pub(super) fn call_state(mut fields: Fields<'_>) -> Option<Opaque> {
    for known in ["type", "status", "id", "item_id", "output_index", "call_id", "name", "arguments", "input"]
    {
        fields.take(known);
    }
    let rest = fields.rest();
    let said: RawObject = rest.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let data = (!said.is_empty()).then(|| RawJson::of(&said).ok()).flatten()?;
    Some(Opaque { origin: RESPONSES, kind: OpaqueKind::Encrypted, data: data.get().to_owned() })
}

fn block(value: &RawValue) -> ForeignBlock {
    ForeignBlock { origin: RESPONSES, raw: raw(value) }
}

/// Items that come from the client, not from the model.
fn is_clients(name: &str) -> bool {
    let model_side = ["tool_search_output", "program_output"];
    (name.ends_with("_output") && !model_side.contains(&name))
        || matches!(name, "mcp_approval_response" | "additional_tools")
}

/// Whether a block is an item of its own and not a part of a message.
pub(super) fn is_item(block: &ForeignBlock) -> bool {
    let fields = Fields::parse(block.raw.get()).unwrap_or_default();
    let name = fields.peek("type");
    !(name.starts_with("input_") || name.starts_with("output_"))
}
