//! A vendor's frames to events.

use std::borrow::Cow;

use llm_core::event::{Refrain, Start};
use llm_core::message::{Opaque, OpaqueKind, Reasoning, Text, ToolCall};
use llm_core::wire::Frame;
use llm_core::{
    Delta, Error, Event, FinishReason, Part, PartKind, RawObject, Result, StreamDecoder, provider,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::foreign::Gathering;
use crate::blocks::{Side, read_block, read_citation};
use crate::usage::{self, Tally};
use crate::wire::{Malformed, Members};
use crate::{MESSAGES, error, response};

/// Reads a vendor's stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    ended: bool,
    parts: u32,
    open: Vec<Open>,
    tally: Tally,
    finish: Option<FinishReason>,
    usage_extras: RawObject,
    late_extras: RawObject,
    /// Frames that only go on with a block.
    refrain: Refrain,
}

/// A block that has begun and not ended.
#[derive(Debug)]
struct Open {
    index: u64,
    part: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Text: what comes is handed on.
    Text,
    /// Thinking, likewise.
    Thinking,
    /// A call; its arguments when they do not come in pieces.
    Call { whole: Option<String> },
    /// A block that is handed on whole, and numbered only then: parts that open before it ends come before it.
    Gathered(Gathering),
}

impl Kind {
    /// The kind of a block that nobody announced, by its first piece.
    fn of(piece: &Delta) -> Option<(Self, PartKind)> {
        match piece {
            Delta::Text(_) | Delta::Citation(_) => Some((Self::Text, PartKind::Text)),
            Delta::Reasoning(_) | Delta::Opaque(_) => {
                Some((Self::Thinking, PartKind::Reasoning { id: None }))
            }
            _ => None,
        }
    }

    fn takes(&self, piece: &Delta) -> bool {
        match self {
            Self::Text => matches!(piece, Delta::Text(_) | Delta::Citation(_)),
            Self::Thinking => matches!(piece, Delta::Reasoning(_) | Delta::Opaque(_)),
            Self::Call { .. } => matches!(piece, Delta::Arguments(_)),
            Self::Gathered(_) => false,
        }
    }
}

/// A frame with its pieces unread.
#[derive(Deserialize)]
struct WireFrame<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl WireFrame<'_> {
    fn index(&self) -> u64 {
        self.index.and_then(|index| index.get().parse().ok()).unwrap_or(0)
    }
}

