//! One part of an answer on its way to a client: a block of this format, opened when there is something to say.

use std::borrow::Cow;

use bytes::BytesMut;
use llm_core::message::{Opaque, OpaqueKind, ToolCall};
use llm_core::{Delta, Part, PartKind, RawJson};

use super::frames::{Frame, Piece, Words, write_words};
use crate::blocks::{caller, citation_for_client, for_client, sealed_call_state};
use crate::wire::Block;
use crate::{MESSAGES, ids};

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
    Thinking(Thinking),
    Call(Box<Call>),
    Whole(Box<Part>),
}

#[derive(Debug, Default)]
struct Thinking {
    /// The thinking itself came, so that its summary is not needed.
    full: bool,
    /// The paragraph of the summary.
    paragraph: Option<u32>,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    custom: bool,
    caller: Option<RawJson>,
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
    fn open(&mut self, content_block: Block<'_>) -> u32 {
        let index = *self.next;
        *self.next += 1;
        Frame::ContentBlockStart { index, content_block }.write(self.out);
        index
    }

    fn piece(&mut self, index: u32, delta: Piece<'_>) {
        Frame::ContentBlockDelta { index, delta }.write(self.out);
    }

    fn words(&mut self, index: u32, kind: Words, words: &str) {
        write_words(index, kind, words, self.out);
    }

    fn close(&mut self, index: u32) {
        Frame::ContentBlockStop { index }.write(self.out);
    }

    fn whole(&mut self, block: Block<'_>) {
        let index = self.open(block);
        self.close(index);
    }
}

impl Slot {
    /// A part that opens.
    pub(super) fn new(part: u32, kind: &PartKind) -> Self {
        let kind = match kind {
            PartKind::Reasoning { .. } => Kind::Thinking(Thinking::default()),
            PartKind::ToolCall { id, name, custom, .. } => Kind::Call(Box::new(Call {
                id: id.clone(),
                name: name.clone(),
                custom: *custom,
                caller: None,
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
        matches!(self.kind, Kind::Text | Kind::Thinking(_))
    }

    /// Writes more of the block.
    pub(super) fn write(&mut self, delta: &Delta, writer: &mut Writer<'_>) {
        match (&mut self.kind, delta) {
            (Kind::Text, Delta::Text(text) | Delta::Refusal(text) | Delta::AudioTranscript(text)) => {
                text_piece(&mut self.index, text, writer);
            }
            (Kind::Text, Delta::Citation(citation)) => {
                if let Some(citation) = citation_for_client(citation, "") {
                    let index = *self.index.get_or_insert_with(|| writer.open(Block::text("")));
                    writer.piece(index, Piece::Citation { citation: &citation });
                }
            }
            (Kind::Thinking(thinking), delta) => thinking.write(&mut self.index, delta, writer),
            (Kind::Call(call), Delta::Arguments(text)) => call.arguments(&mut self.index, text, writer),
            (Kind::Call(call), Delta::Opaque(state)) => {
                call.caller = caller(Some(state));
                call.sealed = sealed_call_state(state);
            }
            _ => {}
        }
    }

    /// Writes the rest and closes the block. A block that never had anything to say is not written at all.
    pub(super) fn close(mut self, writer: &mut Writer<'_>) {
        match &mut self.kind {
            Kind::Whole(part) => {
                for block in for_client(part) {
                    writer.whole(block);
                }
            }
            Kind::Call(call) => call.close(&mut self.index, writer),
            Kind::Text | Kind::Thinking(_) => {}
        }
        if let Some(index) = self.index {
            writer.close(index);
        }
        if let Kind::Call(call) = &self.kind
            && let Some(sealed) = &call.sealed
        {
            writer.whole(Block::RedactedThinking { data: Cow::Borrowed(sealed) });
        }
    }
}

fn text_piece(index: &mut Option<u32>, text: &str, writer: &mut Writer<'_>) {
    if !text.is_empty() {
        let index = *index.get_or_insert_with(|| writer.open(Block::text("")));
        writer.words(index, Words::Text, text);
    }
}

impl Thinking {
    fn write(&mut self, index: &mut Option<u32>, delta: &Delta, writer: &mut Writer<'_>) {
        match delta {
            Delta::Reasoning(text) if !text.is_empty() => {
                self.full = true;
                Self::piece(index, text, writer);
            }
            Delta::ReasoningSummary { index: paragraph, text } if !self.full && !text.is_empty() => {
                if self.paragraph.replace(*paragraph).is_some_and(|before| before != *paragraph) {
                    Self::piece(index, "\n\n", writer);
                }
                Self::piece(index, text, writer);
            }
            Delta::Opaque(state) => Self::state(index, state, writer),
            _ => {}
        }
    }

    fn piece(index: &mut Option<u32>, thinking: &str, writer: &mut Writer<'_>) {
        let index = Self::open(index, writer);
        writer.words(index, Words::Thinking, thinking);
    }

    fn open(index: &mut Option<u32>, writer: &mut Writer<'_>) -> u32 {
        *index.get_or_insert_with(|| {
            writer.open(Block::Thinking { thinking: Cow::Borrowed(""), signature: Cow::Borrowed("") })
        })
    }

    /// Withheld thinking is a block of its own; anything else signs the block.
    fn state(index: &mut Option<u32>, state: &Opaque, writer: &mut Writer<'_>) {
        let shown = state.for_client(MESSAGES);
        if state.kind == OpaqueKind::Redacted {
            if let Some(open) = index.take() {
                writer.close(open);
            }
            writer.whole(Block::RedactedThinking { data: Cow::Owned(shown) });
        } else if !shown.is_empty() {
            let index = Self::open(index, writer);
            writer.piece(index, Piece::Signature { signature: &shown });
        }
    }
}

impl Call {
    fn arguments(&mut self, index: &mut Option<u32>, text: &str, writer: &mut Writer<'_>) {
        self.held.push_str(text);
        if self.custom || "null".starts_with(self.held.trim()) {
            return;
        }
        self.flush(index, writer);
    }

    fn flush(&mut self, index: &mut Option<u32>, writer: &mut Writer<'_>) {
        let index = self.open(index, writer);
        writer.words(index, Words::Input, &self.held);
        self.held.clear();
    }

    fn open(&self, index: &mut Option<u32>, writer: &mut Writer<'_>) -> u32 {
        *index.get_or_insert_with(|| {
            writer.open(Block::ToolUse {
                id: ids::to_wire(&self.id),
                name: &self.name,
                input: RawJson::parse("{}").expect("a constant of valid JSON"),
                caller: self.caller.clone(),
                cache_control: None,
            })
        })
    }

    fn close(&mut self, index: &mut Option<u32>, writer: &mut Writer<'_>) {
        if self.custom {
            let call = ToolCall { custom: true, ..ToolCall::new("", "", std::mem::take(&mut self.held)) };
            self.held = crate::blocks::input(&call).get().to_owned();
        }
        self.open(index, writer);
        if !matches!(self.held.trim(), "" | "null") {
            self.flush(index, writer);
        }
    }
}
