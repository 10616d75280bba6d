//! Parts of a request to the blocks that vendors of this format take, with what is lost on the way.

use std::borrow::Cow;

use llm_core::message::{
    Citation, Document, Media, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult,
};
use llm_core::{Losses, Part, RawJson, Result, Role};

use super::{cache_control, caller, citations, input, source};
use crate::models::Rules;
use crate::wire::{self, Block, Citations, ResultContent};
use crate::{MESSAGES, ids};

/// Writes parts of one conversation.
pub(crate) struct ForVendors<'l> {
    pub(crate) rules: Rules,
    pub(crate) losses: &'l mut Losses,
}

impl ForVendors<'_> {
    /// The block for a part of a message; `None` when there is nothing to send.
    pub(crate) fn block<'a>(&mut self, part: &'a Part, role: Role) -> Result<Option<Block<'a>>> {
        match part {
            Part::Text(text) => self.text(text),
            Part::Refusal(words) => Ok(is_text(words).then(|| Block::text(words.as_str()))),
            Part::Image(_) | Part::Document(_) if role == Role::Assistant => {
                self.lost(&format!("messages.{}", part.kind_name()))
            }
            Part::Image(media) => self.image(media),
            Part::Document(document) => self.document(document),
            Part::ToolCall(call) => Ok(Some(self.tool_use(call))),
            Part::ToolResult(result) => self.tool_result(result).map(Some),
            Part::Reasoning(reasoning) => Ok(self.thinking(reasoning)),
            Part::ServerTool(block) | Part::Unknown(block) if block.origin == MESSAGES => {
                Ok(Some(Block::Raw(&block.raw)))
            }
            // What a vendor's own tool did is state of that vendor; the answer drawn from it stands beside it.
            Part::ServerTool(_) => {
                self.losses.foreign_state("server_tools");
                Ok(None)
            }
            other => self.lost(&format!("messages.{}", other.described())),
        }
    }

    fn lost<T>(&mut self, field: &str) -> Result<Option<T>> {
        self.losses.meaning(field.replace(' ', "_")).map(|()| None)
    }

    /// The vendor refuses texts of nothing but white space.
    fn text<'a>(&mut self, text: &'a Text) -> Result<Option<Block<'a>>> {
        if text.text.is_blank() {
            return Ok(None);
        }
        Ok(Some(Block::Text {
            text: (&text.text).into(),
            citations: self.citations(&text.citations)?,
            cache_control: cache_control(text.cache),
        }))
    }

    fn citations<'a>(&mut self, list: &'a [Citation]) -> Result<Vec<Cow<'a, RawJson>>> {
        let own: Vec<_> = list.iter().filter_map(citations::own).map(Cow::Borrowed).collect();
        if own.len() < list.len() {
            self.losses.tuning("messages.citations")?;
        }
        Ok(own)
    }

    fn image<'a>(&mut self, media: &'a Media) -> Result<Option<Block<'a>>> {
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.losses.tuning("messages.image.detail")?;
        }
        match source(&media.source) {
            None | Some(wire::Source::Text { .. }) => self.lost("messages.image"),
            Some(source) => Ok(Some(Block::Image { source, cache_control: cache_control(media.cache) })),
        }
    }

    fn document<'a>(&mut self, document: &'a Document) -> Result<Option<Block<'a>>> {
        let Some(source) = document_source(&document.source) else { return self.lost("messages.document") };
        Ok(Some(Block::Document {
            source,
            title: document.title.as_deref(),
            context: document.context.as_deref(),
            citations: document.citations.map(|enabled| Citations { enabled }),
            cache_control: cache_control(document.cache),
        }))
    }

    fn tool_use<'a>(&mut self, call: &'a ToolCall) -> Block<'a> {
        let state = call.opaque.as_ref();
        if state.is_some_and(|state| state.origin != MESSAGES) {
            self.losses.foreign_state("messages.tool_call.state");
        }
        Block::ToolUse {
            id: ids::to_wire(&call.id),
            name: &call.name,
            input: input(call),
            caller: caller(state),
            cache_control: cache_control(call.cache),
        }
    }

    fn tool_result<'a>(&mut self, result: &'a ToolResult) -> Result<Block<'a>> {
        let content = match result.content.as_slice() {
            [] => None,
            [Part::Text(Text { text, citations, cache: None })] if citations.is_empty() => {
                Some(ResultContent::Text(text))
            }
            parts => {
                let blocks = parts.iter().map(|part| self.block(part, Role::Tool));
                Some(ResultContent::Blocks(blocks.filter_map(Result::transpose).collect::<Result<_>>()?))
            }
        };
        Ok(Block::ToolResult {
            tool_use_id: ids::to_wire(&result.call_id),
            content,
            is_error: result.is_error,
            cache_control: cache_control(result.cache),
        })
    }

    /// Only thinking that a vendor of this format signed goes back; any other is refused there.
    fn thinking<'a>(&mut self, reasoning: &'a Reasoning) -> Option<Block<'a>> {
        let text = Cow::Borrowed(reasoning.text.as_str());
        match &reasoning.opaque {
            Some(state) if state.origin == MESSAGES && state.kind == OpaqueKind::Redacted => {
                return Some(Block::RedactedThinking { data: Cow::Borrowed(&state.data) });
            }
            Some(state) if state.origin == MESSAGES => {
                return Some(Block::Thinking { thinking: text, signature: Cow::Borrowed(&state.data) });
            }
            None if self.rules.unsigned_thinking => {
                return Some(Block::Thinking { thinking: text, signature: Cow::Borrowed("") });
            }
            _ => {}
        }
        self.losses.foreign_state("messages.reasoning");
        None
    }
}

/// Documents are PDF, by bytes or address, and plain text.
fn document_source(given: &Source) -> Option<wire::Source<'_>> {
    let Source::Base64 { media_type, .. } = given else { return source(given) };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence == "application/pdf" || essence.is_empty() {
        return source(given);
    }
    let textual = essence.starts_with("text/") || matches!(essence, "application/json" | "application/xml");
    let bytes = textual.then(|| given.bytes()).flatten()?;
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    Some(wire::Source::Text { media_type: "text/plain", data: Cow::Owned(text) })
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty()
}

/// A part of the instructions; only texts can be.
pub(crate) fn system_block<'a>(part: &'a Part, losses: &mut Losses) -> Result<Option<Block<'a>>> {
    match part {
        Part::Text(text) if !text.text.is_blank() => Ok(Some(Block::Text {
            text: (&text.text).into(),
            citations: Vec::new(),
            cache_control: cache_control(text.cache),
        })),
        Part::Text(_) => Ok(None),
        Part::Unknown(block) if block.origin == MESSAGES => Ok(Some(Block::Raw(&block.raw))),
        _ => losses.meaning("system").map(|()| None),
    }
}
