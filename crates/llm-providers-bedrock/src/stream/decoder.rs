//! A vendor's frames to events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_core::event::{Refrain, Start};
use llm_core::message::{Opaque, OpaqueKind};
use llm_core::wire::Frame;
use llm_core::{Delta, Event, FinishReason, PartKind, RawObject, Result, StreamDecoder, provider};
use serde_json::value::RawValue;

use super::gathering::Gathering;
use crate::blocks::read_citation;
use crate::request::ANSWER_TOOL;
use crate::wire::{Malformed, Members};
use crate::{CONVERSE, error, response, usage};

/// Reads a vendor's stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    ended: bool,
    parts: u32,
    open: Vec<Open>,
    finish: Option<FinishReason>,
    /// The answer is told by the tool for it.
    told: bool,
    extras: RawObject,
    /// Events that only go on with a block.
    refrain: Refrain,
}

/// What a piece of thinking may have beside its words, which is gathered.
const PROOFS: [&str; 2] = ["\"signature\"", "\"redactedContent\""];

/// A block that has begun and not ended.
#[derive(Debug)]
struct Open {
    index: u64,
    part: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text,
    /// Arguments of the tool for the answer, told as text.
    Answer,
    /// Thinking, with what proves or hides it: that is told whole.
    Thinking {
        signature: String,
        redacted: Vec<String>,
    },
    Call,
    /// Handed on whole, and numbered only then: parts that open before it ends come before it.
    Gathered(Gathering),
}

impl Kind {
    fn thinking() -> Self {
        Self::Thinking { signature: String::new(), redacted: Vec::new() }
    }

    fn takes(&self, piece: &str) -> bool {
        match self {
            Self::Text => matches!(piece, "text" | "citation"),
            Self::Answer | Self::Call => piece == "toolUse",
            Self::Thinking { .. } => piece == "reasoningContent",
            Self::Gathered(_) => true,
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || self.refrain.again(frame, out) {
            return Ok(());
        }
        let from = out.len();
        let read = Members::parse(frame.data).map_err(Malformed::of_vendor)?;
        let name = frame.event.unwrap_or_default();
        self.frame(name, &read, frame.data, out).map_err(Malformed::of_vendor)?;
        let told = out.get(from..).filter(|_| !PROOFS.iter().any(|member| frame.data.contains(member)));
        self.refrain.learn(frame, told.unwrap_or_default(), &["p"], |_| true);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        if self.finish.is_none() {
            return Err(provider::truncated());
        }
        self.end(out);
        Ok(())
    }
}

impl Decoder {
    fn frame(
        &mut self,
        name: &str,
        frame: &Members<'_>,
        data: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Malformed> {
        let index = || Ok(frame.read("contentBlockIndex", "a whole number")?.unwrap_or(0));
        match name {
            "messageStart" => self.start(out),
            "contentBlockStart" => {
                let start = frame.object("start")?.unwrap_or_default();
                self.start(out);
                return self.open(index()?, &start, out).map_err(|fault| fault.within("start"));
            }
            "contentBlockDelta" => {
                let delta = frame.object("delta")?.unwrap_or_default();
                self.start(out);
                return self.delta(index()?, &delta, out).map_err(|fault| fault.within("delta"));
            }
            "contentBlockStop" => self.close(index()?, out),
            "messageStop" => return self.stop(frame, out),
            "metadata" => self.metadata(frame, out),
            // Exceptions; events of kinds to come have no message.
            _ if name.ends_with("Exception") || frame.raw("message").is_some() => {
                self.ended = true;
                out.push(Event::Error(error::of_exception(name, data)));
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start(Start::default()));
        }
    }

    fn open(&mut self, index: u64, start: &Members<'_>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        self.close(index, out);
        let Some((kind, value)) = start.variant(&["p"]) else { return Ok(()) };
        let block = Members::parse(value.get()).map_err(|fault| fault.within(kind))?;
        let inside = |fault: Malformed| fault.within(kind);
        match kind {
            "toolUse" if block.text("type").map_err(inside)?.as_deref() == Some("server_tool_use") => {
                self.gather(index, Gathering::Call(block.rest(&["input"]), String::new()));
            }
            "toolUse" => {
                let name = block.required_text("name").map_err(inside)?;
                let id = block.required_text("toolUseId").map_err(inside)?;
                if name == ANSWER_TOOL {
                    self.told = true;
                    self.begin(index, Kind::Answer, PartKind::Text, out);
                } else {
                    let kind = PartKind::ToolCall { id, item_id: None, name, custom: false };
                    self.begin(index, Kind::Call, kind, out);
                }
            }
            "toolResult" => self.gather(index, Gathering::Result(block.rest(&["content"]), Vec::new())),
            "image" => {
                let format = block.text("format").map_err(inside)?.unwrap_or_default();
                self.gather(index, Gathering::Picture(format, String::new()));
            }
            _ => {}
        }
        Ok(())
    }

    fn gather(&mut self, index: u64, gathering: Gathering) {
        self.open.push(Open { index, part: 0, kind: Kind::Gathered(gathering) });
    }

    fn begin(&mut self, index: u64, kind: Kind, opens: PartKind, out: &mut Vec<Event>) {
        let part = self.next();
        out.push(Event::PartStart { choice: 0, part, kind: opens });
        self.open.push(Open { index, part, kind });
    }

    fn next(&mut self) -> u32 {
        let part = self.parts;
        self.parts = part.saturating_add(1);
        part
    }

    fn delta(&mut self, index: u64, delta: &Members<'_>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let Some((kind, value)) = delta.variant(&["p"]) else { return Ok(()) };
        if !self.open.iter().any(|open| open.index == index && open.kind.takes(kind)) {
            self.announce(index, kind, out);
        }
        let Some(open) = self.open.iter_mut().find(|open| open.index == index) else { return Ok(()) };
        let part = open.part;
        let told = match &mut open.kind {
            Kind::Gathered(gathering) => {
                gathering.add(kind, value);
                None
            }
            Kind::Thinking { signature, redacted } => {
                thought(value, signature, redacted).map_err(|fault| fault.within(kind))?
            }
            _ => piece(kind, value, matches!(open.kind, Kind::Answer))?,
        };
        out.extend(told.map(|delta| Event::Delta { choice: 0, part, delta }));
        Ok(())
    }

    /// Text and thinking open with their first piece, and so do pieces of another kind than the block that is open.
    fn announce(&mut self, index: u64, piece: &str, out: &mut Vec<Event>) {
        let (kind, opens) = match piece {
            "text" | "citation" => (Kind::Text, PartKind::Text),
            "reasoningContent" => (Kind::thinking(), PartKind::Reasoning { id: None }),
            _ => return,
        };
        self.close(index, out);
        self.begin(index, kind, opens, out);
    }

    fn close(&mut self, index: u64, out: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            let open = self.open.remove(at);
            self.closed(open, out);
        }
    }

