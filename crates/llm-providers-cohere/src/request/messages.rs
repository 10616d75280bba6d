//! A conversation as this format tells it.

use llm_core::message::{Citation, Document, Media, Reasoning, Text, ToolCall, ToolResult};
use llm_core::{ChatRequest, Losses, Message, Part, RawJson, RawObject, Result, Role, custom_tools};
use serde::Serialize;

use super::blocks::Blocks;
use super::content;
use crate::wire::ObjectWriter;
use crate::{CHAT, documents, plan};

/// A conversation, and the documents that stand beside it.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) messages: Vec<Turn<'a>>,
    pub(super) documents: Vec<RawJson>,
}

/// A message as it is written.
#[derive(Debug, Default, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Blocks<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    tool_plan: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<RawJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    citations: Vec<&'a RawJson>,
    #[serde(flatten)]
    extras: Option<&'a RawObject>,
}

impl<'a> Conversation<'a> {
    /// Reads a request's messages.
    pub(super) fn of(request: &'a ChatRequest, losses: &mut Losses) -> Result<Self> {
        let native = request.extras.as_ref().is_some_and(|(origin, _)| *origin == CHAT);
        let mut conversation = Self::default();
        for message in &request.messages {
            if message.name.is_some() {
                losses.tuning("messages.name")?;
            }
            match message.role {
                Role::System | Role::Developer => conversation.system(message, losses)?,
                Role::User => conversation.user(message, losses)?,
                Role::Assistant => conversation.assistant(message, native, losses)?,
                Role::Tool => conversation.results(message, losses)?,
            }
        }
        Ok(conversation)
    }

    fn push(&mut self, message: &'a Message, turn: Turn<'a>, losses: &mut Losses) -> Result<()> {
        let extras = match &message.extras {
            Some((origin, extras)) if *origin == CHAT => Some(extras),
            Some((_, extras)) => {
                extras.iter().try_for_each(|(name, _)| losses.tuning(format!("messages.{name}")))?;
                None
            }
            None => None,
        };
        self.messages.push(Turn { extras, ..turn });
        Ok(())
    }

    fn system(&mut self, message: &'a Message, losses: &mut Losses) -> Result<()> {
        let mut blocks = Blocks::default();
        for part in &message.parts {
            match part {
                Part::Text(text) => blocks.text((&text.text).into()),
                part => losses.meaning(format!("messages.system.{}", part.described()))?,
            }
        }
        self.push(message, Turn { role: "system", content: Some(blocks), ..Turn::default() }, losses)
    }

    fn user(&mut self, message: &'a Message, losses: &mut Losses) -> Result<()> {
        let mut blocks = Blocks::default();
        for part in &message.parts {
            match part {
                Part::Text(text) => blocks.text((&text.text).into()),
                Part::Image(image) => self::image(image, &mut blocks, losses)?,
                Part::Document(document) => self.document(document, losses)?,
                part => foreign(part, &mut blocks, losses)?,
            }
        }
        if blocks.is_empty() && !message.parts.is_empty() {
            return Ok(());
        }
        self.push(message, Turn { role: "user", content: Some(blocks), ..Turn::default() }, losses)
    }

    /// The format's documents are texts and stand beside the conversation.
    fn document(&mut self, document: &Document, losses: &mut Losses) -> Result<()> {
        match documents::write(document) {
            Some(written) => {
                self.documents.push(written);
                Ok(())
            }
            None => losses.meaning("messages.document"),
        }
    }

    fn assistant(&mut self, message: &'a Message, native: bool, losses: &mut Losses) -> Result<()> {
        let mut said = Said { calls_tools: message.tool_calls().next().is_some(), native, ..Said::default() };
        for part in &message.parts {
            said.part(part, losses)?;
        }
        if said.is_empty() && !message.parts.is_empty() {
            return Ok(());
        }
        self.push(message, said.turn(), losses)
    }

    fn results(&mut self, message: &'a Message, losses: &mut Losses) -> Result<()> {
        for part in &message.parts {
            let Part::ToolResult(result) = part else {
                losses.meaning(format!("messages.tool.{}", part.described()))?;
                continue;
            };
            let content = Some(result_content(result, losses)?);
            let tool_call_id = Some(result.call_id.as_str());
            self.push(message, Turn { role: "tool", tool_call_id, content, ..Turn::default() }, losses)?;
        }
        Ok(())
    }
}

fn result_content<'a>(result: &'a ToolResult, losses: &mut Losses) -> Result<Blocks<'a>> {
    if result.is_error == Some(true) {
        losses.tuning("tool_result.is_error")?;
    }
    let mut blocks = Blocks::default();
    for part in &result.content {
        match part {
            Part::Text(text) => blocks.text((&text.text).into()),
            Part::Document(document) => match documents::write(document) {
                Some(written) => blocks.document(written),
                None => losses.meaning("tool_result.document")?,
            },
            part => losses.meaning(format!("tool_result.{}", part.described()))?,
        }
    }
    Ok(blocks)
}

