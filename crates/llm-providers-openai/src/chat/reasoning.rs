//! Thinking: the four ways in which vendors of this family write it, and how clients carry it from turn to turn.
//!
//! Vendors: `reasoning_content`, `reasoning`, `reasoning_details[]`, or content parts of type `thinking`; the same
//! text may stand in two of them and is read once. Clients see `reasoning_content` and, where there is state that
//! must come back, `thinking_blocks[]`; state of other dialects is sealed in there ([`Opaque::for_client`]).

use std::borrow::Cow;

use llm_core::message::{Opaque, OpaqueKind, Reasoning};
use llm_core::{Losses, RawJson, RawObject};
use serde::Serialize;
use serde::de::MapAccess;

use super::CHAT;
use super::fields::{self, Fields};
use crate::quirks::ReasoningHistory;

/// An element of `reasoning_details`.
#[derive(Clone, Debug, Default)]
pub(super) struct Detail {
    pub(super) text: String,
    pub(super) summary: String,
    signature: Option<String>,
    data: Option<String>,
    /// Type, format, index, id and whatever else, to be sent back as it came.
    rest: RawObject,
}

impl<'de> Fields<'de> for Detail {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "text" => self.text = fields::lenient(map)?.unwrap_or_default().into_owned(),
            "summary" => self.summary = fields::lenient(map)?.unwrap_or_default().into_owned(),
            "signature" => self.signature = fields::lenient(map)?.map(Cow::into_owned),
            "data" => self.data = fields::lenient(map)?.map(Cow::into_owned),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        fields::keep(&mut self.rest, key, map)
    }
}

impl Detail {
    /// What tells one detail of a stream from the next: its index, or else its type.
    pub(super) fn identity(&self) -> (Option<&str>, Option<&str>) {
        (self.rest.get("index").map(RawJson::get), self.rest.get("type").map(RawJson::get))
    }

    pub(super) fn has_words(&self) -> bool {
        !self.text.is_empty() || !self.summary.is_empty()
    }

    /// Takes more of the same detail in; the words are passed on, not kept.
    pub(super) fn grow(&mut self, more: Self) {
        self.signature = more.signature.or(self.signature.take());
        if let Some(data) = more.data {
            self.data.get_or_insert_default().push_str(&data);
        }
        for (key, value) in more.rest {
            self.rest.insert(key, value);
        }
    }

    /// The state in it: the detail without its words, so that it can be put together again.
    pub(super) fn opaque(&self) -> Option<Opaque> {
        let (kind, key, value) = match (&self.signature, &self.data) {
            (Some(signature), _) => (OpaqueKind::Signature, "signature", signature),
            (None, Some(data)) => (OpaqueKind::Encrypted, "data", data),
            (None, None) => return None,
        };
        let mut frame = self.rest.clone();
        frame.insert(key, RawJson::string(value));
        let data = serde_json::to_string(&frame).ok()?;
        Some(Opaque { origin: CHAT, kind, data })
    }

    fn reasoning(self) -> Reasoning {
        let opaque = self.opaque();
        let summary = if self.summary.is_empty() { Vec::new() } else { vec![self.summary] };
        Reasoning { id: None, text: self.text, summary, opaque }
    }
}

/// An element of `thinking_blocks`.
#[derive(Debug, Default)]
pub(super) struct ThinkingBlock<'de> {
    kind: Option<Cow<'de, str>>,
    thinking: Option<Cow<'de, str>>,
    signature: Option<Cow<'de, str>>,
    data: Option<Cow<'de, str>>,
    id: Option<Cow<'de, str>>,
    summary: Vec<String>,
}

impl<'de> Fields<'de> for ThinkingBlock<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "type" => self.kind = fields::lenient(map)?,
            "thinking" => self.thinking = fields::lenient(map)?,
            "signature" => self.signature = fields::lenient(map)?,
            "data" => self.data = fields::lenient(map)?,
            "id" => self.id = fields::lenient(map)?,
            "summary" => self.summary = map.next_value::<Option<Vec<String>>>()?.unwrap_or_default(),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl ThinkingBlock<'_> {
    pub(super) fn reasoning(self) -> Reasoning {
        let (kind, state) = match self.kind.as_deref() {
            Some("redacted_thinking") => (OpaqueKind::Redacted, self.data),
            _ => (OpaqueKind::Signature, self.signature),
        };
        Reasoning {
            id: self.id.map(Cow::into_owned),
            text: self.thinking.unwrap_or_default().into_owned(),
            summary: self.summary,
            opaque: state.map(|state| Opaque::from_client(CHAT, kind, &state)),
        }
    }
}

/// Everything about thinking in a message or delta.
#[derive(Debug, Default)]
pub(super) struct WireReasoning<'de> {
    pub(super) content: Option<Cow<'de, str>>,
    pub(super) plain: Option<Cow<'de, str>>,
    pub(super) details: Vec<Detail>,
    pub(super) blocks: Vec<ThinkingBlock<'de>>,
}

