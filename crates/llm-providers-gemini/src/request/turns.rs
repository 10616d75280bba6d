//! A conversation as contents: instructions lifted out, neighbours joined, results behind the calls that they answer.

use std::borrow::Cow;
use std::collections::HashMap;

use llm_core::{ChatRequest, Losses, Message, Result, Role};
use serde::Serialize;

use crate::models::Rules;
use crate::parts::{ForVendors, WirePart};
use crate::{GENERATE, signature};

/// A content.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<WirePart<'a>>,
    /// Whose words they are; results are apart from what the user says.
    #[serde(skip)]
    of: Role,
}

/// A conversation as this format tells it.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    /// Instructions before everything else.
    pub(super) system: Option<Content<'a>>,
    /// The turns.
    pub(super) contents: Vec<Content<'a>>,
}

impl<'a> Conversation<'a> {
    /// Reads a request's messages.
    pub(super) fn of(request: &'a ChatRequest, rules: Rules, losses: &mut Losses) -> Result<Self> {
        let mut conversation = Self { system: None, contents: Vec::new() };
        let leading = request.messages.iter().take_while(|message| is_system(message.role)).count();
        let (system, rest) = request.messages.split_at(leading);
        let mut writer = ForVendors { rules, losses, names: HashMap::new() };
        let mut instructions = Vec::new();
        for message in system {
            conversation.write(message, &mut writer, &mut instructions)?;
        }
        for message in rest {
            let mut parts = Vec::with_capacity(message.parts.len());
            conversation.write(message, &mut writer, &mut parts)?;
            if is_system(message.role) && !parts.is_empty() {
                writer.losses.approximated("messages.system", "words of the user")?;
            }
            conversation.extend(message.role, parts);
        }
        if conversation.contents.is_empty() && !instructions.is_empty() {
            writer.losses.approximated("messages.system", "words of the user")?;
            conversation.extend(Role::User, std::mem::take(&mut instructions));
        }
        let system = Content { role: None, parts: instructions, of: Role::System };
        conversation.system = Some(system).filter(|system| !system.parts.is_empty());
        if rules.third {
            conversation.contents.iter_mut().for_each(Content::excuse_unsigned_calls);
        }
        Ok(conversation)
    }

    fn write(
        &self,
        message: &'a Message,
        writer: &mut ForVendors<'_, 'a>,
        out: &mut Vec<WirePart<'a>>,
    ) -> Result<()> {
        if message.name.is_some() {
            writer.losses.tuning("messages.name")?;
        }
        if let Some((origin, extras)) = &message.extras
            && *origin != GENERATE
        {
            for (name, _) in extras.iter() {
                writer.losses.tuning(format!("messages.{name}"))?;
            }
        }
        for part in &message.parts {
            writer.add(part, message.role, out)?;
        }
        Ok(())
    }

    /// Adds to the last content when it is of the same speaker, or begins one. Contents without parts are refused by
    /// vendors and are none.
    fn extend(&mut self, of: Role, parts: Vec<WirePart<'a>>) {
        if parts.is_empty() {
            return;
        }
        let of = if is_system(of) { Role::User } else { of };
        let role = if of == Role::Assistant { "model" } else { "user" };
        match self.contents.last_mut().filter(|last| last.of == of) {
            Some(last) => last.parts.extend(parts),
            None => self.contents.push(Content { role: Some(role), parts, of }),
        }
    }
}

impl Content<'_> {
    /// Newer models refuse calls without a signature, and those of other vendors have none. Only the first call of a
    /// group has one.
    fn excuse_unsigned_calls(&mut self) {
        let Some(call) = self.parts.iter_mut().find_map(WirePart::call) else { return };
        if call.thought_signature.is_none() {
            call.thought_signature = Some(Cow::Borrowed(signature::SKIP));
        }
    }
}

fn is_system(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

#[cfg(test)]
mod tests {
    use llm_core::message::{ToolCall, ToolResult};
    use llm_core::{LossPolicy, Part};

    use super::*;

    #[test]
    fn results_stand_together_and_calls_of_others_are_excused() {
        let call = |id: &str| Part::ToolCall(ToolCall::new(id, "add", r#"{"x":1}"#));
        let result = |id: &str, text: &str| {
            let content = vec![Part::text(text)];
            let (call_id, name) = (id.to_owned(), None);
            let result = ToolResult { call_id, name, content, is_error: None, custom: false, cache: None };
            Message::new(Role::Tool, vec![Part::ToolResult(result)])
        };
        let request = ChatRequest {
            messages: vec![
                Message::text(Role::User, "go"),
                Message::new(Role::Assistant, vec![call("call_1"), call("call_2")]),
                result("call_1", "1"),
                result("call_2", "2"),
                Message::text(Role::User, "on"),
            ],
            ..ChatRequest::default()
        };
        let mut losses = Losses::new(LossPolicy::Reject);
        let told =
            Conversation::of(&request, Rules::of("gemini-3.5-flash"), &mut losses).expect("all is told");
        let expected = serde_json::json!([
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "call_1", "name": "add", "args": {"x": 1}},
                 "thoughtSignature": "skip_thought_signature_validator"},
                {"functionCall": {"id": "call_2", "name": "add", "args": {"x": 1}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "call_1", "name": "add", "response": {"output": "1"}}},
                {"functionResponse": {"id": "call_2", "name": "add", "response": {"output": "2"}}}]},
            {"role": "user", "parts": [{"text": "on"}]},
        ]);
        assert_eq!(serde_json::to_value(&told.contents).expect("JSON"), expected);
    }
}
