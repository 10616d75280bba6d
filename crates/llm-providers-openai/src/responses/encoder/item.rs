//! An output item on its way to the client.

use bytes::BytesMut;
use llm_core::event::Delta;
use llm_core::message::{Text, ToolCall};
use llm_core::{Part, RawJson};

use super::Sink;
use super::thinking::Thinking;
use super::written::Written;
use crate::responses::rendering::{
    self, Content, arguments, call_prefix, numbered, passenger_of_block, passenger_of_call, put_call,
    put_message, put_passenger, put_reasoning,
};
use crate::responses::write::ObjectWriter;

/// Where a canonical part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The choice.
    pub(super) choice: u32,
    /// The part in it.
    pub(super) part: u32,
}

/// An item that is not whole yet.
#[derive(Debug)]
pub(super) struct Item {
    id: String,
    index: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    Message(Vec<Written>),
    Call { place: Place, call: ToolCall, ended: bool },
    Reasoning(Box<Thinking>),
}

impl Item {
    /// A message.
    pub(super) fn message(index: usize, suffix: &str) -> Self {
        Self { id: numbered("msg", suffix, index), index, what: What::Message(Vec::new()) }
    }

    /// A tool call with its ids: its own and that of its vendor's item.
    pub(super) fn call(
        place: Place,
        (id, item_id): (&str, Option<&str>),
        name: &str,
        custom: bool,
        (index, suffix): (usize, &str),
    ) -> Self {
        let item_id = item_id.map(str::to_owned);
        let call = ToolCall { custom, item_id: item_id.clone(), ..ToolCall::new(id, name, "") };
        let id = item_id.unwrap_or_else(|| numbered(call_prefix(&call), suffix, index));
        Self { id, index, what: What::Call { place, call, ended: false } }
    }

    /// Thinking. Without a vendor's id it waits for its first words, which settle what id it gets.
    pub(super) fn reasoning(place: Place, id: Option<String>, index: usize, suffix: &str) -> Self {
        let thinking = Thinking::new(place, id.clone(), format!("{suffix}_{index}"));
        Self { id: id.unwrap_or_default(), index, what: What::Reasoning(Box::new(thinking)) }
    }

    /// Its place in the output.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Whether it is a message.
    pub(super) fn is_message(&self) -> bool {
        matches!(self.what, What::Message(_))
    }

    /// Whether no part of it is open.
    pub(super) fn is_finished(&self) -> bool {
        match &self.what {
            What::Message(parts) => parts.iter().all(|part| part.ended),
            What::Call { ended, .. } => *ended,
            What::Reasoning(thinking) => thinking.ended,
        }
    }

    /// Whether a canonical part is in it, and open.
    pub(super) fn holds(&self, place: Place) -> bool {
        match &self.what {
            What::Message(parts) => parts.iter().any(|part| part.place == place && !part.ended),
            What::Call { place: own, ended, .. } => *own == place && !*ended,
            What::Reasoning(thinking) => thinking.place == place && !thinking.ended,
        }
    }

    /// Writes that it begins.
    pub(super) fn announce(&mut self, sink: &mut Sink, out: &mut BytesMut) {
        let (id, index) = (self.id.as_str(), self.index);
        let status = "in_progress";
        match &mut self.what {
            What::Message(_) => {
                added(sink, out, index, |item| put_message(item, id, status, &[], None));
            }
            What::Call { call, .. } => added(sink, out, index, |item| announce_call(item, id, call)),
            What::Reasoning(thinking) if !id.is_empty() => {
                thinking.announced = true;
                added(sink, out, index, |item| put_reasoning(item, id, status, &thinking.reasoning));
            }
            What::Reasoning(_) => {}
        }
    }

    /// Opens a part of a message.
    pub(super) fn content(&mut self, place: Place, refusal: bool, sink: &mut Sink, out: &mut BytesMut) {
        let What::Message(parts) = &mut self.what else { return };
        let (text, logprobs) = (Text::default(), Vec::new());
        let part = Written { place, refusal, text, logprobs, ended: false };
        sink.event(out, "response.content_part.added", |event| {
            at(event, &self.id, self.index);
            event.put("content_index", &parts.len());
            part.put(&mut event.object("part"));
        });
        parts.push(part);
    }

    /// Log probabilities of the newest text.
    pub(super) fn logprobs(&mut self, list: &RawJson) {
        let What::Message(parts) = &mut self.what else { return };
        if let (Some(part), Ok(tokens)) = (parts.last_mut(), list.read::<Vec<RawJson>>()) {
            part.logprobs.extend(tokens);
        }
    }

    /// Writes more of a part.
    pub(super) fn delta(&mut self, place: Place, delta: &Delta, sink: &mut Sink, out: &mut BytesMut) {
        let index = self.index;
        match &mut self.what {
            What::Message(parts) => {
                let found = parts.iter_mut().enumerate().find(|(_, part)| part.place == place);
                if let Some((content, part)) = found {
                    part.delta(delta, (&self.id, index, content), sink, out);
                }
            }
            What::Call { call, .. } => match delta {
                Delta::Arguments(more) => call_delta(call, more, (&self.id, index), sink, out),
                Delta::Opaque(state) => call.opaque = Some(state.clone()),
                _ => {}
            },
            What::Reasoning(thinking) => thinking.delta(delta, &mut self.id, index, sink, out),
        }
    }