impl<'de> WireReasoning<'de> {
    /// The text, where no detail has it.
    pub(super) fn text(&mut self) -> Option<Cow<'de, str>> {
        let content = self.content.take().filter(|text| !text.is_empty());
        content.or(self.plain.take()).filter(|_| !self.details.iter().any(Detail::has_words))
    }

    /// Whether it says that there was no thinking.
    pub(super) fn is_blank(&self) -> bool {
        let nothing = self.plain.is_none() && self.details.is_empty() && self.blocks.is_empty();
        nothing && self.content.as_ref().is_some_and(|text| text.is_empty())
    }

    pub(super) fn into_parts(mut self) -> Vec<Reasoning> {
        if !self.blocks.is_empty() {
            return self.blocks.into_iter().map(ThinkingBlock::reasoning).collect();
        }
        let text = self.text().map(|text| Reasoning { text: text.into_owned(), ..Reasoning::default() });
        let details = self.details.into_iter().map(Detail::reasoning);
        let says =
            |part: &Reasoning| !part.text.is_empty() || !part.summary.is_empty() || part.opaque.is_some();
        text.into_iter().chain(details).filter(says).collect()
    }
}

/// A block of `thinking_blocks`, written.
#[derive(Serialize)]
pub(super) struct ShownBlock {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    summary: Vec<String>,
}

impl ShownBlock {
    pub(super) fn of(reasoning: &Reasoning) -> Self {
        let mut block = Self {
            r#type: "thinking",
            thinking: Some(reasoning.text.clone()),
            signature: None,
            data: None,
            id: reasoning.id.clone(),
            summary: reasoning.summary.clone(),
        };
        match &reasoning.opaque {
            Some(opaque) if opaque.kind == OpaqueKind::Redacted => {
                block.r#type = "redacted_thinking";
                block.data = Some(opaque.for_client(CHAT));
                block.thinking = Some(reasoning.text.clone()).filter(|text| !text.is_empty());
            }
            // The place says "signature": anything else must say itself what it is.
            Some(opaque) if opaque.kind != OpaqueKind::Signature => block.signature = Some(opaque.seal()),
            Some(opaque) => block.signature = Some(opaque.for_client(CHAT)),
            None => {}
        }
        block
    }
}

/// What a client reads as `reasoning_content`: the thinking, or else its summary.
pub(super) fn shown_text(reasoning: &Reasoning) -> Cow<'_, str> {
    if reasoning.text.is_empty() {
        reasoning.summary.join("\n\n").into()
    } else {
        Cow::Borrowed(&reasoning.text)
    }
}

/// Blocks for a client, when there is state that must come back.
pub(super) fn shown_blocks(parts: &[&Reasoning]) -> Vec<ShownBlock> {
    let stateful = parts.iter().any(|part| part.opaque.is_some() || part.id.is_some());
    if stateful { parts.iter().map(|part| ShownBlock::of(part)).collect() } else { Vec::new() }
}

/// Earlier thinking on its way back to a vendor.
#[derive(Default)]
pub(super) struct History {
    pub(super) content: Option<String>,
    pub(super) plain: Option<String>,
    pub(super) details: Vec<RawObject>,
    /// Whether the text belongs into the content, as parts.
    pub(super) as_parts: bool,
}

impl History {
    pub(super) fn of(parts: &[&Reasoning], place: ReasoningHistory, losses: &mut Losses) -> Self {
        let mut history = Self::default();
        if parts.is_empty() {
            return history;
        }
        let joined = || Some(parts.iter().map(|part| shown_text(part)).collect::<String>());
        let says = parts.iter().any(|part| !shown_text(part).is_empty());
        match place {
            ReasoningHistory::None if says => losses.foreign_state("reasoning"),
            ReasoningHistory::ReasoningContent => history.content = joined(),
            ReasoningHistory::Reasoning if says => history.plain = joined(),
            ReasoningHistory::ThinkingPart => history.as_parts = true,
            ReasoningHistory::ReasoningDetails => {
                history.details = parts.iter().filter_map(|part| detail(part, losses)).collect();
                return history;
            }
            _ => {}
        }
        if parts.iter().any(|part| part.opaque.is_some()) {
            losses.foreign_state("reasoning.signature");
        }
        history
    }
}

/// The detail that a part of the thinking came as, or a new one with its words.
fn detail(part: &Reasoning, losses: &mut Losses) -> Option<RawObject> {
    let own = part.opaque.as_ref().filter(|opaque| opaque.origin == CHAT);
    if part.opaque.is_some() && own.is_none() {
        losses.foreign_state("reasoning.signature");
    }
    let mut detail = own.map(frame).unwrap_or_default();
    let (kind, key, words) = if part.text.is_empty() && !part.summary.is_empty() {
        ("reasoning.summary", "summary", part.summary.join("\n\n"))
    } else {
        ("reasoning.text", "text", part.text.clone())
    };
    if detail.get("type").is_none() {
        if words.is_empty() {
            return (!detail.is_empty()).then_some(detail);
        }
        detail.insert("type", RawJson::string(kind));
    }
    if !words.is_empty() {
        detail.insert(key, RawJson::string(&words));
    }
    Some(detail)
}

fn frame(opaque: &Opaque) -> RawObject {
    serde_json::from_str(&opaque.data).unwrap_or_else(|_| {
        // A bare signature or bare encrypted text, as other gateways hand it to clients.
        let (kind, key) = match opaque.kind {
            OpaqueKind::Signature => ("reasoning.text", "signature"),
            OpaqueKind::Encrypted | OpaqueKind::Redacted => ("reasoning.encrypted", "data"),
        };
        let members = [("type", RawJson::string(kind)), (key, RawJson::string(&opaque.data))];
        members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    })
}
