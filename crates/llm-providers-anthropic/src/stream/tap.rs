//! The watch over frames that pass as they are.

use bytes::Bytes;
use llm_core::dialect::{TapOptions, Verdict};
use llm_core::framing;
use llm_core::wire::Framing;
use llm_core::{Envelope, Error, RawJson, Result, Seen, StreamTap, provider};
use memchr::memmem;

use super::frames::MESSAGE_STOP;
use crate::usage::{self, Tally};
use crate::wire::{Malformed, Members};
use crate::{error, response};

/// Watches a stream: usage, the end and errors on the side, the model's name in passing.
#[derive(Debug)]
pub(crate) struct Tap {
    options: TapOptions,
    tally: Tally,
    failed: bool,
    /// Whether the last frame came with its blank line.
    terminated: bool,
}

impl Tap {
    pub(crate) fn new(options: TapOptions) -> Self {
        Self { options, tally: Tally::default(), failed: false, terminated: true }
    }
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        self.terminated = ends_with_blank_line(frame);
        if framing::is_no_object(frame) {
            return Err(unreadable());
        }
        match kind(frame)? {
            Kind::Delta => seen.content = true,
            Kind::BlockStart => seen.content |= opens_with_content(frame),
            Kind::Start => return self.start(frame, seen),
            Kind::MessageDelta => self.message_delta(frame, seen)?,
            Kind::Stop => seen.ended = true,
            Kind::Error => {
                self.failed = true;
                seen.error = Some(error::classify_event(&data(frame)?.unwrap_or_default()));
            }
            Kind::Other => {}
        }
        Ok(Verdict::Keep)
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        if seen.ended || self.failed {
            return Ok(Bytes::new());
        }
        if seen.finish.is_none() {
            return Err(provider::truncated());
        }
        seen.ended = true;
        let gap: &[u8] = if self.terminated { b"" } else { b"\n\n" };
        Ok([gap, MESSAGE_STOP].concat().into())
    }
}

impl Tap {
    fn start(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        let Some(text) = data(frame)? else { return Ok(Verdict::Keep) };
        let members = Members::parse(&text).map_err(Malformed::of_vendor)?;
        let message = members.object("message").map_err(Malformed::of_vendor)?.unwrap_or_default();
        let report = usage::read(&message);
        seen.usage = self.tally.start(&report);
        let Some(name) = &self.options.public_model else { return Ok(Verdict::Keep) };
        Ok(renamed(frame, &text, name).map_or(Verdict::Keep, Verdict::Replace))
    }

    fn message_delta(&mut self, frame: &[u8], seen: &mut Seen) -> Result<()> {
        let Some(text) = data(frame)? else { return Ok(()) };
        let members = Members::parse(&text).map_err(Malformed::of_vendor)?;
        seen.usage = self.tally.take(&usage::read(&members));
        let delta = members.object("delta").map_err(Malformed::of_vendor)?.unwrap_or_default();
        if let Some(reason) = response::stop_reason(&delta).map_err(Malformed::of_vendor)? {
            seen.finish = Some(reason);
            seen.content = true;
        }
        Ok(())
    }
}

/// What a frame is about.
enum Kind {
    Start,
    BlockStart,
    Delta,
    MessageDelta,
    Stop,
    Error,
    Other,
}

impl Kind {
    fn named(name: &str) -> Self {
        match name {
            "message_start" => Self::Start,
            "content_block_start" => Self::BlockStart,
            "content_block_delta" => Self::Delta,
            "message_delta" => Self::MessageDelta,
            "message_stop" => Self::Stop,
            "error" => Self::Error,
            _ => Self::Other,
        }
    }
}

/// Reads the kind off the event's name where the frame begins with it, as vendors of this format write it; else
/// off the data.
fn kind(frame: &[u8]) -> Result<Kind> {
    if let Some(rest) = frame.strip_prefix(b"event:") {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let name = std::str::from_utf8(rest.get(..end).unwrap_or_default()).unwrap_or_default();
        return Ok(Kind::named(name.trim()));
    }
    let Some(text) = data(frame)? else { return Ok(Kind::Other) };
    // Some gateways end any stream with this word.
    if text.trim() == "[DONE]" {
        return Ok(Kind::Other);
    }
    let Ok(members) = Members::parse(&text) else { return Err(unreadable()) };
    let named = members.text("type").ok().flatten();
    let fallback = || if members.raw("error").is_some() { Kind::Error } else { Kind::Other };
    Ok(named.map_or_else(fallback, |name| Kind::named(&name)))
}

fn unreadable() -> Error {
    Error::bad_answer("the vendor's stream has a frame that is not of the Messages format")
}

fn data(frame: &[u8]) -> Result<Option<String>> {
    let parsed = framing::parse(Framing::Sse, frame)?;
    Ok(parsed.map(|parsed| parsed.frame().data.to_owned()))
}

/// Whether a block's start is already part of the answer: prose begins empty.
fn opens_with_content(frame: &[u8]) -> bool {
    !(memmem::find(frame, b"\"text\":\"\"").is_some() || memmem::find(frame, b"\"thinking\":\"\"").is_some())
}

fn ends_with_blank_line(frame: &[u8]) -> bool {
    let ends: [&[u8]; 4] = [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"];
    ends.iter().any(|end| frame.ends_with(end))
}

/// The frame with `message.model` set to a name.
fn renamed(frame: &[u8], data: &str, name: &str) -> Option<Bytes> {
    // Data in one line stands in the frame as it is; else the frame is written anew, and line ends inside JSON
    // are white space.
    let (head, tail) = match memmem::find(frame, data.as_bytes()) {
        Some(at) => (frame.get(..at)?, frame.get(at + data.len()..)?),
        None => (&b"event: message_start\ndata: "[..], &b"\n\n"[..]),
    };
    let data = data.replace(['\n', '\r'], " ");
    let body = data.as_bytes();
    let message = Envelope::scan(body).ok()?.range(body, "message")?;
    let inner = body.get(message.clone())?;
    let model = Envelope::scan(inner).ok()?.range(inner, "model")?;
    let (from, to) = (message.start + model.start, message.start + model.end);
    let name = RawJson::string(name);
    Some([head, body.get(..from)?, name.get().as_bytes(), body.get(to..)?, tail].concat().into())
}
