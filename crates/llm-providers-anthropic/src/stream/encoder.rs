//! Events to a client's frames. This format writes one block after the other, so that parts that grow at the
//! same time wait for each other.

use std::collections::VecDeque;

use bytes::BytesMut;
use llm_core::event::Start;
use llm_core::{ChatRequest, Delta, Event, EventEncoder, FinishReason, PartKind, RawJson, RawObject, Usage};

use super::frames::{Frame, MessageDelta, error_frame};
use super::slot::{Slot, Writer};
use crate::response::{message_id, own_extras, shown_model};
use crate::wire::ObjectWriter;
use crate::{MESSAGES, finish, usage};

/// Writes a canonical stream for a client.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The client's request, for the model's name that it knows.
    model: String,
    started: bool,
    done: bool,
    next_index: u32,
    /// Parts that have begun, the first one open for the client.
    slots: VecDeque<Slot>,
    content: finish::Content,
    finish: Option<FinishReason>,
    usage: Usage,
    late_extras: RawObject,
}

impl Encoder {
    /// An encoder for the answer to a request.
    pub(crate) fn new(request: &ChatRequest) -> Self {
        Self {
            model: request.model.clone(),
            started: false,
            done: false,
            next_index: 0,
            slots: VecDeque::new(),
            content: finish::Content::default(),
            finish: None,
            usage: Usage::default(),
            late_extras: RawObject::default(),
        }
    }
}

impl EventEncoder for Encoder {
    /// This format has one choice; events of others are left out.
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        if self.done {
            return;
        }
        match event {
            Event::Start(start) => self.start(start, out),
            Event::PartStart { choice: 0, part, kind } => self.part_start(*part, kind, out),
            Event::Delta { choice: 0, part, delta } => self.delta(*part, delta, out),
            Event::PartEnd { choice: 0, part } => self.part_end(*part, out),
            Event::Finish { choice: 0, reason } => {
                self.finish = Some(reason.clone());
                self.close_all(out);
            }
            Event::Usage(usage) => self.usage.update(usage),
            Event::Extras { origin, fields } if *origin == MESSAGES => {
                fields.iter().for_each(|(name, value)| self.late_extras.insert(name, value.clone()));
            }
            Event::Ping if self.started => Frame::Ping.write(out),
            Event::Error(error) => {
                self.done = true;
                self.tell_usage(out);
                out.extend_from_slice(&error_frame(error));
            }
            Event::End => self.end(out),
            _ => {}
        }
    }
}

impl Encoder {
    fn start(&mut self, start: &Start, out: &mut BytesMut) {
        if self.started {
            return;
        }
        self.started = true;
        if let Some(usage) = &start.usage {
            self.usage.update(usage);
        }
        let request = ChatRequest { model: self.model.clone(), ..ChatRequest::default() };
        let extras = own_extras(start.extras.as_ref());
        let kept = usage::kept(extras);
        let mut message = ObjectWriter::new();
        message
            .member("id", &message_id(&start.id))
            .member("type", "message")
            .member("role", "assistant")
            .member("model", shown_model(&start.model, &request))
            .member("content", &[(); 0])
            .member("stop_reason", &RawJson::null())
            .member("stop_sequence", &RawJson::null())
            .member("usage", &usage::write(&self.usage, start.service_tier.as_deref(), kept.as_ref()));
        for (name, value) in extras.into_iter().flat_map(RawObject::iter).filter(|(name, _)| *name != "usage")
        {
            message.member(name, value);
        }
        let message = serde_json::from_slice(&message.finish()).expect("the writer writes an object");
        Frame::MessageStart { message: &message }.write(out);
    }

    /// Most events find it started: nothing is made for those.
    fn ensure_started(&mut self, out: &mut BytesMut) {
        if !self.started {
            self.start(&Start::default(), out);
        }
    }

    fn part_start(&mut self, part: u32, kind: &PartKind, out: &mut BytesMut) {
        self.ensure_started(out);
        self.content.calls_tools |= matches!(kind, PartKind::ToolCall { .. });
        if self.slots.front().is_some_and(Slot::is_prose) {
            self.close_first(out);
        }
        self.slots.push_back(Slot::new(part, kind));
    }

    fn delta(&mut self, part: u32, delta: &Delta, out: &mut BytesMut) {
        self.ensure_started(out);
        self.content.refuses |= matches!(delta, Delta::Refusal(words) if !words.is_empty());
        if !self.slots.iter().any(|slot| slot.part == part) {
            self.slots.extend(Slot::resumed(part, delta));
        }
        let Some(at) = self.slots.iter().position(|slot| slot.part == part) else { return };
        let Some(slot) = self.slots.get_mut(at) else { return };
        if at == 0 {
            slot.write(delta, &mut Writer { out, next: &mut self.next_index });
        } else {
            slot.waiting.push(delta.clone());
        }
    }

    fn part_end(&mut self, part: u32, out: &mut BytesMut) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.part == part) {
            slot.ended = true;
        }
        while self.slots.front().is_some_and(|slot| slot.ended) {
            self.close_first(out);
        }
    }

    /// Closes the first block and lets the next one say what waited.
    fn close_first(&mut self, out: &mut BytesMut) {
        let mut writer = Writer { out, next: &mut self.next_index };
        if let Some(slot) = self.slots.pop_front() {
            slot.close(&mut writer);
        }
        if let Some(next) = self.slots.front_mut() {
            for delta in std::mem::take(&mut next.waiting) {
                next.write(&delta, &mut writer);
            }
        }
    }

    fn close_all(&mut self, out: &mut BytesMut) {
        while !self.slots.is_empty() {
            self.close_first(out);
        }
    }

    /// What was used until an error, without a reason to stop. A call that is half written is not closed for it: it
    /// must not look ready to be used.
    fn tell_usage(&mut self, out: &mut BytesMut) {
        if !self.started || self.usage.is_empty() || !self.slots.iter().all(Slot::is_prose) {
            return;
        }
        self.close_all(out);
        let usage = usage::write(&self.usage, None, usage::kept(Some(&self.late_extras)).as_ref());
        MessageDelta { stop_reason: None, stop_sequence: None, usage, extras: &RawObject::default() }
            .write(out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.done = true;
        self.ensure_started(out);
        self.close_all(out);
        let (stop_reason, stop_sequence) = finish::write(self.finish.as_ref(), self.content);
        let kept = usage::kept(Some(&self.late_extras));
        let usage = usage::write(&self.usage, None, kept.as_ref());
        let stop_reason = Some(stop_reason);
        MessageDelta { stop_reason, stop_sequence, usage, extras: &self.late_extras }.write(out);
        Frame::MessageStop.write(out);
    }
}
