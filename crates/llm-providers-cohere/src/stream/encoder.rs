//! Events to a client's frames.

use bytes::BytesMut;
use llm_core::event::Start;
use llm_core::message::Opaque;
use llm_core::{Delta, Event, EventEncoder, FinishReason, Part, PartKind, RawJson, RawObject, Usage};

use super::frames;
use crate::request::{call_for_client, call_json};
use crate::response::{own_extras, usage_for_client};
use crate::wire::ObjectWriter;
use crate::{CHAT, citations, finish, logprobs, plan};

/// Writes a canonical stream for a client.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    started: bool,
    done: bool,
    blocks: u64,
    calls: u64,
    citations: u64,
    open: Vec<Slot>,
    finish: Option<FinishReason>,
    usage: Usage,
    extras: RawObject,
}

/// A part on its way to the client.
#[derive(Debug)]
struct Slot {
    part: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Text, with what was said so far: citations point into it.
    Text {
        index: u64,
        said: String,
    },
    /// Thinking that has said nothing yet: its mark tells whether it is a plan.
    Undecided,
    Thinking {
        index: u64,
    },
    Plan,
    Call {
        index: u64,
    },
    /// A call whose frame waits for the state that hides in its id.
    Announced {
        id: String,
        name: String,
        opaque: Option<Opaque>,
    },
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
            Event::Logprobs { choice: 0, raw } => self.logprobs(raw, out),
            Event::Finish { choice: 0, reason } => {
                self.finish = Some(reason.clone());
                self.close_all(out);
            }
            Event::Usage(usage) => self.usage.update(usage),
            Event::Extras { origin, fields } if *origin == CHAT => {
                fields.iter().for_each(|(name, value)| self.extras.insert(name, value.clone()));
            }
            Event::Error(error) => {
                self.start(&Start::default(), out);
                self.close_all(out);
                frames::write_error(error, &self.usage, out);
                frames::done(out);
                self.done = true;
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
        if let Some(extras) = own_extras(start.extras.as_ref()) {
            self.extras.clone_from(extras);
        }
        let mut message = ObjectWriter::new();
        message.member("role", "assistant").member("content", &[(); 0]).member("tool_plan", "");
        message.member("tool_calls", &[(); 0]).member("citations", &[(); 0]);
        let delta = ObjectWriter::new().member("message", &message.json()).json();
        frames::write("message-start", Some(&start.id), None, Some(&delta), out);
    }

    fn part_start(&mut self, part: u32, kind: &PartKind, out: &mut BytesMut) {
        self.start(&Start::default(), out);
        let state = match kind {
            PartKind::Text | PartKind::Refusal => {
                State::Text { index: self.open_block("text", "", out), said: String::new() }
            }
            PartKind::Reasoning { .. } => State::Undecided,
            PartKind::ToolCall { id, name, .. } => {
                State::Announced { id: id.clone(), name: name.clone(), opaque: None }
            }
            PartKind::Whole(whole) => return self.whole(whole, out),
            // The format's answers have no sound.
            _ => return,
        };
        self.open.push(Slot { part, state });
    }

    /// A block of this format that came whole; nothing else has a place here.
    fn whole(&mut self, part: &Part, out: &mut BytesMut) {
        let Part::Unknown(block) = part else { return };
        if block.origin == CHAT {
            let index = self.next_block();
            let delta = frames::of_message("content", &block.raw);
            frames::write("content-start", None, Some(index), Some(&delta), out);
            frames::write("content-end", None, Some(index), None, out);
        }
    }

    fn delta(&mut self, part: u32, delta: &Delta, out: &mut BytesMut) {
        let Some(at) = self.open.iter().position(|slot| slot.part == part) else { return };
        let mut slot = self.open.remove(at);
        slot.state = self.said(slot.state, delta, out);
        self.open.insert(at, slot);
    }

