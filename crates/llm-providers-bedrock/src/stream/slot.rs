//! One part of an answer on its way to a client: a block of this format, opened when there is something to say.

use bytes::BytesMut;
use llm_core::message::{Opaque, OpaqueKind, ToolCall};
use llm_core::{Delta, Part, PartKind, RawJson};
use serde::Serialize;

use super::event;
use crate::CONVERSE;
use crate::blocks::{self, citation_for_client, redacted_for_client, sealed_call_state};
use crate::wire::{Block, ObjectWriter, Thought, union};

/// A part that has begun.
#[derive(Debug)]
pub(super) struct Slot {
    /// The part's number among the events.
    pub(super) part: u32,
    /// What waits until the blocks before are complete.
    pub(super) waiting: Vec<Delta>,
    /// Whether no more will come.
    pub(super) ended: bool,
    /// The block's number, once it is open.
    index: Option<u32>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text,
    Thinking {
        /// The thinking itself came, so that its summary is not needed.
        full: bool,
        /// The paragraph of the summary.
        paragraph: Option<u32>,
    },
    Call(Box<Call>),
    Whole(Box<Part>),
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    custom: bool,
    /// Arguments that could still turn out to be `null`, or all of them when they are free text.
    held: String,
    /// State of another format.
    sealed: Option<String>,
}

/// Where blocks are written, and the number of the next one.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut BytesMut,
    pub(super) next: &'a mut u32,
}

impl Writer<'_> {
    fn number(&mut self) -> u32 {
        let index = *self.next;
        *self.next += 1;
        index
    }

    fn frame<T: Serialize + ?Sized>(&mut self, name: &str, member: Option<(&str, &T)>, index: u32) {
        let mut object = ObjectWriter::new();
        if let Some((name, value)) = member {
            object.member(name, value);
        }
        object.member("contentBlockIndex", &index);
        event(name, &object.json(), self.out);
    }

    fn start<T: Serialize + ?Sized>(&mut self, kind: &str, value: &T, index: u32) {
        self.frame("contentBlockStart", Some(("start", &union(kind, value))), index);
    }

    fn piece<T: Serialize + ?Sized>(&mut self, kind: &str, value: &T, index: u32) {
        self.frame("contentBlockDelta", Some(("delta", &union(kind, value))), index);
    }

    fn stop(&mut self, index: u32) {
        self.frame::<str>("contentBlockStop", None, index);
    }

    fn redacted(&mut self, data: &str) {
        let index = self.number();
        self.piece("reasoningContent", &union("redactedContent", data), index);
        self.stop(index);
    }
}

impl Slot {
    /// A part that opens.
    pub(super) fn new(part: u32, kind: &PartKind) -> Self {
        let kind = match kind {
            PartKind::Reasoning { .. } => Kind::Thinking { full: false, paragraph: None },
            PartKind::ToolCall { id, name, custom, .. } => Kind::Call(Box::new(Call {
                id: id.clone(),
                name: name.clone(),
                custom: *custom,
                held: String::new(),
                sealed: None,
            })),
            PartKind::Whole(part) => Kind::Whole(part.clone()),
            _ => Kind::Text,
        };
        Self { part, waiting: Vec::new(), ended: false, index: None, kind }
    }

    /// A part that goes on after it was closed to let another one through.
    pub(super) fn resumed(part: u32, delta: &Delta) -> Option<Self> {
        let kind = match delta {
            Delta::Text(_) | Delta::Citation(_) | Delta::Refusal(_) => PartKind::Text,
            Delta::Reasoning(_) | Delta::ReasoningSummary { .. } | Delta::Opaque(_) => {
                PartKind::Reasoning { id: None }
            }
            _ => return None,
        };
        Some(Self::new(part, &kind))
    }

