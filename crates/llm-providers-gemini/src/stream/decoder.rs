//! A vendor's frames to events.

use std::collections::BTreeMap;

use llm_core::event::Start;
use llm_core::wire::Frame;
use llm_core::{Error, Event, FinishReason, RawObject, Result, StreamDecoder, Usage, provider};
use serde_json::value::RawValue;

use super::candidate::Candidate;
use crate::wire::{Malformed, Members, json};
use crate::{GENERATE, citations, error, response, usage};

/// Members of an answer that are modelled.
const MODELLED: &[&str] = &["candidates", "usageMetadata", "modelVersion", "responseId"];

/// Reads a vendor's stream. That an answer is complete shows only at the end of the stream: pieces may follow a piece
/// with a reason to finish.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    ended: bool,
    id: String,
    candidates: BTreeMap<u32, Candidate>,
    usage: Usage,
    usage_extras: RawObject,
    extras: RawObject,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || frame.data.trim() == "[DONE]" {
            return Ok(());
        }
        if frame.data.trim_start().starts_with('[') {
            let list: Vec<&RawValue> = serde_json::from_str(frame.data).map_err(|_| unreadable())?;
            return list.into_iter().try_for_each(|piece| self.frame(piece.get(), out));
        }
        self.frame(frame.data, out)
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let complete = self.candidates.values().all(|candidate| candidate.finish.is_some());
        if self.candidates.is_empty() || !complete {
            return Err(provider::truncated());
        }
        self.end(out);
        Ok(())
    }
}

pub(super) fn unreadable() -> Error {
    Error::bad_answer("the vendor's stream has a frame that is not of the Gemini format")
}

impl Decoder {
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let answer = Members::parse(data).map_err(|_| unreadable())?;
        if error::is_error(&answer) {
            self.ended = true;
            out.push(Event::Error(error::classify_event(data)));
            return Ok(());
        }
        self.answer(&answer, out).map_err(Malformed::of_vendor)
    }

    /// Takes an answer, or a piece of one, in.
    pub(crate) fn answer(&mut self, answer: &Members<'_>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        self.start(answer, out)?;
        let candidates = answer.array("candidates")?;
        if candidates.is_empty() && response::is_blocked(answer) {
            self.candidate(0).finish = Some(FinishReason::ContentFilter);
        }
        for (at, raw) in candidates.into_iter().enumerate() {
            let inside = |fault: Malformed| fault.within(at).within("candidates");
            let piece = Members::parse(raw.get()).map_err(inside)?;
            let index = piece.count("index").ok().flatten().and_then(|index| u32::try_from(index).ok());
            let searches = citations::searches(&piece);
            let id = self.id.clone();
            self.candidate(index.unwrap_or(0)).take(&piece, &id, out).map_err(inside)?;
            self.usage.web_searches = searches.or(self.usage.web_searches);
        }
        self.usage(answer, out)?;
        for (name, value) in answer.rest(MODELLED) {
            self.extras.insert(name, value);
        }
        Ok(())
    }

    fn candidate(&mut self, index: u32) -> &mut Candidate {
        self.candidates.entry(index).or_insert_with(|| Candidate::new(index))
    }

    fn start(&mut self, answer: &Members<'_>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        self.id = answer.text("responseId")?.unwrap_or_default();
        let metadata = answer.object("usageMetadata").ok().flatten().unwrap_or_default();
        out.push(Event::Start(Start {
            id: self.id.clone(),
            model: answer.text("modelVersion")?.unwrap_or_default(),
            service_tier: metadata.word("serviceTier"),
            ..Start::default()
        }));
        Ok(())
    }

    fn usage(&mut self, answer: &Members<'_>, out: &mut Vec<Event>) -> Result<(), Malformed> {
        let metadata = answer.object("usageMetadata").ok().flatten().unwrap_or_default();
        self.usage.update(&usage::read(&metadata));
        for (name, value) in usage::unmodelled(answer.raw("usageMetadata")) {
            self.usage_extras.insert(name, value);
        }
        if !self.usage.is_empty() {
            out.push(Event::Usage(self.usage));
        }
        Ok(())
    }

    /// A whole answer ends where it ends, whether or not it says why.
    pub(crate) fn end_of_whole(&mut self, out: &mut Vec<Event>) -> Result<(), Malformed> {
        if self.candidates.is_empty() && self.usage.is_empty() {
            return Err(Malformed::new("candidates", "field required"));
        }
        if self.candidates.is_empty() {
            // Nothing was answered, but counted.
            self.candidate(0).finish = Some(FinishReason::Other("OTHER".to_owned()));
        }
        self.end(out);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.ended = true;
        for candidate in self.candidates.values_mut() {
            candidate.end(out);
        }
        if self.candidates.values().any(|candidate| !candidate.kept.is_empty()) {
            let kept: Vec<&RawObject> = self.candidates.values().map(|candidate| &candidate.kept).collect();
            self.extras.insert("candidates", json(&kept));
        }
        usage::keep(&self.usage_extras, &mut self.extras);
        let fields = std::mem::take(&mut self.extras);
        if !fields.is_empty() {
            out.push(Event::Extras { origin: GENERATE, fields });
        }
        out.push(Event::End);
    }
}

#[cfg(test)]
mod tests {
    use llm_core::event::Fold;

    use super::*;

    fn told(frames: &[&str]) -> Result<llm_core::ChatResponse> {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        for data in frames {
            decoder.push(Frame { event: None, data }, &mut out)?;
        }
        decoder.finish(&mut out)?;
        let mut fold = Fold::default();
        out.into_iter().for_each(|event| fold.push(event));
        fold.finish()
    }

    const LAST: &str = r#"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"s2"}]},"finishReason":"STOP"}]}"#;

    #[test]
    fn pieces_of_a_kind_are_one_part_and_signatures_follow_theirs() {
        let frames = [
            r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}],"responseId":"r"}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"b"},{"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"s1"}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"c"}]}}]}"#,
            LAST,
        ];
        let parts = told(&frames).expect("complete").choices.remove(0).message.parts;
        let kinds: Vec<_> = parts.iter().map(llm_core::Part::kind_name).collect();
        assert_eq!(kinds, ["reasoning", "text", "tool call", "text", "reasoning"]);
        assert_eq!(parts.get(1).and_then(llm_core::Part::as_text), Some("ab"));
    }

    #[test]
    fn an_error_in_the_stream_ends_it_also_inside_an_array() {
        let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
        for frame in [error.to_owned(), format!("[{error}]")] {
            let fault = told(&[&frame, LAST]).expect_err("failed");
            assert_eq!(fault.kind(), llm_core::ErrorKind::Overloaded);
        }
    }

    #[test]
    fn a_refused_prompt_is_an_answer_and_a_stream_without_a_reason_is_cut() {
        let refused =
            told(&[r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#]).expect("an answer");
        assert_eq!(
            refused.choices.first().and_then(|choice| choice.finish.clone()),
            Some(FinishReason::ContentFilter)
        );
        let cut = told(&[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#]).expect_err("cut");
        assert_eq!(cut.kind(), llm_core::ErrorKind::Truncated);
        assert_eq!(told(&[]).expect_err("nothing").kind(), llm_core::ErrorKind::Truncated);
    }
}
