//! A vendor's stream: a token in each frame, the whole text and the details in the last one.

use llm_core::event::Start;
use llm_core::wire::Frame;
use llm_core::{Delta, Error, Event, FinishReason, PartKind, Result, StreamDecoder, provider};
use serde::Deserialize;

use crate::error;
use crate::response::Details;

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    token: Option<Token>,
    #[serde(default)]
    generated_text: Option<String>,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    text: String,
    /// Marks of the model, such as the end of the text: no part of the answer.
    #[serde(default)]
    special: bool,
}

/// Reads a vendor's stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    ended: bool,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || frame.data.trim() == "[DONE]" {
            return Ok(());
        }
        if let Some(error) = error::in_place_of_answer(frame.data) {
            self.ended = true;
            out.push(Event::Error(error));
            return Ok(());
        }
        let step: Step = serde_json::from_str(frame.data).map_err(|_| {
            Error::bad_answer("the vendor's stream has a frame that is not of the text generation format")
        })?;
        self.step(step, out);
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<Event>) -> Result<()> {
        if self.ended { Ok(()) } else { Err(provider::truncated()) }
    }
}

impl Decoder {
    fn step(&mut self, step: Step, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start(Start::default()));
            out.push(Event::PartStart { choice: 0, part: 0, kind: PartKind::Text });
        }
        if let Some(token) = step.token.filter(|token| !token.special && !token.text.is_empty()) {
            out.push(Event::Delta { choice: 0, part: 0, delta: Delta::Text(token.text) });
        }
        let details = step.details.unwrap_or_default();
        if step.generated_text.is_none() && details.finish_reason.is_none() {
            return;
        }
        self.ended = true;
        out.push(Event::PartEnd { choice: 0, part: 0 });
        let reason = details.finish().unwrap_or(FinishReason::Stop);
        out.push(Event::Finish { choice: 0, reason });
        let usage = details.usage();
        if !usage.is_empty() {
            out.push(Event::Usage(usage));
        }
        out.push(Event::End);
    }
}
