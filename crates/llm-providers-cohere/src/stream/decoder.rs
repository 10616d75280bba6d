//! A vendor's frames to events.

use std::borrow::Cow;

use llm_core::event::{Refrain, Start};
use llm_core::message::{ForeignBlock, Opaque, OpaqueKind};
use llm_core::wire::Frame;
use llm_core::{
    Delta, Error, Event, FinishReason, Part, PartKind, RawJson, RawObject, Result, StreamDecoder, provider,
};
use serde::Deserialize;

use super::DONE;
use crate::wire::{Fields, Malformed};
use crate::{CHAT, citations, error, finish, logprobs, plan, response, usage};

/// Reads a vendor's stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    ended: bool,
    parts: u32,
    open: Vec<Open>,
    finish: Option<FinishReason>,
    homeless: Vec<RawJson>,
    /// Frames that only go on with a part.
    refrain: Refrain,
}

/// A part that has begun and not ended.
#[derive(Debug)]
struct Open {
    key: Key,
    part: u32,
    /// The vendor ended it; citations may still come.
    ended: bool,
}

/// What a part is to the vendor: blocks and calls are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Text(u64),
    Thinking(u64),
    Plan,
    Call(u64),
}

impl Key {
    fn is_block(self, index: u64) -> bool {
        matches!(self, Self::Text(at) | Self::Thinking(at) if at == index)
    }
}

/// A frame with its pieces unread.
#[derive(Deserialize)]
struct WireFrame<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    delta: Option<RawJson>,
    #[serde(default)]
    logprobs: Option<RawJson>,
}

/// What a piece may hold. Content and calls come as objects here and as empty arrays at the stream's start.
#[derive(Default)]
struct Piece {
    message: Fields,
}

impl Piece {
    fn read(delta: Option<&RawJson>) -> Result<Self, Malformed> {
        let delta = delta.map(|raw| Fields::parse(raw.get())).transpose()?.unwrap_or_default();
        Ok(Self { message: delta.object("message")?.unwrap_or_default() })
    }

    fn object(&self, name: &str) -> Result<Fields, Malformed> {
        Ok(self.message.object(name)?.unwrap_or_default())
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || self.refrain.again(frame, out) {
            return Ok(());
        }
        let from = out.len();
        if frame.data.trim() == DONE {
            return if self.finish.is_some() { self.end(out) } else { Err(provider::truncated()) };
        }
        let read: WireFrame<'_> = serde_json::from_str(frame.data).map_err(|_| {
            Error::bad_answer("the vendor's stream has a frame that is not of the chat format")
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
        self.end(out)
    }
}

impl Decoder {
    fn frame(&mut self, frame: &WireFrame<'_>, data: &str, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let kind = frame.kind.as_ref();
        if kind == "message-start" {
            self.start(frame.id.clone().unwrap_or_default(), out);
            return Ok(());
        }
        if kind.is_empty() {
            return self.untyped(data, out);
        }
        self.start(String::new(), out);
        if let Some(raw) = frame.logprobs.as_ref().and_then(logprobs::read_one) {
            out.push(Event::Logprobs { choice: 0, raw });
        }
        let index = frame.index.unwrap_or(0);
        let piece = || Piece::read(frame.delta.as_ref()).map_err(|fault| fault.within("delta"));
        match kind {
            "content-start" | "content-delta" => self.content(index, &piece()?, out),
            "content-end" => {
                self.block_ended(index);
                Ok(())
            }
            "tool-plan-delta" => self.plan(&piece()?, out),
            "tool-call-start" => self.call(index, &piece()?, out),
            "tool-call-delta" => self.arguments(index, &piece()?, out),
            "tool-call-end" => {
                self.close(|open| open.key == Key::Call(index), out);
                Ok(())
            }
            "citation-start" => self.citation(&piece()?, out),
            "message-end" => self.message_end(frame.delta.as_ref(), out),
            // Frames of kinds to come, and those that say nothing (`citation-end`).
            _ => Ok(()),
        }
    }

    /// A frame without a type is an error that something in between wrote, or nothing that we know.
    fn untyped(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let fields = Fields::parse(data)?;
        if error::is_error(&fields) {
            self.fail(&fields, out);
        }
        Ok(())
    }