    /// Whether the block can be closed and go on in another one.
    pub(super) fn is_prose(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Thinking { .. })
    }

    /// Writes more of the block.
    pub(super) fn write(&mut self, delta: &Delta, writer: &mut Writer<'_>) {
        match (&mut self.kind, delta) {
            (Kind::Text, Delta::Text(text) | Delta::Refusal(text) | Delta::AudioTranscript(text))
                if !text.is_empty() =>
            {
                let index = *self.index.get_or_insert_with(|| writer.number());
                writer.piece("text", text, index);
            }
            (Kind::Text, Delta::Citation(citation)) => {
                if let Some(citation) = citation_for_client(citation) {
                    let index = *self.index.get_or_insert_with(|| writer.number());
                    writer.piece("citation", citation.as_ref(), index);
                }
            }
            (Kind::Thinking { .. }, delta) => self.think(delta, writer),
            (Kind::Call(call), Delta::Arguments(text)) => call.arguments(&mut self.index, text, writer),
            (Kind::Call(call), Delta::Opaque(state)) => call.sealed = sealed_call_state(state),
            _ => {}
        }
    }

    fn think(&mut self, delta: &Delta, writer: &mut Writer<'_>) {
        let Kind::Thinking { full, paragraph } = &mut self.kind else { return };
        let text = match delta {
            Delta::Reasoning(text) if !text.is_empty() => {
                *full = true;
                text.clone()
            }
            Delta::ReasoningSummary { index, text } if !*full && !text.is_empty() => {
                let begins = paragraph.replace(*index).is_some_and(|before| before != *index);
                if begins { format!("\n\n{text}") } else { text.clone() }
            }
            Delta::Opaque(state) => return self.state(state, writer),
            _ => return,
        };
        let index = *self.index.get_or_insert_with(|| writer.number());
        writer.piece("reasoningContent", &union("text", &text), index);
    }

    /// Withheld thinking is a block of its own; anything else signs the block.
    fn state(&mut self, state: &Opaque, writer: &mut Writer<'_>) {
        if state.kind == OpaqueKind::Redacted {
            if let Some(open) = self.index.take() {
                writer.stop(open);
            }
            writer.redacted(&redacted_for_client(state));
            return;
        }
        let index = *self.index.get_or_insert_with(|| writer.number());
        writer.piece("reasoningContent", &union("signature", &state.for_client(CONVERSE)), index);
    }

    /// Writes the rest and closes the block. A block that never had anything to say is not written at all.
    pub(super) fn close(mut self, writer: &mut Writer<'_>) {
        match &mut self.kind {
            Kind::Whole(part) => blocks::for_client(part).iter().for_each(|block| whole(block, writer)),
            Kind::Call(call) => call.close(&mut self.index, writer),
            Kind::Text | Kind::Thinking { .. } => {}
        }
        if let Some(index) = self.index {
            writer.stop(index);
        }
        if let Kind::Call(call) = &self.kind
            && let Some(sealed) = &call.sealed
        {
            writer.redacted(sealed);
        }
    }
}

/// A block that comes whole, in one start and one piece where this format streams its kind.
fn whole(block: &Block<'_>, writer: &mut Writer<'_>) {
    let index = match block {
        Block::Text(text) => {
            let index = writer.number();
            writer.piece("text", text, index);
            index
        }
        Block::ReasoningContent(Thought::RedactedContent(data)) => return writer.redacted(data),
        Block::Image(media) => {
            let index = writer.number();
            writer.start("image", &union("format", media.format), index);
            writer.piece("image", &union("source", &media.source), index);
            index
        }
        Block::Raw(raw) => match own(raw, writer) {
            Some(index) => index,
            None => return,
        },
        _ => return,
    };
    writer.stop(index);
}

/// A call or result of the vendor's own tool.
fn own(raw: &RawJson, writer: &mut Writer<'_>) -> Option<u32> {
    let mut block: llm_core::RawObject = raw.read().ok()?;
    if let Some(inner) = block.remove("toolUse") {
        let mut inner: llm_core::RawObject = inner.read().ok()?;
        let input = inner.remove("input").unwrap_or_else(RawJson::null);
        let index = writer.number();
        writer.start("toolUse", &inner, index);
        writer.piece("toolUse", &union("input", input.get()), index);
        return Some(index);
    }
    let mut inner: llm_core::RawObject = block.remove("toolResult")?.read().ok()?;
    let content = inner.remove("content").unwrap_or_else(RawJson::null);
    let index = writer.number();
    writer.start("toolResult", &inner, index);
    writer.piece("toolResult", &content, index);
    Some(index)
}

impl Call {
    fn arguments(&mut self, index: &mut Option<u32>, text: &str, writer: &mut Writer<'_>) {
        self.held.push_str(text);
        if !self.custom && !"null".starts_with(self.held.trim()) {
            self.flush(index, writer);
        }
    }

    fn flush(&mut self, index: &mut Option<u32>, writer: &mut Writer<'_>) {
        let index = self.open(index, writer);
        writer.piece("toolUse", &union("input", &self.held), index);
        self.held.clear();
    }

    fn open(&self, index: &mut Option<u32>, writer: &mut Writer<'_>) -> u32 {
        *index.get_or_insert_with(|| {
            let number = writer.number();
            let mut start = ObjectWriter::new();
            start.member("toolUseId", &self.id).member("name", &self.name);
            writer.start("toolUse", &start.json(), number);
            number
        })
    }

    fn close(&mut self, index: &mut Option<u32>, writer: &mut Writer<'_>) {
        if self.custom {
            let call = ToolCall { custom: true, ..ToolCall::new("", "", std::mem::take(&mut self.held)) };
            self.held = blocks::input(&call).get().to_owned();
        }
        self.open(index, writer);
        if !matches!(self.held.trim(), "" | "null") {
            self.flush(index, writer);
        }
    }
}
