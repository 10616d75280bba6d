//! A conversation as this format tells it.

use llm_core::message::{Citation, Document, Media, Reasoning, Text, ToolCall, ToolResult};
use llm_core::{ChatRequest, Losses, Message, Part, RawJson, Result, Role, Words, custom_tools};

use super::content;
use crate::wire::ObjectWriter;
use crate::{CHAT, citations, documents, plan};

/// A conversation, and the documents that stand beside it.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) messages: Vec<RawJson>,
    pub(super) documents: Vec<RawJson>,
}

impl Conversation {
    /// Reads a request's messages.
    pub(super) fn of(request: &ChatRequest, losses: &mut Losses) -> Result<Self> {
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

    fn push(&mut self, message: &Message, mut object: ObjectWriter, losses: &mut Losses) -> Result<()> {
        match &message.extras {
            Some((origin, extras)) if *origin == CHAT => {
                object.members(extras);
            }
            Some((_, extras)) => {
                for (name, _) in extras.iter() {
                    losses.tuning(format!("messages.{name}"))?;
                }
            }
            None => {}
        }
        self.messages.push(object.json());
        Ok(())
    }

    fn system(&mut self, message: &Message, losses: &mut Losses) -> Result<()> {
        let mut blocks = Blocks::default();
        for part in &message.parts {
            match part {
                Part::Text(text) => blocks.text(text),
                part => losses.meaning(format!("messages.system.{}", part.described()))?,
            }
        }
        let mut object = ObjectWriter::new();
        object.member("role", "system").member("content", &blocks.json());
        self.push(message, object, losses)
    }

    fn user(&mut self, message: &Message, losses: &mut Losses) -> Result<()> {
        let mut blocks = Blocks::default();
        for part in &message.parts {
            match part {
                Part::Text(text) => blocks.text(text),
                Part::Image(image) => blocks.image(image, losses)?,
                Part::Document(document) => self.document(document, losses)?,
                part => foreign(part, &mut blocks, losses)?,
            }
        }
        if blocks.list.is_empty() && !message.parts.is_empty() {
            return Ok(());
        }
        let mut object = ObjectWriter::new();
        object.member("role", "user").member("content", &blocks.json());
        self.push(message, object, losses)
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

    fn assistant(&mut self, message: &Message, native: bool, losses: &mut Losses) -> Result<()> {
        let mut said = Said { calls_tools: message.tool_calls().next().is_some(), native, ..Said::default() };
        for part in &message.parts {
            said.part(part, losses)?;
        }
        if said.is_empty() && !message.parts.is_empty() {
            return Ok(());
        }
        self.push(message, said.write(), losses)
    }

    fn results(&mut self, message: &Message, losses: &mut Losses) -> Result<()> {
        for part in &message.parts {
            let Part::ToolResult(result) = part else {
                losses.meaning(format!("messages.tool.{}", part.described()))?;
                continue;
            };
            let mut object = ObjectWriter::new();
            object.member("role", "tool").member("tool_call_id", &result.call_id);
            object.member("content", &result_content(result, losses)?);
            self.push(message, object, losses)?;
        }
        Ok(())
    }
}

fn result_content(result: &ToolResult, losses: &mut Losses) -> Result<RawJson> {
    if result.is_error == Some(true) {
        losses.tuning("tool_result.is_error")?;
    }
    let mut blocks = Blocks::default();
    for part in &result.content {
        match part {
            Part::Text(text) => blocks.text(text),
            Part::Document(document) => match documents::write(document) {
                Some(written) => {
                    let mut block = ObjectWriter::new();
                    blocks.block(block.member("type", "document").member("document", &written).json());
                }
                None => losses.meaning("tool_result.document")?,
            },
            part => losses.meaning(format!("tool_result.{}", part.described()))?,
        }
    }
    Ok(blocks.json())
}

/// What has no words in this format, unless it is this format's own.
fn foreign(part: &Part, blocks: &mut Blocks, losses: &mut Losses) -> Result<()> {
    match part {
        Part::Unknown(block) if block.origin == CHAT => {
            blocks.block(block.raw.clone());
            Ok(())
        }
        part => losses.meaning(format!("messages.{}", part.described())),
    }
}

/// Content blocks; a single text is written as a plain one.
#[derive(Debug, Default)]
struct Blocks {
    list: Vec<RawJson>,
    /// The text, while it is the only block.
    only: Option<Words>,
}

impl Blocks {
    fn text(&mut self, text: &Text) {
        self.only = self.list.is_empty().then(|| text.text.clone());
        self.list.push(ObjectWriter::new().member("type", "text").member("text", &text.text).json());
    }

    fn block(&mut self, block: RawJson) {
        self.only = None;
        self.list.push(block);
    }

    fn image(&mut self, image: &Media, losses: &mut Losses) -> Result<()> {
        let Some(url) = image.source.to_url() else { return losses.meaning("messages.image") };
        let mut address = ObjectWriter::new();
        address.member("url", &url);
        match image.detail.as_deref() {
            Some(detail @ ("auto" | "low" | "high")) => {
                address.member("detail", detail);
            }
            Some(_) => losses.tuning("messages.image.detail")?,
            None => {}
        }
        self.block(
            ObjectWriter::new().member("type", "image_url").member("image_url", &address.json()).json(),
        );
        Ok(())
    }

    fn json(&self) -> RawJson {
        match &self.only {
            Some(text) => RawJson::of(text).unwrap_or_else(|_| RawJson::null()),
            None if self.list.is_empty() => RawJson::string(""),
            None => RawJson::of(&self.list).unwrap_or_else(|_| RawJson::null()),
        }
    }
}

/// What the model said in a turn.
#[derive(Debug, Default)]
struct Said {
    calls_tools: bool,
    native: bool,
    blocks: Blocks,
    plan: String,
    calls: Vec<RawJson>,
    citations: Vec<RawJson>,
}

impl Said {
    fn is_empty(&self) -> bool {
        self.blocks.list.is_empty() && self.plan.is_empty() && self.calls.is_empty()
    }

    fn part(&mut self, part: &Part, losses: &mut Losses) -> Result<()> {
        match part {
            Part::Text(text) => {
                self.cite(text, losses);
                // A blank text beside calls is how other formats say that there is none.
                if self.native || !self.calls_tools || !text.text.is_empty() {
                    self.blocks.text(text);
                }
            }
            Part::Refusal(words) => self.blocks.text(&Text::new(words.as_str())),
            Part::Reasoning(reasoning) => self.reasoning(reasoning, losses),
            Part::ToolCall(call) => self.call(call, losses),
            part => foreign(part, &mut self.blocks, losses)?,
        }
        Ok(())
    }

    /// A plan goes back as one; so does other thinking beside calls, which clients without a place for the mark send
    /// back. Thinking that another vendor signed is only that vendor's.
    fn reasoning(&mut self, reasoning: &Reasoning, losses: &mut Losses) {
        let foreign = reasoning.opaque.as_ref().is_some_and(|opaque| opaque.origin != CHAT);
        if foreign || reasoning.text.is_empty() {
            losses.foreign_state("messages.reasoning");
        } else if plan::is_plan(reasoning) || self.calls_tools && !self.native {
            self.plan.push_str(&reasoning.text);
        } else {
            let mut block = ObjectWriter::new();
            self.blocks.block(block.member("type", "thinking").member("thinking", &reasoning.text).json());
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

    fn cite(&mut self, text: &Text, losses: &mut Losses) {
        let own = |citation: &Citation| citation.raw.as_ref().is_some_and(|(origin, _)| *origin == CHAT);
        for citation in &text.citations {
            if own(citation) {
                self.citations.push(citations::for_client(citation, &text.text, 0).into_owned());
            } else {
                losses.foreign_state("messages.citations");
            }
        }
    }

    fn write(self) -> ObjectWriter {
        let mut object = ObjectWriter::new();
        object.member("role", "assistant");
        if !self.blocks.list.is_empty() || self.calls.is_empty() && self.plan.is_empty() {
            object.member("content", &self.blocks.json());
        }
        if !self.plan.is_empty() {
            object.member("tool_plan", &self.plan);
        }
        if !self.calls.is_empty() {
            object.member("tool_calls", &self.calls);
        }
        if !self.citations.is_empty() {
            object.member("citations", &self.citations);
        }
        object
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
