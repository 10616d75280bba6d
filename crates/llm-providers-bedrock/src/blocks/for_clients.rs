//! Parts of an answer to the blocks that a client of this format understands.

use std::borrow::Cow;

use llm_core::Part;
use llm_core::message::{ForeignBlock, Media, OpaqueKind, Reasoning, Source, Text, ToolCall};

use super::{citations, input, redacted_for_client, sealed_call_state};
use crate::CONVERSE;
use crate::formats;
use crate::wire::{self, Block, Cited, CitedText, Thought, ToolUse};

/// The blocks for a part. None for an empty text, and for what this format has no block for in an answer.
pub(crate) fn for_client(part: &Part) -> Vec<Block<'_>> {
    match part {
        Part::Text(text) if !text.text.is_empty() => vec![self::text(text)],
        Part::Refusal(words) if !words.is_empty() => vec![Block::Text(words.as_str().into())],
        Part::Reasoning(reasoning) => thinking(reasoning).into_iter().collect(),
        Part::ToolCall(call) => tool_use(call),
        Part::Audio(Media { transcript: Some(words), .. }) if !words.is_empty() => {
            vec![Block::Text(words.as_str().into())]
        }
        Part::Image(media) => image(media).into_iter().collect(),
        Part::ServerTool(block) | Part::Unknown(block) => own(block).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn own(block: &ForeignBlock) -> Option<Block<'_>> {
    (block.origin == CONVERSE).then_some(Block::Raw(&block.raw))
}

fn text(text: &Text) -> Block<'_> {
    let citations: Vec<_> = text.citations.iter().filter_map(citations::for_client).collect();
    if citations.is_empty() {
        return Block::Text((&text.text).into());
    }
    Block::CitationsContent(Cited { content: [CitedText { text: &text.text }], citations })
}

fn image(media: &Media) -> Option<Block<'_>> {
    let Source::Base64 { media_type, data } = &media.source else { return None };
    let format = formats::word(formats::IMAGES, media_type)?;
    Some(Block::Image(wire::Media { format, source: wire::Source::Bytes(data) }))
}

fn thinking(reasoning: &Reasoning) -> Option<Block<'_>> {
    let state = reasoning.opaque.as_ref();
    if let Some(state) = state.filter(|state| state.kind == OpaqueKind::Redacted) {
        return Some(Block::ReasoningContent(Thought::RedactedContent(Cow::Owned(redacted_for_client(
            state,
        )))));
    }
    let text = match (reasoning.text.as_str(), reasoning.summary.as_slice()) {
        ("", [one]) => Cow::Borrowed(one.as_str()),
        ("", paragraphs) => Cow::Owned(paragraphs.join("\n\n")),
        (text, _) => Cow::Borrowed(text),
    };
    let signature = state.map(|state| Cow::Owned(state.for_client(CONVERSE)));
    let empty = text.is_empty() && signature.is_none();
    (!empty).then_some(Block::ReasoningContent(Thought::ReasoningText { text, signature }))
}

fn tool_use(call: &ToolCall) -> Vec<Block<'_>> {
    let id = Cow::Borrowed(call.id.as_str());
    let mut blocks = vec![Block::ToolUse(ToolUse { tool_use_id: id, name: &call.name, input: input(call) })];
    let sealed = call.opaque.as_ref().and_then(sealed_call_state);
    blocks.extend(sealed.map(|data| Block::ReasoningContent(Thought::RedactedContent(Cow::Owned(data)))));
    blocks
}
