//! One choice of a stream: its parts as they open, grow and close.

use llm_core::event::PartKind;
use llm_core::message::Citation;
use llm_core::{Delta, Event, Part, RawJson};

use super::told::{Mode, Told};
use crate::message::{WireCall, made_up_id};
use crate::wire::WireChoice;

/// What was told of a choice so far.
#[derive(Debug)]
pub(super) struct Choice {
    number: u32,
    parts: u32,
    reasoning: Told,
    text: Told,
    /// The part that prose goes to.
    open: Option<(Prose, u32)>,
    calls: Vec<Call>,
    others: Vec<Part>,
    logprobs: Vec<RawJson>,
    cited: usize,
    pub(super) finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prose {
    Reasoning,
    Text,
}

#[derive(Debug)]
struct Call {
    index: u64,
    id: String,
    name: String,
    /// Its part, once its name is known.
    part: Option<u32>,
    arguments: Told,
    waiting: String,
}

/// What a step needs to know beside the choice.
pub(super) struct Step<'a> {
    pub(super) request_id: &'a str,
    /// Sources of the first choice's text.
    pub(super) citations: &'a [Citation],
    pub(super) mode: &'a mut Mode,
    pub(super) out: &'a mut Vec<Event>,
}

impl Choice {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            parts: 0,
            reasoning: Told::default(),
            text: Told::default(),
            open: None,
            calls: Vec::new(),
            others: Vec::new(),
            logprobs: Vec::new(),
            cited: 0,
            finished: false,
        }
    }

    /// Takes one event's share of this choice in.
    pub(super) fn step(&mut self, wire: WireChoice, step: &mut Step<'_>) {
        if self.finished {
            return;
        }
        let WireChoice { message, finish, logprobs, .. } = wire;
        if let Some(thinking) = message.reasoning {
            let new = self.reasoning.step(&thinking, step.mode);
            self.prose(Prose::Reasoning, new, step.out);
        }
        if let Some(text) = message.text {
            let new = self.text.step(&text, step.mode);
            self.prose(Prose::Text, new, step.out);
        }
        self.cite(step);
        for part in message.others {
            self.whole(part, step.out);
        }
        for call in message.calls {
            self.call(&call, step);
        }
        self.logprobs.extend(logprobs);
        if *step.mode == Mode::Pieces {
            self.tell_logprobs(step.out);
        }
        if let Some(reason) = finish {
            self.end(step);
            step.out.push(Event::Finish { choice: self.number, reason });
        }
    }

    fn prose(&mut self, prose: Prose, new: String, out: &mut Vec<Event>) {
        if new.is_empty() {
            return;
        }
        let part = match self.open {
            Some((open, part)) if open == prose => part,
            _ => {
                self.close(out);
                let part = self.next_part();
                let kind = match prose {
                    Prose::Reasoning => PartKind::Reasoning { id: None },
                    Prose::Text => PartKind::Text,
                };
                out.push(Event::PartStart { choice: self.number, part, kind });
                self.open = Some((prose, part));
                part
            }
        };
        let delta = match prose {
            Prose::Reasoning => Delta::Reasoning(new),
            Prose::Text => Delta::Text(new),
        };
        out.push(Event::Delta { choice: self.number, part, delta });
    }

    fn cite(&mut self, step: &mut Step<'_>) {
        let Some((Prose::Text, part)) = self.open else { return };
        for citation in step.citations.iter().skip(self.cited) {
            let delta = Delta::Citation(Box::new(citation.clone()));
            step.out.push(Event::Delta { choice: self.number, part, delta });
        }
        self.cited = self.cited.max(step.citations.len());
    }

    /// A part that comes whole; streams that repeat bring it again.
    fn whole(&mut self, other: Part, out: &mut Vec<Event>) {
        if self.others.contains(&other) {
            return;
        }
        self.close(out);
        let part = self.next_part();
        let kind = PartKind::Whole(Box::new(other.clone()));
        out.push(Event::PartStart { choice: self.number, part, kind });
        out.push(Event::PartEnd { choice: self.number, part });
        self.others.push(other);
    }

    fn call(&mut self, wire: &WireCall, step: &mut Step<'_>) {
        let same = |call: &Call| {
            call.index == wire.index && (wire.id.is_empty() || call.id.is_empty() || call.id == wire.id)
        };
        let at = match self.calls.iter().rposition(same) {
            Some(at) => at,
            None => {
                self.calls.push(Call::new(wire.index));
                self.calls.len() - 1
            }
        };
        let Some(call) = self.calls.get_mut(at) else { return };
        if call.id.is_empty() {
            call.id.clone_from(&wire.id);
        }
        if call.name.is_empty() {
            call.name.clone_from(&wire.name);
        }
        call.waiting += &call.arguments.step(&wire.arguments, step.mode);
        let (opens, waits) = (call.part.is_none() && !call.name.is_empty(), call.part.is_none());
        if opens {
            self.close(step.out);
            self.open_call(at, step);
        }
        if opens || !waits {
            self.tell_arguments(at, step.out);
        }
    }

    fn open_call(&mut self, at: usize, step: &mut Step<'_>) {
        let part = self.next_part();
        let Some(call) = self.calls.get_mut(at) else { return };
        if call.id.is_empty() {
            call.id = made_up_id(step.request_id, call.index);
        }
        call.part = Some(part);
        let kind =
            PartKind::ToolCall { id: call.id.clone(), item_id: None, name: call.name.clone(), custom: false };
        step.out.push(Event::PartStart { choice: self.number, part, kind });
    }

    fn tell_arguments(&mut self, at: usize, out: &mut Vec<Event>) {
        let Some(call) = self.calls.get_mut(at) else { return };
        let Some(part) = call.part.filter(|_| !call.waiting.is_empty()) else { return };
        let delta = Delta::Arguments(std::mem::take(&mut call.waiting));
        out.push(Event::Delta { choice: self.number, part, delta });
    }

    fn tell_logprobs(&mut self, out: &mut Vec<Event>) {
        for raw in self.logprobs.drain(..) {
            out.push(Event::Logprobs { choice: self.number, raw });
        }
    }

    /// Tells what was held back, and closes every part.
    fn end(&mut self, step: &mut Step<'_>) {
        self.finished = true;
        let mode = *step.mode;
        let thinking = self.reasoning.end(mode);
        self.prose(Prose::Reasoning, thinking, step.out);
        let text = self.text.end(mode);
        self.prose(Prose::Text, text, step.out);
        self.cite(step);
        self.close(step.out);
        for at in 0..self.calls.len() {
            if let Some(call) = self.calls.get_mut(at) {
                call.waiting += &call.arguments.end(mode);
                if call.part.is_none() {
                    self.open_call(at, step);
                }
            }
            self.tell_arguments(at, step.out);
        }
        let parts = self.calls.iter().filter_map(|call| call.part);
        step.out.extend(parts.map(|part| Event::PartEnd { choice: self.number, part }));
        if mode != Mode::Pieces {
            // Each report repeats those before it: the last one has all.
            let before = self.logprobs.len().saturating_sub(1);
            self.logprobs.drain(..before);
        }
        self.tell_logprobs(step.out);
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some((_, part)) = self.open.take() {
            out.push(Event::PartEnd { choice: self.number, part });
        }
    }

    fn next_part(&mut self) -> u32 {
        let part = self.parts;
        self.parts = part.saturating_add(1);
        part
    }
}

impl Call {
    fn new(index: u64) -> Self {
        Self {
            index,
            id: String::new(),
            name: String::new(),
            part: None,
            arguments: Told::default(),
            waiting: String::new(),
        }
    }
}
