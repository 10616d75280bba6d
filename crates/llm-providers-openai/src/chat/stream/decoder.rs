//! A vendor's stream read into events.

use std::borrow::Cow;
use std::collections::BTreeMap;

use llm_core::event::{Refrain, Start};
use llm_core::json::complaint;
use llm_core::provider::truncated;
use llm_core::wire::Frame;
use llm_core::{Delta, Error, Event, FinishReason, Result, StreamDecoder};

use super::parts::Parts;
use crate::chat::CHAT;
use crate::chat::answer::{WireAnswer, WireChoice};
use crate::chat::fields::Object;
use crate::error;

/// The state of a stream that is being read.
#[derive(Default)]
pub(crate) struct Decoder {
    completion_excludes_reasoning: bool,
    /// The answer's id once the start was told.
    started: Option<String>,
    choices: BTreeMap<u32, ChoiceState>,
    /// Chunks that only go on with a text.
    refrain: Refrain,
    /// Nothing more is said after an error or the end.
    done: bool,
}

#[derive(Default)]
struct ChoiceState {
    parts: Parts,
    finished: bool,
}

impl Decoder {
    pub(crate) fn new(completion_excludes_reasoning: bool) -> Self {
        Self { completion_excludes_reasoning, ..Self::default() }
    }

    fn chunk(&mut self, mut chunk: WireAnswer<'_>, out: &mut Vec<Event>) {
        let choices = chunk.choices.take().unwrap_or_default();
        let usage = chunk.usage(self.completion_excludes_reasoning);
        // The first chunk of some vendors only holds filter results and blank names.
        if chunk.id.is_some() || !choices.is_empty() {
            self.start(chunk, out);
        }
        for (number, choice) in (0..).zip(choices) {
            self.choice(choice, number, out);
        }
        if let Some(usage) = usage {
            out.push(Event::Usage(usage));
        }
    }

    fn start(&mut self, chunk: WireAnswer<'_>, out: &mut Vec<Event>) {
        if self.started.is_some() {
            return;
        }
        let id = chunk.id.unwrap_or_default().into_owned();
        self.started = Some(id.clone());
        out.push(Event::Start(Start {
            id,
            model: chunk.model.unwrap_or_default().into_owned(),
            created: chunk.created.filter(|created| *created > 0),
            usage: None,
            service_tier: chunk.service_tier.map(Cow::into_owned),
            system_fingerprint: chunk.system_fingerprint.map(Cow::into_owned),
            extras: (!chunk.extras.is_empty()).then_some((CHAT, chunk.extras)),
        }));
    }

    fn choice(&mut self, mut choice: WireChoice<'_>, number: u32, out: &mut Vec<Event>) {
        let index = choice.index.unwrap_or(number);
        let answer = self.started.as_deref().unwrap_or_default();
        let state = self.choices.entry(index).or_default();
        if state.finished {
            return;
        }
        let finish = choice.finish();
        let logprobs = choice.logprobs.take();
        state.parts.delta(choice.delta(), index, answer, out);
        out.extend(logprobs.map(|raw| Event::Logprobs { choice: index, raw }));
        if let Some(reason) = finish {
            state.finish(reason, index, out);
        }
    }

    /// The terminator went by, or the stream ended after every choice did.
    fn end(&mut self, out: &mut Vec<Event>) {
        for (index, state) in &mut self.choices {
            if !state.finished {
                let reason =
                    if state.parts.has_calls() { FinishReason::ToolCalls } else { FinishReason::Stop };
                state.finish(reason, *index, out);
            }
        }
        out.push(Event::End);
        self.done = true;
    }
}

impl ChoiceState {
    fn finish(&mut self, reason: FinishReason, index: u32, out: &mut Vec<Event>) {
        self.parts.close(index, out);
        out.push(Event::Finish { choice: index, reason });
        self.finished = true;
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.done || self.refrain.again(frame, out) {
            return Ok(());
        }
        let from = out.len();
        self.read(frame, out)?;
        // Thinking is gathered, and so are arguments.
        let is_text = |delta: &Delta| matches!(delta, Delta::Text(_));
        self.refrain.learn(frame, out.get(from..).unwrap_or_default(), &["obfuscation", "p"], is_text);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.done {
            return Ok(());
        }
        let complete = !self.choices.is_empty() && self.choices.values().all(|state| state.finished);
        if !complete {
            return Err(truncated());
        }
        self.end(out);
        Ok(())
    }
}

impl Decoder {
    fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        let data = frame.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        if data == "[DONE]" {
            if self.choices.is_empty() {
                return Err(truncated());
            }
            self.end(out);
            return Ok(());
        }
        let mut read: serde_json::Result<Object<WireAnswer<'_>>> = serde_json::from_str(data);
        let failed = match &read {
            Ok(Object(chunk)) => chunk.error(),
            Err(_) => None,
        };
        if failed.is_some() || frame.event == Some("error") {
            self.done = true;
            if let Ok(Object(chunk)) = &mut read {
                out.extend(chunk.usage(self.completion_excludes_reasoning).map(Event::Usage));
            }
            out.push(Event::Error(failed.unwrap_or_else(|| error::classify_value(data))));
            return Ok(());
        }
        match read {
            Ok(Object(chunk)) => self.chunk(chunk, out),
            Err(fault) => {
                return Err(Error::bad_answer(format!(
                    "the vendor's stream has a chunk that cannot be read: {}",
                    complaint(&fault)
                )));
            }
        }
        Ok(())
    }
}
