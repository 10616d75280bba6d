//! The watch over frames that pass as they are.

use bytes::Bytes;
use llm_core::dialect::{TapOptions, Verdict};
use llm_core::wire::Framing;
use llm_core::{Envelope, RawJson, Result, Seen, StreamTap, framing, provider};
use memchr::memmem;

use super::decoder::unreadable;
use crate::wire::Members;
use crate::{error, response};

/// Watches a stream: usage, the end and errors on the side, the model's name in passing. Every frame of this format
/// tells all of that, so every frame is scanned once.
#[derive(Debug)]
pub(crate) struct Tap {
    options: TapOptions,
}

impl Tap {
    pub(crate) fn new(options: TapOptions) -> Self {
        Self { options }
    }
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        let Some(parsed) = framing::parse(Framing::Sse, frame)? else { return Ok(Verdict::Keep) };
        let data = parsed.frame().data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(Verdict::Keep);
        }
        if data.starts_with('[') {
            seen.error = Some(error::classify_event(data));
            return Ok(Verdict::Keep);
        }
        let answer = Members::parse(data).map_err(|_| unreadable())?;
        if error::is_error(&answer) {
            seen.error = Some(error::classify_event(data));
            return Ok(Verdict::Keep);
        }
        let (usage, finish) = response::metered(&answer);
        seen.usage.update(&usage);
        seen.finish = finish.or(seen.finish.take());
        seen.content |= seen.finish.is_some() || memmem::find(frame, b"\"parts\"").is_some();
        let name = self.options.public_model.as_deref();
        Ok(name.and_then(|name| renamed(frame, data, name)).map_or(Verdict::Keep, Verdict::Replace))
    }

    /// The format has no terminator; a stream is complete that gave a reason to finish.
    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        if seen.error.is_none() && seen.finish.is_none() {
            return Err(provider::truncated());
        }
        seen.ended = seen.error.is_none();
        Ok(Bytes::new())
    }
}

/// The frame with `modelVersion` set to a name.
fn renamed(frame: &[u8], data: &str, name: &str) -> Option<Bytes> {
    // Data in one line stands in the frame as it is; else the frame is written anew, and line ends inside JSON are
    // white space.
    let (head, tail) = match memmem::find(frame, data.as_bytes()) {
        Some(at) => (frame.get(..at)?, frame.get(at + data.len()..)?),
        None => (&b"data: "[..], &b"\r\n\r\n"[..]),
    };
    let body = data.replace(['\n', '\r'], " ");
    let body = body.as_bytes();
    let model = Envelope::scan(body).ok()?.range(body, "modelVersion")?;
    let name = RawJson::string(name);
    Some(
        [head, body.get(..model.start)?, name.get().as_bytes(), body.get(model.end..)?, tail].concat().into(),
    )
}
