//! The watch over lines that pass as they are.

use bytes::Bytes;
use llm_core::dialect::{Seen, TapOptions, Verdict};
use llm_core::{Envelope, Error, RawJson, Result, StreamTap, provider};
use memchr::memmem;

use crate::{error, response};

/// Watches a stream: usage, the end and errors on the side, the model's name in passing.
#[derive(Debug)]
pub(crate) struct Tap {
    /// The public name as JSON.
    model: Option<Bytes>,
    calls: bool,
}

impl Tap {
    pub(crate) fn new(options: &TapOptions) -> Self {
        let model = options.public_model.as_deref().map(|name| RawJson::string(name).get().to_owned().into());
        Self { model, calls: false }
    }

    fn read(&mut self, envelope: &Envelope, line: &[u8], seen: &mut Seen) {
        self.calls |= memmem::find(line, b"\"tool_calls\"").is_some();
        seen.content |= self.calls || says_something(envelope, line);
        if envelope.value(line, "done") != Some("true") {
            return;
        }
        let count = |key| envelope.read::<i64>(line, key).ok().flatten();
        let reason = envelope.string(line, "done_reason").ok().flatten();
        seen.usage.update(&response::usage(count("prompt_eval_count"), count("eval_count")));
        seen.finish = Some(response::finish(reason.as_deref(), self.calls));
        seen.content = true;
        seen.ended = true;
    }

    /// The line with the public model name in it.
    fn renamed(&self, envelope: &Envelope, frame: &[u8], line: &[u8]) -> Option<Bytes> {
        let name = self.model.as_ref()?;
        let range = envelope.range(line, "model")?;
        let (before, old, after) =
            (line.get(..range.start)?, line.get(range.clone())?, line.get(range.end..)?);
        let end: &[u8] = if frame.ends_with(b"\n") { b"\n" } else { b"" };
        (old != name).then(|| [before, name, after, end].concat().into())
    }
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        let line = frame.trim_ascii();
        if line.is_empty() || seen.ended || seen.error.is_some() {
            return Ok(Verdict::Drop);
        }
        let envelope = Envelope::scan(line).map_err(|_| unreadable())?;
        if let Some(error) = envelope.value(line, "error").filter(|error| *error != "null") {
            seen.error = Some(error::in_answer(error));
            return Ok(Verdict::Drop);
        }
        self.read(&envelope, line, seen);
        Ok(self.renamed(&envelope, frame, line).map_or(Verdict::Keep, Verdict::Replace))
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        match &seen.error {
            Some(error) => Err(error.clone()),
            None if seen.ended => Ok(Bytes::new()),
            None => Err(provider::truncated()),
        }
    }
}

/// Whether a line has words or thoughts in it.
fn says_something(envelope: &Envelope, line: &[u8]) -> bool {
    let filled = |envelope: &Envelope, body: &[u8], key| {
        envelope.value(body, key).is_some_and(|text| !matches!(text, "\"\"" | "null"))
    };
    if filled(envelope, line, "response") || filled(envelope, line, "thinking") {
        return true;
    }
    let message = envelope.bytes(line, "message").unwrap_or_default();
    Envelope::scan(message)
        .is_ok_and(|inner| ["content", "thinking", "images"].iter().any(|key| filled(&inner, message, key)))
}

fn unreadable() -> Error {
    Error::bad_answer("the vendor's stream has a line that cannot be read")
}