/// A piece of a block.
#[derive(Deserialize)]
struct WireDelta<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    #[serde(borrow)]
    citation: Option<&'a RawValue>,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || self.refrain.again(frame, out) || frame.data.trim() == "[DONE]" {
            return Ok(());
        }
        let from = out.len();
        let read: WireFrame<'_> = serde_json::from_str(frame.data).map_err(|_| {
            Error::bad_answer("the vendor's stream has a frame that is not of the Messages format")
        })?;
        self.frame(&read, frame.data, out).map_err(Malformed::of_vendor)?;
        self.refrain.learn(frame, out.get(from..).unwrap_or_default(), &[], |_| true);
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
    fn frame(&mut self, frame: &WireFrame<'_>, data: &str, out: &mut Vec<Event>) -> Result<(), Malformed> {
        match frame.kind.as_ref() {
            "message_start" => self.start(frame.message, out),
            "content_block_start" => {
                let block =
                    frame.content_block.ok_or_else(|| Malformed::new("content_block", "field required"))?;
                self.ensure_started(out);
                self.open(frame.index(), block, out).map_err(|fault| fault.within("content_block"))
            }
            "content_block_delta" => {
                let delta = frame.delta.ok_or_else(|| Malformed::new("delta", "field required"))?;
                self.ensure_started(out);
                self.delta(frame.index(), delta, out).map_err(|fault| fault.within("delta"))
            }
            "content_block_stop" => {
                self.close(frame.index(), out);
                Ok(())
            }
            "message_delta" => self.message_delta(&Members::parse(data)?, out),
            "message_stop" => {
                self.end(out);
                Ok(())
            }
            "ping" => {
                out.push(Event::Ping);
                Ok(())
            }
            kind if kind == "error" || frame.error.is_some() => {
                self.ended = true;
                out.push(Event::Error(error::classify_event(data)));
                Ok(())
            }
            // The documentation asks to ignore events of kinds to come.
            _ => Ok(()),
        }
    }

    fn start(&mut self, message: Option<&RawValue>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        let message = message.map(|raw| Members::parse(raw.get())).transpose()?.unwrap_or_default();
        let head = response::head(&message)?;
        self.usage_extras = usage::kept(Some(&head.extras)).unwrap_or_default();
        out.push(Event::Start(Start {
            id: head.id,
            model: head.model,
            usage: Some(self.tally.start(&usage::read(&message))),
            service_tier: head.service_tier,
            extras: (!head.extras.is_empty()).then_some((MESSAGES, head.extras)),
            ..Start::default()
        }));
        Ok(())
    }

    fn ensure_started(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start(Start::default()));
        }
    }

    fn open(&mut self, index: u64, block: &RawValue, out: &mut Vec<Event>) -> Result<(), Malformed> {
        self.close(index, out);
        let part = self.parts;
        let kind = match read_block(block, Side::Vendor)? {
            Part::Text(text) => opened_text(part, text, out),
            Part::Reasoning(reasoning) => opened_reasoning(part, reasoning, out),
            Part::ToolCall(call) => opened_call(part, call, out),
            whole => Kind::Gathered(Gathering::new(whole)),
        };
        if !matches!(kind, Kind::Gathered(_)) {
            next(&mut self.parts);
        }
        self.open.push(Open { index, part, kind });
        Ok(())
    }

    fn delta(&mut self, index: u64, raw: &RawValue, out: &mut Vec<Event>) -> Result<(), Malformed> {
        if let Some(Open { kind: Kind::Gathered(gathering), .. }) =
            self.open.iter_mut().find(|open| open.index == index)
        {
            gathering.add(raw);
            return Ok(());
        }
        let delta: WireDelta<'_> = serde_json::from_str(raw.get())
            .map_err(|_| Malformed::new("", "a piece of a block is of a wrong type"))?;
        let Some(piece) = piece(delta)? else { return Ok(()) };
        let Some(open) = self.at(index, &piece, out) else { return Ok(()) };
        if let Kind::Call { whole } = &mut open.kind {
            *whole = None;
        }
        out.push(Event::Delta { choice: 0, part: open.part, delta: piece });
        Ok(())
    }

    /// The open block of an index; prose that nobody announced opens with its first piece, and so does prose of
    /// another kind than the block that is open.
    fn at(&mut self, index: u64, piece: &Delta, out: &mut Vec<Event>) -> Option<&mut Open> {
        if !self.open.iter().any(|open| open.index == index && open.kind.takes(piece)) {
            let (kind, opens) = Kind::of(piece)?;
            self.close(index, out);
            let part = next(&mut self.parts);
            out.push(Event::PartStart { choice: 0, part, kind: opens });
            self.open.push(Open { index, part, kind });
        }
        self.open.iter_mut().find(|open| open.index == index)
    }

    fn close(&mut self, index: u64, out: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            closed(self.open.remove(at), &mut self.parts, out);
        }
    }

    fn message_delta(&mut self, frame: &Members<'_>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        self.ensure_started(out);
        let delta = frame.object("delta")?.unwrap_or_default();
        if let Some(reason) = response::stop_reason(&delta).map_err(|fault| fault.within("delta"))? {
            self.finish = Some(reason);
        }
        for (name, value) in delta.rest(&["stop_reason", "stop_sequence"]) {
            self.late_extras.insert(name, value);
        }
        for (name, value) in frame.rest(&["type", "delta", "usage"]) {
            self.late_extras.insert(name, value);
        }
        for (name, value) in usage::unmodelled(frame.raw("usage")) {
            self.usage_extras.insert(name, value);
            usage::keep(&self.usage_extras, &mut self.late_extras);
        }
        out.push(Event::Usage(self.tally.take(&usage::read(frame))));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.ended = true;
        if !self.started {
            out.push(Event::Start(Start::default()));
        }
        for open in self.open.drain(..) {
            closed(open, &mut self.parts, out);
        }
        let reason = self.finish.take().unwrap_or(FinishReason::Stop);
        out.push(Event::Finish { choice: 0, reason });
        let fields = std::mem::take(&mut self.late_extras);
        if !fields.is_empty() {
            out.push(Event::Extras { origin: MESSAGES, fields });
        }
        out.push(Event::End);
    }
}