    fn closed(&mut self, open: Open, out: &mut Vec<Event>) {
        let Open { mut part, kind, .. } = open;
        match kind {
            Kind::Text | Kind::Answer | Kind::Call => {}
            Kind::Thinking { signature, redacted } => {
                let state = state(signature, &redacted);
                out.extend(state.map(|state| Event::Delta { choice: 0, part, delta: Delta::Opaque(state) }));
            }
            Kind::Gathered(gathering) => {
                part = self.next();
                let kind = PartKind::Whole(Box::new(gathering.finish()));
                out.push(Event::PartStart { choice: 0, part, kind });
            }
        }
        out.push(Event::PartEnd { choice: 0, part });
    }

    fn stop(&mut self, frame: &Members<'_>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        self.start(out);
        if self.finish.is_some() {
            return Ok(());
        }
        for open in std::mem::take(&mut self.open) {
            self.closed(open, out);
        }
        let reason = response::stop_reason(frame)?.unwrap_or(FinishReason::Stop);
        let reason = response::of_answer(reason, self.told);
        self.finish = Some(reason.clone());
        out.push(Event::Finish { choice: 0, reason });
        for (name, value) in response::extras(frame, &["stopReason"]) {
            self.extras.insert(name, value);
        }
        Ok(())
    }

    /// The last event; one before the reason is out of order and ends nothing.
    fn metadata(&mut self, frame: &Members<'_>, out: &mut Vec<Event>) {
        self.start(out);
        out.push(Event::Usage(usage::read(frame)));
        for (name, value) in response::extras(frame, &["usage"]) {
            self.extras.insert(name, value);
        }
        if self.finish.is_some() {
            self.end(out);
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.ended = true;
        let fields = std::mem::take(&mut self.extras);
        if !fields.is_empty() {
            out.push(Event::Extras { origin: CONVERSE, fields });
        }
        out.push(Event::End);
    }
}

/// What a piece adds; `None` for empty ones.
fn piece(kind: &str, value: &RawValue, answer: bool) -> Result<Option<Delta>, Malformed> {
    let wrong = |_| Malformed::new(kind, "a piece of a block is of a wrong type");
    Ok(match kind {
        "text" => {
            let text: String = serde_json::from_str(value.get()).map_err(wrong)?;
            (!text.is_empty()).then_some(Delta::Text(text))
        }
        "citation" => {
            Some(Delta::Citation(Box::new(read_citation(value).map_err(|fault| fault.within(kind))?)))
        }
        "toolUse" => {
            let piece = Members::parse(value.get()).map_err(|fault| fault.within(kind))?;
            let input = piece.text("input").map_err(|fault| fault.within(kind))?;
            let input = input.filter(|input| !input.is_empty());
            input.map(if answer { Delta::Text } else { Delta::Arguments })
        }
        _ => None,
    })
}

fn thought(
    value: &RawValue,
    signature: &mut String,
    redacted: &mut Vec<String>,
) -> Result<Option<Delta>, Malformed> {
    let piece = Members::parse(value.get())?;
    signature.push_str(&piece.text("signature")?.unwrap_or_default());
    redacted.extend(piece.text("redactedContent")?);
    let text = piece.text("text")?.filter(|text| !text.is_empty());
    Ok(text.map(Delta::Reasoning))
}

/// What must come back with thinking: withheld thinking in pieces is one blob.
fn state(signature: String, redacted: &[String]) -> Option<Opaque> {
    let data = match redacted {
        [] if signature.is_empty() => return None,
        [] => return Some(Opaque { origin: CONVERSE, kind: OpaqueKind::Signature, data: signature }),
        [one] => one.clone(),
        pieces => {
            let decoded = pieces.iter().map(|piece| STANDARD.decode(piece)).collect::<Result<Vec<_>, _>>();
            decoded.map_or_else(|_| pieces.concat(), |pieces| STANDARD.encode(pieces.concat()))
        }
    };
    Some(Opaque { origin: CONVERSE, kind: OpaqueKind::Redacted, data })
}
