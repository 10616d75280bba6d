//! The conversation written as the items of `input`.

use llm_core::message::{Message, Role, ToolCall, ToolResult};
use llm_core::wire::BodyWriter;
use llm_core::{Losses, Part, RawObject, Result};

use super::RESPONSES;
use super::content::{Side, put_part};
use super::input::is_item;
use super::quirks::ResponsesQuirks;
use super::reasoning::put_words;
use super::request::STORED;
use super::write::{ArrayWriter, ObjectWriter};

/// Writes items.
pub(super) struct Items<'e> {
    /// The client spoke this format.
    pub(super) native: bool,
    /// How the vendor differs.
    pub(super) quirks: &'e ResponsesQuirks,
    /// What cannot be expressed.
    pub(super) losses: &'e mut Losses,
}

impl Items<'_> {
    /// Writes a message: one item for each run of content, and one for each call, result and thought.
    ///
    /// # Errors
    /// When something cannot be expressed and the policy does not allow to leave it out.
    pub(super) fn put(&mut self, list: &mut ArrayWriter<'_, BodyWriter>, message: &Message) -> Result<()> {
        if message.name.is_some() {
            self.losses.tuning("messages.name")?;
        }
        let mut fields = self.fields(message)?;
        let mut run: Vec<&Part> = Vec::new();
        for part in &message.parts {
            if stands_alone(part) {
                self.message(list, message.role, &mut run, &mut fields)?;
                self.item(list, part)?;
            } else {
                run.push(part);
            }
        }
        if message.parts.is_empty() && self.native {
            let mut object = list.object();
            head(&mut object, message.role);
            object.array("content");
        }
        self.message(list, message.role, &mut run, &mut fields)
    }

    /// The members of a message that are not modelled: its id, its phase.
    fn fields<'m>(&mut self, message: &'m Message) -> Result<Option<&'m RawObject>> {
        match &message.extras {
            Some((origin, fields)) if *origin == RESPONSES => Ok(Some(fields)),
            Some((_, fields)) => {
                if !fields.is_empty() {
                    self.losses.foreign_state("messages.extras");
                }
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Writes the run of content as one item and empties it.
    fn message(
        &mut self,
        list: &mut ArrayWriter<'_, BodyWriter>,
        role: Role,
        run: &mut Vec<&Part>,
        fields: &mut Option<&RawObject>,
    ) -> Result<()> {
        let parts = std::mem::take(run);
        if parts.is_empty() || (!self.native && parts.iter().all(|part| part.is_empty_text())) {
            return Ok(());
        }
        let mut content = list.part();
        self.content(&mut content, role, &parts)?;
        if content.is("[]") {
            return Ok(());
        }
        let mut object = list.object();
        head(&mut object, role);
        object.put_part("content", content);
        if let Some(fields) = fields.take() {
            object.members(fields);
        }
        Ok(())
    }

    fn content(&mut self, out: &mut BodyWriter, role: Role, parts: &[&Part]) -> Result<()> {
        if let ([Part::Text(text)], true) = (parts, role != Role::Assistant)
            && text.cache.is_none()
        {
            serde_json::to_writer(out, &text.text).expect("strings are always valid JSON");
            return Ok(());
        }
        let side = if role == Role::Assistant { Side::Output } else { Side::Input };
        let mut list = ArrayWriter::open(out);
        for part in parts {
            put_part(&mut list, part, side, self.native, self.losses)?;
        }
        Ok(())
    }

    fn item(&mut self, list: &mut ArrayWriter<'_, BodyWriter>, part: &Part) -> Result<()> {
        match part {
            Part::ToolCall(call) => return self.call(list, call),
            Part::ToolResult(result) => return self.result(list, result),
            Part::Reasoning(reasoning) => {
                let own = reasoning.opaque.as_ref().map(|opaque| opaque.origin == RESPONSES);
                let readable = self.native || self.quirks.reasoning_text;
                if own == Some(false) || own.is_none() && !readable {
                    self.losses.foreign_state("reasoning");
                    return Ok(());
                }
                let mut object = list.object();
                object.put("type", "reasoning");
                object.put_some("id", reasoning.id.as_deref());
                put_words(&mut object, reasoning, readable);
                object.put_some("encrypted_content", reasoning.opaque.as_ref().map(|opaque| &opaque.data));
            }
            Part::ServerTool(block) | Part::Unknown(block) if block.origin == RESPONSES => {
                list.put_json(block.raw.get().as_bytes());
            }
            Part::ServerTool(_) => self.losses.foreign_state("server_tools"),
            other => self.losses.meaning(other.described())?,
        }
        Ok(())
    }

    fn call(&mut self, list: &mut ArrayWriter<'_, BodyWriter>, call: &ToolCall) -> Result<()> {
        let (kind, key) =
            if call.custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
        let empty = !call.custom && call.arguments.trim().is_empty();
        let mut object = list.object();
        object.put("type", kind);
        object.put_some("id", call.item_id.as_deref().filter(|id| self.native || is_own_id(id)));
        object.put("call_id", &call.id);
        object.put("name", &call.name);
        object.put(key, if empty { "{}" } else { &call.arguments });
        match &call.opaque {
            Some(state) if state.origin == RESPONSES => {
                let fields: RawObject = serde_json::from_str(&state.data).unwrap_or_default();
                object.members(&fields);
            }
            Some(_) => self.losses.foreign_state("tool_calls.signature"),
            None => {}
        }
        if call.cache.is_some() {
            self.losses.foreign_state("cache_control");
        }
        Ok(())
    }

    fn result(&mut self, list: &mut ArrayWriter<'_, BodyWriter>, result: &ToolResult) -> Result<()> {
        let kind = if result.custom { "custom_tool_call_output" } else { "function_call_output" };
        if result.is_error == Some(true) {
            self.losses.tuning("tool_result.is_error")?;
        }
        if result.cache.is_some() {
            self.losses.foreign_state("cache_control");
        }
        let mut object = list.object();
        object.put("type", kind);
        object.put("call_id", &result.call_id);
        match result.content.as_slice() {
            [] => object.put("output", ""),
            [Part::Text(text)] if text.cache.is_none() => object.put("output", &text.text),
            parts => {
                let mut list = object.array("output");
                for part in parts {
                    put_part(&mut list, part, Side::Input, self.native, self.losses)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether an item id is one of this format's vendors.
fn is_own_id(id: &str) -> bool {
    id.starts_with("fc_") || id.starts_with("ctc_")
}

/// Whether a part is an item of its own, outside of messages.
fn stands_alone(part: &Part) -> bool {
    match part {
        Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) | Part::ServerTool(_) => true,
        Part::Unknown(block) => block.origin == RESPONSES && is_item(block),
        _ => false,
    }
}

fn head(object: &mut ObjectWriter<'_, BodyWriter>, role: Role) {
    object.put("type", "message");
    let role = match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    };
    object.put("role", role);
}

/// The members of the request that a message stands for (see [`STORED`]).
pub(super) fn stored(message: &Message) -> Option<RawObject> {
    let [Part::Unknown(block)] = message.parts.as_slice() else { return None };
    let fields: RawObject = (block.origin == RESPONSES).then(|| block.raw.read().ok()).flatten()?;
    (fields.len() == 1 && STORED.iter().any(|key| fields.get(key).is_some())).then_some(fields)
}
