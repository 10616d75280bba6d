//! Events to a client's lines. Words go on as they come; calls of tools wait until they are whole.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use llm_core::event::Start;
use llm_core::ingress::Took;
use llm_core::message::ToolCall;
use llm_core::{
    ChatRequest, Delta, Error, Event, EventEncoder, FinishReason, Part, PartKind, RawJson, RawObject, Usage,
};

use crate::response::{Done, Head, Said, Shape, line, own_extras, reason, said};
use crate::{CHAT, error};

/// Writes a canonical stream for a client.
#[derive(Debug)]
pub(crate) struct Encoder {
    shape: Shape,
    model: String,
    head: Option<Head>,
    /// Calls that are not whole yet, by their part's number.
    growing: BTreeMap<u32, ToolCall>,
    /// The paragraph of a summary that each part was in last.
    paragraphs: BTreeMap<u32, u32>,
    calls: usize,
    finish: Option<FinishReason>,
    usage: Usage,
    extras: RawObject,
    took: Option<Took>,
    done: bool,
}

impl Encoder {
    /// An encoder for the answer to a request.
    pub(crate) fn new(shape: Shape, request: &ChatRequest) -> Self {
        Self {
            shape,
            model: request.model.clone(),
            head: None,
            growing: BTreeMap::new(),
            paragraphs: BTreeMap::new(),
            calls: 0,
            finish: None,
            usage: Usage::default(),
            extras: RawObject::default(),
            took: None,
            done: false,
        }
    }

    fn start(&mut self, start: &Start) {
        let own = own_extras(start.extras.as_ref());
        self.head = Some(Head::new(&self.model, &start.model, start.created, own));
        for (name, value) in own.into_iter().flat_map(RawObject::iter) {
            self.extras.insert(name, value.clone());
        }
        if let Some(usage) = &start.usage {
            self.usage.update(usage);
        }
    }

    fn write(&mut self, said: &Said<'_>, logprobs: Option<&RawJson>, out: &mut BytesMut) {
        self.put(said, logprobs, None, out);
    }

    fn put(
        &mut self,
        said: &Said<'_>,
        logprobs: Option<&RawJson>,
        done: Option<&Done<'_>>,
        out: &mut BytesMut,
    ) {
        let head = self.head.get_or_insert_with(|| Head::new(&self.model, "", None, None));
        out.extend_from_slice(&line(self.shape, head, said, logprobs, done));
        out.extend_from_slice(b"\n");
    }

    fn open(&mut self, part: u32, kind: &PartKind, out: &mut BytesMut) {
        match kind {
            PartKind::ToolCall { id, name, custom, .. } => {
                let call = ToolCall { custom: *custom, ..ToolCall::new(id.as_str(), name.as_str(), "") };
                self.growing.insert(part, call);
            }
            PartKind::Whole(whole) => self.whole(whole, out),
            _ => {}
        }
    }

    fn whole(&mut self, part: &Part, out: &mut BytesMut) {
        if let Part::ToolCall(call) = part {
            return self.call(call, out);
        }
        let said = said(std::slice::from_ref(part));
        if !(said.text.is_empty() && said.images.is_empty() && said.thinking.is_none()) {
            self.write(&said, None, out);
        }
    }

    fn delta(&mut self, part: u32, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => {
                self.write(&Said { text: Cow::Borrowed(text), ..Said::default() }, None, out);
            }
            Delta::Reasoning(text) => self.think(Cow::Borrowed(text), out),
            Delta::ReasoningSummary { index, text } => {
                let last = self.paragraphs.insert(part, *index);
                let begins = last.is_some_and(|last| last != *index);
                let text =
                    if begins { Cow::Owned(format!("\n\n{text}")) } else { Cow::Borrowed(text.as_str()) };
                self.think(text, out);
            }
            Delta::Arguments(more) => {
                if let Some(call) = self.growing.get_mut(&part) {
                    call.arguments.push_str(more);
                }
            }
            Delta::Opaque(state) => {
                if let Some(call) = self.growing.get_mut(&part) {
                    call.opaque = Some(state.clone());
                }
            }
            _ => {}
        }
    }

    fn think(&mut self, text: Cow<'_, str>, out: &mut BytesMut) {
        self.write(&Said { thinking: Some(text), ..Said::default() }, None, out);
    }

    fn call(&mut self, call: &ToolCall, out: &mut BytesMut) {
        if self.shape == Shape::Generate {
            // Nobody can offer tools with a single prompt.
            return;
        }
        let calls = vec![crate::response::Call::new(self.calls, call)];
        self.calls += 1;
        self.write(&Said { calls, ..Said::default() }, None, out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        // Calls that were never closed are as whole as they will be.
        for call in std::mem::take(&mut self.growing).into_values() {
            self.call(&call, out);
        }
        self.done = true;
        let (finish, usage) = (self.finish.take(), self.usage);
        let extras = std::mem::take(&mut self.extras);
        let done =
            Done { reason: reason(finish.as_ref()), usage: &usage, extras: Some(&extras), took: self.took };
        self.put(&Said::default(), None, Some(&done), out);
    }
}

impl EventEncoder for Encoder {
    fn took(&mut self, took: Took) {
        self.took = Some(took);
    }

    /// This format has one choice; events of others are left out.
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        if self.done {
            return;
        }
        match event {
            Event::Start(start) => self.start(start),
            Event::PartStart { choice: 0, part, kind } => self.open(*part, kind, out),
            Event::Delta { choice: 0, part, delta } => self.delta(*part, delta, out),
            Event::PartEnd { choice: 0, part } => {
                if let Some(call) = self.growing.remove(part) {
                    self.call(&call, out);
                }
            }
            Event::Logprobs { choice: 0, raw } => self.write(&Said::default(), Some(raw), out),
            Event::Finish { choice: 0, reason } => self.finish = Some(reason.clone()),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Extras { origin: CHAT, fields } => {
                fields.iter().for_each(|(name, value)| self.extras.insert(name, value.clone()));
            }
            Event::Error(error) => {
                self.done = true;
                out.extend_from_slice(&error_line(error));
            }
            Event::End => self.end(out),
            _ => {}
        }
    }
}

/// An error as a line of a stream, which ends with it.
pub(crate) fn error_line(error: &Error) -> Bytes {
    [&error::body(error)[..], b"\n"].concat().into()
}
