//! The watch over frames that pass as they are. Streams of this format do not name their model.

use std::borrow::Cow;

use bytes::Bytes;
use llm_core::dialect::Verdict;
use llm_core::framing;
use llm_core::wire::Framing;
use llm_core::{Error, Result, Seen, StreamTap, provider};
use serde::Deserialize;

use super::DONE;
use crate::wire::{Fields, Malformed};
use crate::{error, finish, usage};

/// Watches a stream: usage, the end and errors on the side.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    failed: bool,
    /// Whether the last frame came without its blank line.
    open: bool,
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        self.open = !ends_with_blank_line(frame);
        if framing::is_no_object(frame) {
            return Err(unreadable());
        }
        match kind(frame)?.as_ref() {
            "content-delta" | "tool-plan-delta" | "tool-call-start" | "tool-call-delta"
            | "citation-start" => {
                seen.content = true;
            }
            "message-end" => self.message_end(frame, seen)?,
            DONE => seen.ended = seen.finish.is_some() && !self.failed,
            "error" => self.fail(&Fields::parse(&data(frame)?.unwrap_or_default()), seen),
            _ => {}
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
        let gap = if self.open { "\n\n" } else { "" };
        Ok(format!("{gap}data: {DONE}\n\n").into())
    }
}

impl Tap {
    fn message_end(&mut self, frame: &[u8], seen: &mut Seen) -> Result<()> {
        let Some(text) = data(frame)? else { return Ok(()) };
        let fields = Fields::parse(&text).map_err(Malformed::of_vendor)?;
        let delta = fields.object("delta").map_err(Malformed::of_vendor)?.unwrap_or_default();
        seen.usage.update(&usage::read(delta.raw("usage")));
        let reason = delta.text("finish_reason").map_err(Malformed::of_vendor)?.unwrap_or_default();
        if finish::is_failure(&reason) || delta.raw("error").is_some() {
            self.fail(&Ok(delta), seen);
            return Ok(());
        }
        let stop = llm_core::FinishReason::Stop;
        seen.finish = Some(if reason.is_empty() { stop } else { finish::read(&reason) });
        seen.content = true;
        Ok(())
    }

    fn fail(&mut self, report: &Result<Fields, Malformed>, seen: &mut Seen) {
        self.failed = true;
        let error = report.as_ref().map(error::of_stream);
        seen.error = Some(error.unwrap_or_else(|_| unreadable()));
    }
}

/// Reads the kind off the event's name where the frame begins with it, as the vendor writes it; else off the data.
fn kind(frame: &[u8]) -> Result<Cow<'_, str>> {
    if let Some(rest) = frame.strip_prefix(b"event:") {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let name = std::str::from_utf8(rest.get(..end).unwrap_or_default()).unwrap_or_default();
        return Ok(Cow::Borrowed(name.trim()));
    }
    let Some(text) = data(frame)? else { return Ok(Cow::Borrowed("")) };
    if text.trim() == DONE {
        return Ok(Cow::Borrowed(DONE));
    }
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type", default)]
        kind: Option<String>,
    }
    let typed: Typed = serde_json::from_str(&text).map_err(|_| unreadable())?;
    if let Some(kind) = typed.kind {
        return Ok(Cow::Owned(kind));
    }
    let is_error = Fields::parse(&text).is_ok_and(|fields| error::is_error(&fields));
    Ok(Cow::Borrowed(if is_error { "error" } else { "" }))
}

fn unreadable() -> Error {
    Error::bad_answer("the vendor's stream has a frame that is not of the chat format")
}

fn data(frame: &[u8]) -> Result<Option<String>> {
    let parsed = framing::parse(Framing::Sse, frame)?;
    Ok(parsed.map(|parsed| parsed.frame().data.to_owned()))
}

fn ends_with_blank_line(frame: &[u8]) -> bool {
    let ends: [&[u8]; 4] = [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"];
    ends.iter().any(|end| frame.ends_with(end))
}