    fn start(&mut self, id: String, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start(Start { id, ..Start::default() }));
        }
    }

    fn content(&mut self, index: u64, piece: &Piece, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let content = piece.object("content")?;
        let kind = content.text("type")?;
        let (text, thought) = (content.text("text")?, content.text("thinking")?);
        // Written by a gateway in front of another vendor, for its clients to bring back.
        let sealed = content.text("signature")?;
        let known = matches!(kind.as_deref(), None | Some("text" | "thinking"));
        if !known {
            return self.whole(piece, out);
        }
        let thinks =
            kind.as_deref() == Some("thinking") || kind.is_none() && (thought.is_some() || sealed.is_some());
        if thinks {
            let part = self.at(Key::Thinking(index), || PartKind::Reasoning { id: None }, out);
            self.add(part, thought, Delta::Reasoning, out);
            let state = |text: String| Delta::Opaque(Opaque::from_client(CHAT, OpaqueKind::Signature, &text));
            self.add(part, sealed, state, out);
        } else {
            let part = self.at(Key::Text(index), || PartKind::Text, out);
            self.add(part, text, Delta::Text, out);
        }
        Ok(())
    }

    /// A block of a kind to come.
    fn whole(&mut self, piece: &Piece, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let Some(raw) = piece.message.raw("content").cloned() else { return Ok(()) };
        let part = self.next();
        let kind = PartKind::Whole(Box::new(Part::Unknown(ForeignBlock { origin: CHAT, raw })));
        out.push(Event::PartStart { choice: 0, part, kind });
        out.push(Event::PartEnd { choice: 0, part });
        Ok(())
    }

    fn plan(&mut self, piece: &Piece, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let Some(text) = piece.message.text("tool_plan")?.filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        let opens = !self.open.iter().any(|open| open.key == Key::Plan);
        let part = self.at(Key::Plan, || PartKind::Reasoning { id: None }, out);
        if opens {
            // First of all, so that who writes the plan knows that it is one.
            out.push(Event::Delta { choice: 0, part, delta: Delta::Opaque(plan::mark()) });
        }
        self.add(part, Some(text), Delta::Reasoning, out);
        Ok(())
    }

    fn call(&mut self, index: u64, piece: &Piece, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let call = piece.object("tool_calls")?;
        let function = call.object("function")?.unwrap_or_default();
        let id = call.text("id")?.unwrap_or_default();
        let name = function.text("name")?.unwrap_or_default();
        let kind = || PartKind::ToolCall { id, item_id: None, name, custom: false };
        let part = self.at(Key::Call(index), kind, out);
        self.add(part, function.text("arguments")?, Delta::Arguments, out);
        Ok(())
    }

    fn arguments(&mut self, index: u64, piece: &Piece, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let function = piece.object("tool_calls")?.object("function")?.unwrap_or_default();
        let open = self.open.iter().find(|open| open.key == Key::Call(index)).map(|open| open.part);
        let Some(part) = open else { return self.call(index, piece, out) };
        self.add(part, function.text("arguments")?, Delta::Arguments, out);
        Ok(())
    }

    /// Hangs a citation on the text that it names, else on the last one that is open.
    fn citation(&mut self, piece: &Piece, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let Some(raw) = piece.message.raw("citations") else { return Ok(()) };
        let placed = citations::read(raw)?;
        let belongs = |key: Key| match (placed.block, key) {
            (Some(block), Key::Text(index)) => block == index,
            (None, Key::Text(_)) => true,
            _ => false,
        };
        match self.open.iter().rev().find(|open| belongs(open.key)).filter(|_| placed.of_text) {
            Some(open) => {
                let delta = Delta::Citation(Box::new(placed.citation));
                out.push(Event::Delta { choice: 0, part: open.part, delta });
            }
            None => self.homeless.push(raw.clone()),
        }
        Ok(())
    }

    fn message_end(&mut self, delta: Option<&RawJson>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.finish.is_some() {
            return Ok(());
        }
        let delta = delta.map(|raw| Fields::parse(raw.get())).transpose()?.unwrap_or_default();
        let mut extras = RawObject::default();
        response::keep_usage(delta.raw("usage"), &mut extras);
        response::keep_citations(&self.homeless, &mut extras);
        let used = usage::read(delta.raw("usage"));
        let reason = delta.text("finish_reason")?.unwrap_or_default();
        if finish::is_failure(&reason) || delta.raw("error").is_some() {
            if !used.is_empty() {
                out.push(Event::Usage(used));
            }
            self.fail(&delta, out);
            return Ok(());
        }
        self.close(|_| true, out);
        let reason = if reason.is_empty() { FinishReason::Stop } else { finish::read(&reason) };
        out.push(Event::Finish { choice: 0, reason: reason.clone() });
        if !used.is_empty() {
            out.push(Event::Usage(used));
        }
        if !extras.is_empty() {
            out.push(Event::Extras { origin: CHAT, fields: extras });
        }
        self.finish = Some(reason);
        Ok(())
    }

    fn fail(&mut self, report: &Fields, out: &mut Vec<Event>) {
        self.ended = true;
        out.push(Event::Error(error::of_stream(report)));
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<()> {
        self.ended = true;
        out.push(Event::End);
        Ok(())
    }

    /// The part of a key; opened when it is not, which closes the texts that the vendor has ended.
    fn at(&mut self, key: Key, kind: impl FnOnce() -> PartKind, out: &mut Vec<Event>) -> u32 {
        if let Some(open) = self.open.iter().find(|open| open.key == key) {
            return open.part;
        }
        self.close(|open| open.ended || matches!(open.key, Key::Plan), out);
        let part = self.next();
        out.push(Event::PartStart { choice: 0, part, kind: kind() });
        self.open.push(Open { key, part, ended: false });
        part
    }

    #[expect(clippy::unused_self, reason = "reads as a step of the decoder")]
    fn add(&self, part: u32, text: Option<String>, delta: fn(String) -> Delta, out: &mut Vec<Event>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            out.push(Event::Delta { choice: 0, part, delta: delta(text) });
        }
    }

    fn block_ended(&mut self, index: u64) {
        for open in self.open.iter_mut().filter(|open| open.key.is_block(index)) {
            open.ended = true;
        }
    }

    fn close(&mut self, which: impl Fn(&Open) -> bool, out: &mut Vec<Event>) {
        self.open.retain(|open| {
            let closes = which(open);
            if closes {
                out.push(Event::PartEnd { choice: 0, part: open.part });
            }
            !closes
        });
    }

    fn next(&mut self) -> u32 {
        let part = self.parts;
        self.parts = part.saturating_add(1);
        part
    }
}