    /// Writes a delta and gives the part's next state.
    fn said(&mut self, state: State, delta: &Delta, out: &mut BytesMut) -> State {
        match (state, delta) {
            (State::Undecided, Delta::Opaque(opaque)) if plan::is_mark(opaque) => State::Plan,
            (State::Undecided, delta) => {
                let index = self.open_block("thinking", "", out);
                self.said(State::Thinking { index }, delta, out)
            }
            (State::Text { index, mut said }, Delta::Text(text) | Delta::Refusal(text)) => {
                said.push_str(text);
                content_delta(index, "text", text, out);
                State::Text { index, said }
            }
            (State::Text { index, said }, Delta::Citation(citation)) => {
                let citation = citations::for_client(citation, &said, index);
                self.cite(&citation, out);
                State::Text { index, said }
            }
            (State::Thinking { index }, Delta::Reasoning(text)) => {
                content_delta(index, "thinking", text, out);
                State::Thinking { index }
            }
            (State::Thinking { index }, Delta::ReasoningSummary { index: paragraph, text }) => {
                let gap = if *paragraph > 0 { "\n\n" } else { "" };
                content_delta(index, "thinking", &format!("{gap}{text}"), out);
                State::Thinking { index }
            }
            (State::Thinking { index }, Delta::Opaque(opaque)) => {
                if !plan::is_mark(opaque) {
                    content_delta(index, "signature", &opaque.for_client(CHAT), out);
                }
                State::Thinking { index }
            }
            (State::Plan, Delta::Reasoning(text)) => {
                let delta = frames::of_message("tool_plan", &RawJson::string(text));
                frames::write("tool-plan-delta", None, None, Some(&delta), out);
                State::Plan
            }
            (State::Announced { id, name, .. }, Delta::Opaque(state)) => {
                State::Announced { id, name, opaque: Some(state.clone()) }
            }
            (state @ State::Announced { .. }, Delta::Arguments(_)) => {
                let state = self.announce(state, out);
                self.said(state, delta, out)
            }
            (State::Call { index }, Delta::Arguments(text)) => {
                let function = ObjectWriter::new().member("arguments", text).json();
                let call = ObjectWriter::new().member("function", &function).json();
                let delta = frames::of_message("tool_calls", &call);
                frames::write("tool-call-delta", None, Some(index), Some(&delta), out);
                State::Call { index }
            }
            (state, _) => state,
        }
    }

    fn announce(&mut self, state: State, out: &mut BytesMut) -> State {
        let State::Announced { id, name, opaque } = state else { return state };
        let index = self.calls;
        self.calls = index.saturating_add(1);
        let call = match opaque {
            None => call_json(&id, &name, ""),
            opaque => call_for_client(&llm_core::message::ToolCall {
                opaque,
                ..llm_core::message::ToolCall::new(id, name, "")
            }),
        };
        let delta = frames::of_message("tool_calls", &call);
        frames::write("tool-call-start", None, Some(index), Some(&delta), out);
        State::Call { index }
    }

    fn cite(&mut self, citation: &RawJson, out: &mut BytesMut) {
        let index = self.citations;
        self.citations = index.saturating_add(1);
        let delta = frames::of_message("citations", citation);
        frames::write("citation-start", None, Some(index), Some(&delta), out);
        frames::write("citation-end", None, Some(index), None, out);
    }

    fn part_end(&mut self, part: u32, out: &mut BytesMut) {
        if let Some(at) = self.open.iter().position(|slot| slot.part == part) {
            let slot = self.open.remove(at);
            self.close(slot.state, out);
        }
    }

    fn close(&mut self, state: State, out: &mut BytesMut) {
        match state {
            State::Text { index, .. } | State::Thinking { index } => {
                frames::write("content-end", None, Some(index), None, out);
            }
            State::Call { index } => frames::write("tool-call-end", None, Some(index), None, out),
            state @ State::Announced { .. } => {
                let state = self.announce(state, out);
                self.close(state, out);
            }
            State::Undecided | State::Plan => {}
        }
    }

    fn close_all(&mut self, out: &mut BytesMut) {
        for slot in std::mem::take(&mut self.open) {
            self.close(slot.state, out);
        }
    }

    /// Log probabilities travel with a piece of text, here an empty one.
    fn logprobs(&mut self, raw: &RawJson, out: &mut BytesMut) {
        let index = self.blocks.saturating_sub(1);
        for item in logprobs::write(raw) {
            let delta = content_piece("text", "");
            frames::with_logprobs("content-delta", (None, Some(index)), Some(&delta), Some(&item), out);
        }
    }

    fn open_block(&mut self, kind: &str, text: &str, out: &mut BytesMut) -> u64 {
        let index = self.next_block();
        let block = ObjectWriter::new().member("type", kind).member(kind, text).json();
        frames::write("content-start", None, Some(index), Some(&frames::of_message("content", &block)), out);
        index
    }

    fn next_block(&mut self) -> u64 {
        let index = self.blocks;
        self.blocks = index.saturating_add(1);
        index
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.done = true;
        self.start(&Start::default(), out);
        self.close_all(out);
        let homeless = self.extras.get("citations").and_then(|list| list.read::<Vec<RawJson>>().ok());
        for citation in homeless.unwrap_or_default() {
            self.cite(&citation, out);
        }
        let reason = finish::write(self.finish.as_ref(), self.calls > 0);
        let mut delta = ObjectWriter::new();
        delta.member("finish_reason", reason);
        delta.member("usage", &usage_for_client(&self.usage, Some(&self.extras)));
        frames::write("message-end", None, None, Some(&delta.json()), out);
        frames::done(out);
    }
}

fn content_piece(member: &str, text: &str) -> RawJson {
    frames::of_message("content", &ObjectWriter::new().member(member, text).json())
}

fn content_delta(index: u64, member: &str, text: &str, out: &mut BytesMut) {
    frames::content_delta(index, (member, text), out);
}
