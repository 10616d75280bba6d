//! A vendor's events to canonical ones. There is no terminator: the stream ends when every choice said why.

use std::collections::BTreeMap;

use llm_core::event::Start;
use llm_core::message::Citation;
use llm_core::wire::Frame;
use llm_core::{Event, RawObject, Result, StreamDecoder, provider};

use super::state::{Choice, Step};
use super::told::Mode;
use crate::message::citation;
use crate::wire::Answer;
use crate::{GENERATION, error, usage};

/// Reads a vendor's stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    request_id: String,
    mode: Mode,
    started: bool,
    ended: bool,
    choices: BTreeMap<u32, Choice>,
    citations: Vec<Citation>,
    extras: RawObject,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || frame.data.trim() == "[DONE]" {
            return Ok(());
        }
        if frame.event == Some("error") {
            self.fail(error::of_event(frame.data), out);
            return Ok(());
        }
        match Answer::parse(frame.data) {
            Ok(answer) => self.answer(answer, out),
            // An error that the vendor tells, not a frame that cannot be read.
            Err(error) if error.code().is_some() => self.fail(error, out),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        if self.choices.is_empty() || self.choices.values().any(|choice| !choice.finished) {
            return Err(provider::truncated());
        }
        self.ended = true;
        let fields = std::mem::take(&mut self.extras);
        if !fields.is_empty() {
            out.push(Event::Extras { origin: GENERATION, fields });
        }
        out.push(Event::End);
        Ok(())
    }
}

impl Decoder {
    fn answer(&mut self, answer: Answer, out: &mut Vec<Event>) {
        self.start(&answer.request_id, out);
        for (name, value) in answer.extras {
            self.extras.insert(name, value);
        }
        // Later events repeat what the first one found.
        let known = self.citations.len();
        self.citations.extend(answer.search_results.iter().skip(known).map(citation));
        for wire in answer.choices {
            let first = self.choices.first_key_value().is_none_or(|(number, _)| *number == wire.index);
            let choice = self.choices.entry(wire.index).or_insert_with(|| Choice::new(wire.index));
            let citations = if first { self.citations.as_slice() } else { &[] };
            let mode = &mut self.mode;
            choice.step(wire, &mut Step { request_id: &self.request_id, citations, mode, out });
        }
        if let Some(report) = answer.usage {
            out.push(Event::Usage(usage::read(&report)));
        }
    }

    fn start(&mut self, request_id: &str, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            request_id.clone_into(&mut self.request_id);
            out.push(Event::Start(Start { id: request_id.to_owned(), ..Start::default() }));
        }
    }

    fn fail(&mut self, error: llm_core::Error, out: &mut Vec<Event>) {
        self.ended = true;
        out.push(Event::Error(error));
    }
}
