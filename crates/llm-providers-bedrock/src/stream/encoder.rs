//! Events to a client's frames. One block is written after the other, so that parts that grow at the same time wait for
//! each other.

use std::collections::VecDeque;

use bytes::BytesMut;
use llm_core::ingress::Took;
use llm_core::{Delta, Event, EventEncoder, FinishReason, PartKind, RawObject, Usage};

use super::slot::{Slot, Writer};
use super::{event, exception_after};
use crate::wire::{ObjectWriter, union};
use crate::{CONVERSE, finish, response, usage};

/// Writes a canonical stream for a client.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    started: bool,
    done: bool,
    next_index: u32,
    /// Parts that have begun, the first one open for the client.
    slots: VecDeque<Slot>,
    calls_tools: bool,
    finish: Option<FinishReason>,
    usage: Usage,
    service_tier: Option<String>,
    extras: RawObject,
    took: Option<Took>,
}

impl EventEncoder for Encoder {
    fn took(&mut self, took: Took) {
        self.took = Some(took);
    }

    /// This format has one choice; events of others are left out.
    fn push(&mut self, told: &Event, out: &mut BytesMut) {
        if self.done {
            return;
        }
        match told {
            Event::Start(start) => {
                self.start(out);
                self.service_tier.clone_from(&start.service_tier);
                self.extras = response::own_extras(start.extras.as_ref());
                self.usage.update(&start.usage.unwrap_or_default());
            }
            Event::PartStart { choice: 0, part, kind } => self.part_start(*part, kind, out),
            Event::Delta { choice: 0, part, delta } => self.delta(*part, delta, out),
            Event::PartEnd { choice: 0, part } => self.part_end(*part, out),
            Event::Finish { choice: 0, reason } => {
                self.finish = Some(reason.clone());
                self.close_all(out);
            }
            Event::Usage(usage) => self.usage.update(usage),
            Event::Extras { origin, fields } if *origin == CONVERSE => {
                fields.iter().for_each(|(name, value)| self.extras.insert(name, value.clone()));
            }
            Event::Error(error) => {
                self.done = true;
                out.extend_from_slice(&exception_after(error, &self.usage));
            }
            Event::End => self.end(out),
            _ => {}
        }
    }
}

impl Encoder {
    fn start(&mut self, out: &mut BytesMut) {
        if !self.started {
            self.started = true;
            event("messageStart", &union("role", "assistant"), out);
        }
    }

    fn part_start(&mut self, part: u32, kind: &PartKind, out: &mut BytesMut) {
        self.start(out);
        self.calls_tools |= matches!(kind, PartKind::ToolCall { .. });
        if self.slots.front().is_some_and(Slot::is_prose) {
            self.close_first(out);
        }
        self.slots.push_back(Slot::new(part, kind));
    }

    fn delta(&mut self, part: u32, delta: &Delta, out: &mut BytesMut) {
        self.start(out);
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

    fn end(&mut self, out: &mut BytesMut) {
        self.done = true;
        self.start(out);
        self.close_all(out);
        let reason = finish::write(self.finish.as_ref(), self.calls_tools);
        let mut extras = std::mem::take(&mut self.extras);
        let mut stop = ObjectWriter::new();
        stop.member("stopReason", reason);
        let fields = extras.remove("additionalModelResponseFields");
        stop.optional("additionalModelResponseFields", fields.as_ref());
        event("messageStop", &stop.json(), out);
        let counts = extras.remove("usage").and_then(|counts| counts.read().ok()).unwrap_or_default();
        let mut metadata = ObjectWriter::new();
        metadata.member("usage", &usage::write(&self.usage, counts));
        response::tail(&mut metadata, extras, self.service_tier.as_deref(), self.took);
        event("metadata", &metadata.json(), out);
    }
}
