//! A stream of pictures, sound or transcripts that passes as it is, watched on the side.

use bytes::Bytes;
use llm_core::dialect::Seen;
use llm_core::framing;
use llm_core::provider::truncated;
use llm_core::wire::Framing;
use llm_core::{Result, StreamTap, Verdict};
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage;
use crate::error;

/// The state of a stream that passes.
#[derive(Debug, Default)]
pub(super) struct Tap {
    /// The event that says that the answer is complete went by.
    complete: bool,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        let Some(parsed) = framing::parse(Framing::Sse, frame)? else { return Ok(Verdict::Keep) };
        let (event, data) = (parsed.frame().event, parsed.frame().data);
        if data.trim() == "[DONE]" {
            seen.ended = true;
            return Ok(Verdict::Keep);
        }
        let failed = event == Some("error");
        if failed || is_of_interest(data) {
            self.read(data, failed, seen);
        }
        seen.content |= seen.error.is_none() && !data.is_empty();
        Ok(if seen.error.is_some() { Verdict::Drop } else { Verdict::Keep })
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        match &seen.error {
            Some(error) => Err(error.clone()),
            None if self.complete || seen.ended => Ok(Bytes::new()),
            None => Err(truncated()),
        }
    }
}

impl Tap {
    fn read(&mut self, data: &str, failed: bool, seen: &mut Seen) {
        let Ok(event) = serde_json::from_str::<Event<'_>>(data) else {
            seen.error = failed.then(|| error::classify_value(data));
            return;
        };
        let kind = event.r#type.map_or("", RawValue::get).trim_matches('"');
        if failed || kind == "error" || event.error.is_some() {
            seen.error = Some(error::classify_value(event.error.map_or(data, RawValue::get)));
            return;
        }
        self.complete |= kind.ends_with(".done") || kind.ends_with(".completed");
        if let Some(usage) = event.usage {
            seen.usage.update(&usage::read(usage));
        }
    }
}

/// Events with a piece of a picture are megabytes: nothing is read of them.
fn is_of_interest(data: &str) -> bool {
    let words: [&[u8]; 4] = [b"\"usage\"", b"\"error\"", b".done\"", b".completed\""];
    words.iter().any(|word| memmem::find(data.as_bytes(), word).is_some())
}
