//! A conversation in this format's messages: one text each, pictures beside it, one message for each result.

use std::borrow::Cow;
use std::collections::HashMap;

use llm_core::message::{Document, Media, Reasoning, Source, ToolCall, ToolResult};
use llm_core::{ChatRequest, Losses, Message, Part, RawJson, RawObject, Result, Role, Wording, custom_tools};
use serde::Serialize;

use crate::{CHAT, ids};

/// A message as it is written.
#[derive(Debug, Default, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Wording<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(flatten)]
    extras: Option<&'a RawObject>,
    /// Whether a text was written already.
    #[serde(skip)]
    spoken: bool,
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: RawJson,
}

/// Writes a request's messages.
pub(super) fn turns<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Result<Vec<Turn<'a>>> {
    let calls = request.messages.iter().flat_map(Message::tool_calls);
    let names = calls.map(|call| (call.id.as_str(), call.name.as_str())).collect();
    let mut writer = Writer { names, losses, turns: Vec::new() };
    for message in &request.messages {
        writer.message(message)?;
    }
    Ok(writer.turns)
}

struct Writer<'a, 'l> {
    names: HashMap<&'a str, &'a str>,
    losses: &'l mut Losses,
    turns: Vec<Turn<'a>>,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, message: &'a Message) -> Result<()> {
        if message.name.is_some() {
            self.losses.tuning("messages.name")?;
        }
        let mut turn = Turn { role: role(message.role), extras: self.extras(message)?, ..Turn::default() };
        let results = message.parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
        for part in &message.parts {
            match part {
                Part::ToolResult(result) => {
                    self.result(result, turn.extras.filter(|_| message.role == Role::Tool))?;
                }
                part => self.part(part, &mut turn, message.role)?,
            }
        }
        // What stands beside results is the user's word; results alone leave nothing to say.
        let empty = !turn.spoken && turn.images.is_empty();
        if !(results && empty) && message.role != Role::Tool {
            self.turns.push(turn);
        } else if !empty {
            self.turns.push(Turn { role: "user", ..turn });
        }
        Ok(())
    }

    fn extras(&mut self, message: &'a Message) -> Result<Option<&'a RawObject>> {
        match &message.extras {
            Some((CHAT, extras)) => Ok(Some(extras)),
            Some((_, extras)) => {
                extras.iter().try_for_each(|(name, _)| self.losses.tuning(format!("messages.{name}")))?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    fn part(&mut self, part: &'a Part, turn: &mut Turn<'a>, role: Role) -> Result<()> {
        match part {
            Part::Text(text) => {
                if text.cache.is_some() {
                    self.losses.foreign_state("cache_control");
                }
                say(turn, (&text.text).into(), role);
            }
            Part::Refusal(words) => say(turn, words.as_str().into(), role),
            Part::Image(media) => return self.image(media, turn),
            Part::Document(document) => return self.document(document, turn, role),
            Part::Reasoning(reasoning) => self.thinking(reasoning, turn),
            Part::ToolCall(call) => return self.call(call, turn),
            // What a vendor's own tool did is state of that vendor; the answer drawn from it stands beside it.
            Part::ServerTool(_) => self.losses.foreign_state("server_tools"),
            other => return self.lost(&other.described()),
        }
        Ok(())
    }

    fn lost(&mut self, what: &str) -> Result<()> {
        self.losses.meaning(format!("messages.{}", what.replace(' ', "_")))
    }

    fn image(&mut self, media: &'a Media, turn: &mut Turn<'a>) -> Result<()> {
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.losses.tuning("messages.image.detail")?;
        }
        match &media.source {
            Source::Base64 { data, .. } => {
                turn.images.push(data);
                Ok(())
            }
            _ => self.lost("image"),
        }
    }

    /// Only the text of a document can be said.
    fn document(&mut self, document: &'a Document, turn: &mut Turn<'a>, role: Role) -> Result<()> {
        let text = match &document.source {
            Source::Text(text) => Some(Cow::Borrowed(text.as_str())),
            Source::Base64 { media_type, .. } if media_type.starts_with("text/") => {
                let bytes = document.source.bytes().map(|bytes| bytes.to_vec());
                bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Cow::Owned)
            }
            _ => None,
        };
        let Some(text) = text else { return self.lost("document") };
        self.losses.approximated("messages.document", "its text")?;
        say(turn, text.into(), role);
        Ok(())
    }

    fn thinking(&mut self, reasoning: &'a Reasoning, turn: &mut Turn<'a>) {
        if reasoning.opaque.is_some() {
            self.losses.foreign_state("messages.reasoning.state");
        }
        if !reasoning.text.is_empty() {
            let thinking = turn.thinking.get_or_insert_default();
            if thinking.is_empty() {
                *thinking = Cow::Borrowed(&reasoning.text);
            } else {
                thinking.to_mut().push_str(&reasoning.text);
            }
        } else if reasoning.opaque.is_none() && !reasoning.summary.is_empty() {
            self.losses.foreign_state("messages.reasoning.summary");
        }
    }

    fn call(&mut self, call: &'a ToolCall, turn: &mut Turn<'a>) -> Result<()> {
        if call.opaque.is_some() {
            self.losses.foreign_state("messages.tool_call.state");
        }
        let arguments =
            if call.custom { Some(custom_tools::wrap(&call.arguments)) } else { call.arguments_object() };
        let arguments = match arguments {
            Some(arguments) => arguments,
            None => {
                self.losses.approximated("messages.tool_call.arguments", "a text in an object")?;
                custom_tools::wrap(&call.arguments)
            }
        };
        let function = Function { name: &call.name, arguments };
        turn.tool_calls.push(Call { id: ids::for_vendor(&call.id), r#type: "function", function });
        Ok(())
    }

    fn result(&mut self, result: &'a ToolResult, extras: Option<&'a RawObject>) -> Result<()> {
        if result.is_error == Some(true) {
            self.losses.tuning("tool_result.is_error")?;
        }
        let known = self.names.get(result.call_id.as_str()).copied();
        let mut turn = Turn {
            role: "tool",
            tool_name: result.name.as_deref().or(known),
            tool_call_id: ids::for_vendor(&result.call_id),
            extras,
            ..Turn::default()
        };
        for part in &result.content {
            self.part(part, &mut turn, Role::Tool)?;
        }
        self.turns.push(turn);
        Ok(())
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::Assistant => "assistant",
        Role::User | Role::Tool => "user",
    }
}

/// Adds a text. Pieces of the model's own words follow each other as they are; those of others were texts of their
/// own and stand on lines of their own.
fn say<'a>(turn: &mut Turn<'a>, text: Wording<'a>, role: Role) {
    if !turn.spoken {
        turn.content = text;
    } else {
        if role != Role::Assistant {
            turn.content.push_str("\n");
        }
        turn.content.push_str(&text);
    }
    turn.spoken = true;
}
