//! Parts of a request to the blocks that vendors of this format take, with what is lost on the way.

use std::borrow::Cow;
use std::collections::HashSet;

use llm_core::message::{Document, Media, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult};
use llm_core::{Losses, Part, Result, Role};

use super::{citations, input, mark_of};
use crate::models::Rules;
use crate::wire::{self, Block, CachePoint, Citations, Cited, CitedText, Thought, ToolUse};
use crate::{CONVERSE, formats, ids};

/// Writes the parts of one conversation.
pub(crate) struct ForVendors<'l> {
    pub(crate) rules: Rules,
    pub(crate) losses: &'l mut Losses,
    /// Names of documents so far: a vendor refuses two of the same name.
    names: HashSet<String>,
}

impl<'l> ForVendors<'l> {
    pub(crate) fn new(rules: Rules, losses: &'l mut Losses) -> Self {
        Self { rules, losses, names: HashSet::new() }
    }

    /// The blocks for a part of a message, the cache mark behind it included.
    pub(crate) fn blocks<'a>(&mut self, part: &'a Part, role: Role) -> Result<Vec<Block<'a>>> {
        let mut blocks: Vec<Block<'a>> = self.block(part, role)?.into_iter().collect();
        let is_text = matches!(part, Part::Text(_));
        if let Some(mark) = mark_of(part).filter(|_| is_text || !blocks.is_empty()) {
            if self.rules.caches() {
                blocks.push(Block::CachePoint(CachePoint(mark)));
            } else {
                self.losses.tuning("cache_control")?;
            }
        }
        Ok(blocks)
    }

    fn block<'a>(&mut self, part: &'a Part, role: Role) -> Result<Option<Block<'a>>> {
        match part {
            Part::Text(text) => self.text(text),
            Part::Refusal(words) => Ok(is_text(words).then(|| Block::Text(words.as_str().into()))),
            Part::Image(_) | Part::Document(_) | Part::Audio(_) | Part::Video(_)
                if role == Role::Assistant =>
            {
                self.assistant_media(part)
            }
            Part::Image(media) => self.media(media, formats::IMAGES, "messages.image", Block::Image),
            Part::Audio(media) => self.media(media, formats::SOUNDS, "messages.audio", Block::Audio),
            Part::Video(media) => self.media(media, formats::VIDEOS, "messages.video", Block::Video),
            Part::Document(document) => self.document(document),
            Part::ToolCall(call) => Ok(Some(self.tool_use(call))),
            Part::ToolResult(result) => self.tool_result(result).map(Some),
            Part::Reasoning(reasoning) => Ok(self.thinking(reasoning)),
            Part::ServerTool(block) | Part::Unknown(block) if block.origin == CONVERSE => {
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

    /// Sound that the model spoke is told by its words.
    fn assistant_media<'a>(&mut self, part: &'a Part) -> Result<Option<Block<'a>>> {
        if let Part::Audio(Media { transcript: Some(words), .. }) = part
            && is_text(words)
        {
            self.losses.approximated("messages.audio", "its transcript")?;
            return Ok(Some(Block::Text(words.as_str().into())));
        }
        self.lost(&format!("messages.{}", part.kind_name()))
    }

    /// Vendors refuse blank texts.
    fn text<'a>(&mut self, text: &'a Text) -> Result<Option<Block<'a>>> {
        if text.text.is_blank() {
            return Ok(None);
        }
        let own: Vec<_> = text.citations.iter().filter_map(citations::own).map(Cow::Borrowed).collect();
        if own.len() < text.citations.len() {
            self.losses.tuning("messages.citations")?;
        }
        Ok(Some(if own.is_empty() {
            Block::Text((&text.text).into())
        } else {
            let content = [CitedText { text: &text.text }];
            Block::CitationsContent(Cited { content, citations: own })
        }))
    }

    fn media<'a>(
        &mut self,
        media: &'a Media,
        table: &[(&'static str, &'static str)],
        field: &str,
        block: fn(wire::Media<'a>) -> Block<'a>,
    ) -> Result<Option<Block<'a>>> {
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.losses.tuning(format!("{field}.detail"))?;
        }
        match placed(&media.source, table) {
            Some((format, source)) => Ok(Some(block(wire::Media { format, source }))),
            None => self.lost(field),
        }
    }

    fn document<'a>(&mut self, document: &'a Document) -> Result<Option<Block<'a>>> {
        let named = document.title.as_deref().and_then(|title| formats::of_name(formats::DOCUMENTS, title));
        let placed = match &document.source {
            Source::Text(text) => Some(("txt", wire::Source::Text(text))),
            // Some clients say no more than that it is bytes; then the file's name may tell.
            Source::Base64 { media_type, data }
                if formats::word(formats::DOCUMENTS, media_type).is_none() =>
            {
                let textual = media_type.starts_with("text/").then_some("txt");
                named.or(textual).map(|format| (format, wire::Source::Bytes(data)))
            }
            source => placed(source, formats::DOCUMENTS),
        };
        let Some((format, source)) = placed else { return self.lost("messages.document") };
        Ok(Some(Block::Document(wire::Document {
            format,
            name: self.name(document.title.as_deref()),
            source,
            context: document.context.as_deref(),
            citations: document.citations.filter(|enabled| *enabled).map(|enabled| Citations { enabled }),
        })))
    }

    /// A name in the letters that vendors take, and no other document's.
    fn name(&mut self, title: Option<&str>) -> String {
        let plain = |letter: char| {
            if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '(' | ')' | '[' | ']') {
                letter
            } else {
                ' '
            }
        };
        let spaced: String = title.unwrap_or_default().chars().map(plain).take(180).collect();
        let name = spaced.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let name = if name.is_empty() { "document".to_owned() } else { name };
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.names.contains(name));
        let name = free.expect("there is always another number");
        self.names.insert(name.clone());
        name
    }

    fn tool_use<'a>(&mut self, call: &'a ToolCall) -> Block<'a> {
        if call.opaque.as_ref().is_some_and(|state| state.origin != CONVERSE) {
            self.losses.foreign_state("messages.tool_call.state");
        }
        Block::ToolUse(ToolUse {
            tool_use_id: ids::to_vendor(&call.id),
            name: &call.name,
            input: input(call),
        })
    }

    fn tool_result<'a>(&mut self, result: &'a ToolResult) -> Result<Block<'a>> {
        let mut content = Vec::with_capacity(result.content.len());
        for part in &result.content {
            content.extend(self.block(part, Role::Tool)?);
        }
        // At least one block is required, and a blank text is none.
        if content.is_empty() {
            content.push(Block::Text("(no output)".into()));
        }
        let status = result.is_error.map(|failed| if failed { "error" } else { "success" });
        if status == Some("error") && !self.rules.results_have_status() {
            self.losses.tuning("messages.tool_result.is_error")?;
        }
        Ok(Block::ToolResult(wire::ToolResult {
            tool_use_id: ids::to_vendor(&result.call_id),
            content,
            status: status.filter(|_| self.rules.results_have_status()),
        }))
    }

    /// Only thinking that a vendor of this format signed goes back.
    fn thinking<'a>(&mut self, reasoning: &'a Reasoning) -> Option<Block<'a>> {
        let Some(state) = reasoning.opaque.as_ref().filter(|state| state.origin == CONVERSE) else {
            self.losses.foreign_state("messages.reasoning");
            return None;
        };
        let data = Cow::Borrowed(state.data.as_str());
        Some(Block::ReasoningContent(if state.kind == OpaqueKind::Redacted {
            Thought::RedactedContent(data)
        } else {
            Thought::ReasoningText { text: Cow::Borrowed(&reasoning.text), signature: Some(data) }
        }))
    }
}

/// The word for the kind of content, and where it is; vendors fetch from S3 only.
fn placed<'a>(
    source: &'a Source,
    table: &[(&'static str, &'static str)],
) -> Option<(&'static str, wire::Source<'a>)> {
    match source {
        Source::Base64 { media_type, data } => {
            Some((formats::word(table, media_type)?, wire::Source::Bytes(data)))
        }
        Source::Url(uri) if uri.starts_with("s3://") => {
            Some((formats::of_name(table, uri)?, wire::Source::S3Location { uri }))
        }
        _ => None,
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty()
}

/// The text of a part of the instructions; only texts can be.
pub(crate) fn system_text<'a>(part: &'a Part, losses: &mut Losses) -> Result<Option<Block<'a>>> {
    match part {
        Part::Text(text) => Ok((!text.text.is_blank()).then(|| Block::Text((&text.text).into()))),
        Part::Unknown(block) if block.origin == CONVERSE => Ok(Some(Block::Raw(&block.raw))),
        _ => losses.meaning("system").map(|()| None),
    }
}