fn image<'a>(image: &'a Media, blocks: &mut Blocks<'a>, losses: &mut Losses) -> Result<()> {
    let Some(url) = image.source.to_url() else { return losses.meaning("messages.image") };
    let known = |detail: &&str| matches!(*detail, "auto" | "low" | "high");
    let detail = image.detail.as_deref();
    if detail.is_some_and(|detail| !known(&detail)) {
        losses.tuning("messages.image.detail")?;
    }
    blocks.image(url, detail.filter(known));
    Ok(())
}

/// What has no words in this format, unless it is this format's own.
fn foreign<'a>(part: &'a Part, blocks: &mut Blocks<'a>, losses: &mut Losses) -> Result<()> {
    match part {
        Part::Unknown(block) if block.origin == CHAT => {
            blocks.raw(&block.raw);
            Ok(())
        }
        part => losses.meaning(format!("messages.{}", part.described())),
    }
}

/// What the model said in a turn.
#[derive(Debug, Default)]
struct Said<'a> {
    calls_tools: bool,
    native: bool,
    blocks: Blocks<'a>,
    plan: String,
    calls: Vec<RawJson>,
    citations: Vec<&'a RawJson>,
}

impl<'a> Said<'a> {
    fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.plan.is_empty() && self.calls.is_empty()
    }

    fn part(&mut self, part: &'a Part, losses: &mut Losses) -> Result<()> {
        match part {
            Part::Text(text) => {
                self.cite(text, losses);
                // A blank text beside calls is how other formats say that there is none.
                if self.native || !self.calls_tools || !text.text.is_empty() {
                    self.blocks.text((&text.text).into());
                }
            }
            Part::Refusal(words) => self.blocks.text(words.as_str().into()),
            Part::Reasoning(reasoning) => self.reasoning(reasoning, losses),
            Part::ToolCall(call) => self.call(call, losses),
            part => foreign(part, &mut self.blocks, losses)?,
        }
        Ok(())
    }

    /// A plan goes back as one; so does other thinking beside calls, which clients without a place for the mark send
    /// back. Thinking that another vendor signed is only that vendor's.
    fn reasoning(&mut self, reasoning: &'a Reasoning, losses: &mut Losses) {
        let foreign = reasoning.opaque.as_ref().is_some_and(|opaque| opaque.origin != CHAT);
        if foreign || reasoning.text.is_empty() {
            losses.foreign_state("messages.reasoning");
        } else if plan::is_plan(reasoning) || self.calls_tools && !self.native {
            self.plan.push_str(&reasoning.text);
        } else {
            self.blocks.thinking(&reasoning.text);
        }
    }

    fn call(&mut self, call: &ToolCall, losses: &mut Losses) {
        if call.opaque.as_ref().is_some_and(|opaque| opaque.origin != CHAT) {
            losses.foreign_state("messages.tool_call.opaque");
        }
        let arguments = if call.custom {
            custom_tools::wrap(&call.arguments).get().to_owned()
        } else {
            call.arguments_object().map_or_else(|| call.arguments.clone(), |object| object.get().to_owned())
        };
        self.calls.push(call_json(&call.id, &call.name, &arguments));
    }

    fn cite(&mut self, text: &'a Text, losses: &mut Losses) {
        let own = |citation: &'a Citation| citation.raw.as_ref().filter(|(origin, _)| *origin == CHAT);
        for citation in &text.citations {
            match own(citation) {
                Some((_, raw)) => self.citations.push(raw),
                None => losses.foreign_state("messages.citations"),
            }
        }
    }

    fn turn(self) -> Turn<'a> {
        let says = !self.blocks.is_empty() || self.calls.is_empty() && self.plan.is_empty();
        Turn {
            role: "assistant",
            content: says.then_some(self.blocks),
            tool_plan: self.plan,
            tool_calls: self.calls,
            citations: self.citations,
            ..Turn::default()
        }
    }
}

/// Writes a call of a tool.
pub(crate) fn call_json(id: &str, name: &str, arguments: &str) -> RawJson {
    let mut function = ObjectWriter::new();
    function.member("name", name).member("arguments", arguments);
    let mut object = ObjectWriter::new();
    object.member("id", id).member("type", "function").member("function", &function.json()).json()
}

/// Writes a call of a tool for a client.
pub(crate) fn call_for_client(call: &ToolCall) -> RawJson {
    call_json(&content::sealed(call), &call.name, &call.arguments)
}
