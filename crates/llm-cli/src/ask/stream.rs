//! A streamed answer, piece by piece.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use llm_core::framing::{Splitter, parse};
use llm_core::wire::Framing;
use serde_json::Value;

use super::{Answer, reasoning};
use crate::backend::{Backend, Body, Reply};
use crate::failure::{Exit, Failure};

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// What the model says.
    Text(String),
    /// What it thinks.
    Reasoning(String),
}

/// An answer that is coming. Dropping it cancels the call.
pub(crate) struct Answering {
    body: Body,
    frames: Splitter,
    began: Instant,
    model: Option<String>,
    waiting: VecDeque<Piece>,
    is_done: bool,
    answer: Answer,
}

impl Answering {
    pub(super) fn new(reply: Reply, began: Instant, model: Option<String>) -> Self {
        Self {
            answer: Answer::of_headers(&reply.headers),
            body: reply.body,
            frames: Splitter::new(Framing::Sse),
            began,
            model,
            waiting: VecDeque::new(),
            is_done: false,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the stream tells of an error, or breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, Failure> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Ok(Some(piece));
            }
            if let Some(frame) = self.frames.next_frame() {
                self.take(&frame)?;
                continue;
            }
            if self.is_done {
                return Ok(None);
            }
            match self.body.chunk().await {
                Some(chunk) => self.frames.push(chunk?).map_err(|error| unread(&error))?,
                None => {
                    self.is_done = true;
                    if let Some(rest) = self.frames.take_rest() {
                        self.take(&rest)?;
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: &Bytes) -> Result<(), Failure> {
        let Some(parsed) = parse(Framing::Sse, frame).map_err(|error| unread(&error))? else { return Ok(()) };
        let data = parsed.frame().data.trim();
        if data == "[DONE]" {
            return Ok(());
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            return Err(Failure::new(Exit::Error, "the stream has an event that is no JSON"));
        };
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            let message = error["message"]
                .as_str()
                .or_else(|| error.as_str())
                .unwrap_or("the stream ended with an error");
            return Err(Failure::new(Exit::Error, message));
        }
        self.answer.take_model(&event);
        self.answer.take_usage(&event);
        if let Some(choice) = event["choices"].get(0) {
            self.choice(choice);
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Value) {
        let delta = &choice["delta"];
        if let Some(thought) = reasoning(delta).filter(|text| !text.is_empty()) {
            self.arrived();
            self.answer.reasoning.push_str(thought);
            self.waiting.push_back(Piece::Reasoning(thought.to_owned()));
        }
        let said = delta["content"].as_str().or_else(|| delta["refusal"].as_str());
        if let Some(said) = said.filter(|text| !text.is_empty()) {
            self.arrived();
            self.answer.text.push_str(said);
            self.waiting.push_back(Piece::Text(said.to_owned()));
        }
        for part in delta["tool_calls"].as_array().into_iter().flatten() {
            self.arrived();
            self.tool(part);
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.answer.finish = Some(finish.to_owned());
        }
    }

    /// A part of a call of a tool: its head, or more of its arguments.
    fn tool(&mut self, part: &Value) {
        let at = part["index"].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
        match self.answer.tool_calls.get_mut(at) {
            None => self.answer.tool_calls.push(part.clone()),
            Some(call) => {
                let more = part["function"]["arguments"].as_str().unwrap_or_default();
                let arguments = call["function"]["arguments"].as_str().unwrap_or_default().to_owned() + more;
                if let Some(function) = call.get_mut("function").and_then(Value::as_object_mut) {
                    function.insert("arguments".to_owned(), arguments.into());
                }
            }
        }
    }

    fn arrived(&mut self) {
        self.answer.first.get_or_insert_with(|| self.began.elapsed());
    }

    /// What came until now, as an answer that nobody asked the cost of.
    pub(crate) fn unpriced(mut self) -> Answer {
        self.answer.latency = self.began.elapsed();
        self.answer
    }

    /// What came until now, as an answer; the gateway is asked what it cost.
    pub(crate) async fn finish(mut self, backend: &Backend) -> Answer {
        self.answer.latency = self.began.elapsed();
        // A call that is still running ends here.
        drop(self.body);
        self.answer.price(backend, self.model.as_deref()).await;
        self.answer
    }
}

fn unread(error: &llm_core::Error) -> Failure {
    Failure::new(Exit::Error, error.message().replace("the vendor", "the gateway"))
}