fn opened_text(part: u32, text: Text, out: &mut Vec<Event>) -> Kind {
    out.push(Event::PartStart { choice: 0, part, kind: PartKind::Text });
    if !text.text.is_empty() {
        out.push(Event::Delta { choice: 0, part, delta: Delta::Text(text.text.into()) });
    }
    for citation in text.citations {
        out.push(Event::Delta { choice: 0, part, delta: Delta::Citation(Box::new(citation)) });
    }
    Kind::Text
}

fn opened_reasoning(part: u32, reasoning: Reasoning, out: &mut Vec<Event>) -> Kind {
    out.push(Event::PartStart { choice: 0, part, kind: PartKind::Reasoning { id: reasoning.id } });
    if !reasoning.text.is_empty() {
        out.push(Event::Delta { choice: 0, part, delta: Delta::Reasoning(reasoning.text) });
    }
    if let Some(state) = reasoning.opaque {
        out.push(Event::Delta { choice: 0, part, delta: Delta::Opaque(state) });
    }
    Kind::Thinking
}

fn opened_call(part: u32, call: ToolCall, out: &mut Vec<Event>) -> Kind {
    let kind =
        PartKind::ToolCall { id: call.id, item_id: call.item_id, name: call.name, custom: call.custom };
    out.push(Event::PartStart { choice: 0, part, kind });
    if let Some(state) = call.opaque {
        out.push(Event::Delta { choice: 0, part, delta: Delta::Opaque(state) });
    }
    Kind::Call { whole: Some(call.arguments) }
}

/// What a piece adds; `None` for empty ones and for kinds to come.
fn piece(delta: WireDelta<'_>) -> Result<Option<Delta>, Malformed> {
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(match delta.kind.as_ref() {
        "text_delta" => some(delta.text).map(Delta::Text),
        "thinking_delta" => some(delta.thinking).map(Delta::Reasoning),
        "input_json_delta" => some(delta.partial_json).map(Delta::Arguments),
        "signature_delta" => some(delta.signature)
            .map(|data| Delta::Opaque(Opaque { origin: MESSAGES, kind: OpaqueKind::Signature, data })),
        "citations_delta" => {
            let citation = delta.citation.map(read_citation).transpose()?;
            citation.map(|citation| Delta::Citation(Box::new(citation)))
        }
        _ => None,
    })
}

/// Takes the next part's number.
fn next(parts: &mut u32) -> u32 {
    let part = *parts;
    *parts = part.saturating_add(1);
    part
}

fn closed(open: Open, parts: &mut u32, out: &mut Vec<Event>) {
    let Open { mut part, kind, .. } = open;
    match kind {
        Kind::Text | Kind::Thinking | Kind::Call { whole: None } => {}
        Kind::Call { whole: Some(arguments) } => {
            out.push(Event::Delta { choice: 0, part, delta: Delta::Arguments(arguments) });
        }
        Kind::Gathered(gathering) => {
            let kind = PartKind::Whole(Box::new(gathering.finish()));
            part = next(parts);
            out.push(Event::PartStart { choice: 0, part, kind });
        }
    }
    out.push(Event::PartEnd { choice: 0, part });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the frames mean, each event shortened to what opens, is added and ends.
    fn told(frames: &[&str]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        for data in frames {
            decoder.push(Frame { event: None, data }, &mut out).expect("a frame of this format");
        }
        let shown = |event: &Event| match event {
            Event::PartStart { part, kind: PartKind::Whole(_), .. } => Some(format!("{part} whole")),
            Event::PartStart { part, kind, .. } => Some(format!("{part} {kind:?}")),
            Event::Delta { part, delta, .. } => Some(format!("{part} + {delta:?}")),
            Event::PartEnd { part, .. } => Some(format!("{part} ends")),
            _ => None,
        };
        out.iter().filter_map(shown).collect()
    }

    #[test]
    fn words_of_another_kind_than_their_block_become_a_part_of_their_own() {
        let frames = [
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
        ];
        let expected = ["0 Reasoning { id: None }", "0 ends", "1 Text", "1 + Text(\"hi\")", "1 ends"];
        assert_eq!(told(&frames), expected);
    }

    #[test]
    fn parts_count_up_when_blocks_overlap() {
        let frames = [
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"a"}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"b"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_stop","index":0}"#,
        ];
        assert_eq!(told(&frames), ["0 Text", "0 + Text(\"b\")", "0 ends", "1 whole", "1 ends"]);
    }
}
