//! The watch over events that pass as they are.

use std::collections::BTreeMap;

use bytes::Bytes;
use llm_core::dialect::Verdict;
use llm_core::wire::Framing;
use llm_core::{Result, Seen, StreamTap, framing, provider};

use crate::wire::Answer;
use crate::{error, usage};

/// Watches a stream. Every event has the usage so far, so every event is read.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    /// Whether each choice has ended.
    choices: BTreeMap<u32, bool>,
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        let parsed = framing::parse(Framing::Sse, frame)?;
        let Some(read) = parsed.as_ref().map(framing::Parsed::frame) else { return Ok(Verdict::Keep) };
        if read.event == Some("error") {
            seen.error = Some(error::of_event(read.data));
            return Ok(Verdict::Keep);
        }
        if read.data.trim() == "[DONE]" {
            return Ok(Verdict::Keep);
        }
        match Answer::parse(read.data) {
            Ok(answer) => self.answer(&answer, seen),
            Err(error) if error.code().is_some() => seen.error = Some(error),
            Err(error) => return Err(error),
        }
        Ok(Verdict::Keep)
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        let complete = !self.choices.is_empty() && self.choices.values().all(|ended| *ended);
        if seen.error.is_none() && !complete {
            return Err(provider::truncated());
        }
        seen.ended = seen.error.is_none();
        Ok(Bytes::new())
    }
}

impl Tap {
    fn answer(&mut self, answer: &Answer, seen: &mut Seen) {
        for choice in &answer.choices {
            *self.choices.entry(choice.index).or_default() |= choice.finish.is_some();
            let message = &choice.message;
            let says = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
            seen.content |= says(&message.text)
                || says(&message.reasoning)
                || !message.calls.is_empty()
                || choice.finish.is_some();
        }
        if let Some(reason) = answer.choices.first().and_then(|choice| choice.finish.clone()) {
            seen.finish.get_or_insert(reason);
        }
        if let Some(report) = &answer.usage {
            seen.usage.update(&usage::read(report));
        }
    }
}