    /// Writes that a part is whole.
    pub(super) fn end(&mut self, place: Place, sink: &mut Sink, out: &mut BytesMut) {
        match &mut self.what {
            What::Message(parts) => {
                let found = parts.iter_mut().enumerate().find(|(_, part)| part.place == place);
                if let Some((content, part)) = found {
                    part.end((&self.id, self.index, content), sink, out);
                }
            }
            What::Call { call, ended, .. } => {
                *ended = true;
                end_call(call, (&self.id, self.index), sink, out);
            }
            What::Reasoning(thinking) => thinking.end(&mut self.id, self.index, sink, out),
        }
    }

    /// Writes that it is whole, and returns it.
    pub(super) fn close(mut self, status: &str, sink: &mut Sink, out: &mut BytesMut) -> Vec<u8> {
        for place in self.unended() {
            self.end(place, sink, out);
        }
        let mut json = Vec::new();
        let mut object = ObjectWriter::open(&mut json);
        match &self.what {
            What::Message(parts) => {
                let contents: Vec<Content<'_>> = parts.iter().map(Written::content).collect();
                let logprobs: Vec<&RawJson> = parts.iter().flat_map(|part| &part.logprobs).collect();
                let logprobs = RawJson::of(&logprobs).ok();
                put_message(&mut object, &self.id, status, &contents, logprobs.as_ref());
            }
            What::Call { call, .. } => put_call(&mut object, &self.id, status, call),
            What::Reasoning(thinking) => put_reasoning(&mut object, &self.id, status, &thinking.reasoning),
        }
        drop(object);
        sink.event(out, "response.output_item.done", |event| {
            event.put("output_index", &self.index);
            event.put_json("item", &json);
        });
        json
    }

    fn unended(&self) -> Vec<Place> {
        match &self.what {
            What::Message(parts) => parts.iter().filter(|part| !part.ended).map(|part| part.place).collect(),
            What::Call { place, ended, .. } => (!ended).then_some(*place).into_iter().collect(),
            What::Reasoning(thinking) => (!thinking.ended).then_some(thinking.place).into_iter().collect(),
        }
    }

    /// State of another dialect that must travel beside it.
    pub(super) fn passenger(&self) -> Option<String> {
        match &self.what {
            What::Call { call, .. } => passenger_of_call(call),
            _ => None,
        }
    }
}

/// Writes that an item begins.
pub(super) fn added(
    sink: &mut Sink,
    out: &mut BytesMut,
    index: usize,
    fill: impl FnOnce(&mut ObjectWriter<'_>),
) {
    sink.event(out, "response.output_item.added", |event| {
        event.put("output_index", &index);
        fill(&mut event.object("item"));
    });
}

/// A call without its arguments, which come in deltas.
fn announce_call(item: &mut ObjectWriter<'_>, id: &str, call: &ToolCall) {
    item.put("id", id);
    item.put("type", if call.custom { "custom_tool_call" } else { "function_call" });
    item.put("status", "in_progress");
    item.put(if call.custom { "input" } else { "arguments" }, "");
    item.put("call_id", &call.id);
    item.put("name", &call.name);
}

fn call_delta(call: &mut ToolCall, more: &str, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
    call.arguments.push_str(more);
    let name = if call.custom {
        "response.custom_tool_call_input.delta"
    } else {
        "response.function_call_arguments.delta"
    };
    sink.event(out, name, |event| {
        at(event, place.0, place.1);
        event.put("delta", more);
    });
}

fn end_call(call: &mut ToolCall, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
    let whole = arguments(call).to_owned();
    if call.arguments != whole {
        call.arguments.clear();
        call_delta(call, &whole, place, sink, out);
    }
    let (name, key) = if call.custom {
        ("response.custom_tool_call_input.done", "input")
    } else {
        ("response.function_call_arguments.done", "arguments")
    };
    sink.event(out, name, |event| {
        at(event, place.0, place.1);
        event.put("name", &call.name);
        event.put(key, &call.arguments);
    });
}

/// Where an event's item stands.
pub(super) fn at(event: &mut ObjectWriter<'_>, id: &str, index: usize) {
    event.put("item_id", id);
    event.put("output_index", &index);
}

/// A part that comes whole, as an item.
pub(super) fn whole(part: &Part, suffix: &str, index: usize) -> Option<Vec<u8>> {
    match passenger_of_block(part) {
        Some(sealed) => Some(passenger(suffix, index, &sealed)),
        None => rendering::whole(part, suffix, index),
    }
}

/// An item without words that brings state back.
pub(super) fn passenger(suffix: &str, index: usize, sealed: &str) -> Vec<u8> {
    let mut json = Vec::new();
    put_passenger(&mut ObjectWriter::open(&mut json), &numbered("rs", suffix, index), sealed);
    json
}
