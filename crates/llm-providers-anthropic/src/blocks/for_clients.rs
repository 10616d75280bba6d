//! Parts of an answer to the blocks that a client of this format understands.

use std::borrow::Cow;

use llm_core::Part;
use llm_core::message::{ForeignBlock, Media, Opaque, OpaqueKind, Reasoning, Text, ToolCall};

use super::{cache_control, caller, citations, input};
use crate::wire::Block;
use crate::{MESSAGES, ids};

/// The blocks for a part. None for an empty text, which clients would send back and vendors refuse, and for what
/// this format has no block for in an answer.
pub(crate) fn for_client(part: &Part) -> Vec<Block<'_>> {
    match part {
        Part::Text(text) => self::text(text).into_iter().collect(),
        Part::Refusal(words) if !words.is_empty() => vec![Block::text(words.as_str())],
        Part::Reasoning(reasoning) => thinking(reasoning).into_iter().collect(),
        Part::ToolCall(call) => tool_use(call),
        Part::Audio(Media { transcript: Some(words), .. }) if !words.is_empty() => {
            vec![Block::text(words.as_str())]
        }
        Part::ServerTool(block) | Part::Unknown(block) => own(block).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn own(block: &ForeignBlock) -> Option<Block<'_>> {
    (block.origin == MESSAGES).then_some(Block::Raw(&block.raw))
}

fn text(text: &Text) -> Option<Block<'_>> {
    let shown = |citation| citations::for_client(citation, &text.text);
    let citations = text.citations.iter().filter_map(shown).collect();
    (!text.text.is_empty()).then(|| Block::Text { text: (&text.text).into(), citations, cache_control: None })
}

/// A thinking block always has a signature, possibly empty: SDKs demand the field.
fn thinking(reasoning: &Reasoning) -> Option<Block<'_>> {
    let state = reasoning.opaque.as_ref();
    if let Some(state) = state.filter(|state| state.kind == OpaqueKind::Redacted) {
        return Some(Block::RedactedThinking { data: Cow::Owned(state.for_client(MESSAGES)) });
    }
    let thinking = reasoning_text(reasoning);
    let signature = state.map(|state| state.for_client(MESSAGES)).unwrap_or_default();
    let empty = thinking.is_empty() && signature.is_empty();
    (!empty).then_some(Block::Thinking { thinking, signature: Cow::Owned(signature) })
}

/// The thinking itself, or else its summary.
fn reasoning_text(reasoning: &Reasoning) -> Cow<'_, str> {
    match (reasoning.text.as_str(), reasoning.summary.as_slice()) {
        ("", [one]) => Cow::Borrowed(one),
        ("", paragraphs) => Cow::Owned(paragraphs.join("\n\n")),
        (text, _) => Cow::Borrowed(text),
    }
}

fn tool_use(call: &ToolCall) -> Vec<Block<'_>> {
    let mut blocks = vec![Block::ToolUse {
        id: ids::to_wire(&call.id),
        name: &call.name,
        input: input(call),
        caller: caller(call.opaque.as_ref()),
        cache_control: cache_control(call.cache),
    }];
    let sealed = call.opaque.as_ref().and_then(sealed_call_state);
    blocks.extend(sealed.map(|data| Block::RedactedThinking { data: Cow::Owned(data) }));
    blocks
}

/// State of another format that must come back with a call has no place in a call of this format; it travels in
/// a redacted block right behind, which clients send back as it is.
pub(crate) fn sealed_call_state(state: &Opaque) -> Option<String> {
    (state.origin != MESSAGES).then(|| Opaque { kind: OpaqueKind::Signature, ..state.clone() }.seal())
}
