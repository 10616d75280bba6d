//! An output item on its way to the client.

use std::borrow::Cow;

use bytes::BytesMut;
use llm_core::event::Delta;
use llm_core::message::{Reasoning, Text, ToolCall};
use llm_core::{Part, RawJson};

use super::Sink;
use crate::responses::content::{output_text, put_citation};
use crate::responses::reasoning::{Form, item_id};
use crate::responses::rendering::{
    self, Content, arguments, call_prefix, numbered, passenger_of_block, passenger_of_call, put_call,
    put_message, put_passenger, put_reasoning,
};
use crate::responses::write::{ArrayWriter, ObjectWriter};

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

/// A part of a message.
#[derive(Debug)]
struct Written {
    place: Place,
    refusal: bool,
    text: Text,
    logprobs: Vec<RawJson>,
    ended: bool,
}

#[derive(Debug)]
struct Thinking {
    place: Place,
    reasoning: Reasoning,
    suffix: String,
    announced: bool,
    /// The paragraph that is being told.
    paragraph: Option<usize>,
    /// The plain text is being told.
    plain: bool,
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
        let reasoning = Reasoning { id: id.clone(), ..Reasoning::default() };
        let suffix = format!("{suffix}_{index}");
        let thinking = Thinking { place, reasoning, suffix, announced: false, paragraph: None, plain: false };
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
            What::Reasoning(_) => false,
        }
    }

    /// Whether a canonical part is in it, and open.
    pub(super) fn holds(&self, place: Place) -> bool {
        match &self.what {
            What::Message(parts) => parts.iter().any(|part| part.place == place && !part.ended),
            What::Call { place: own, ended, .. } => *own == place && !*ended,
            What::Reasoning(thinking) => thinking.place == place,
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
        let (id, index) = (self.id.as_str(), self.index);
        match &mut self.what {
            What::Message(parts) => {
                let found = parts.iter_mut().enumerate().find(|(_, part)| part.place == place);
                if let Some((content, part)) = found {
                    part.delta(delta, (id, index, content), sink, out);
                }
            }
            What::Call { call, .. } => match delta {
                Delta::Arguments(more) => call_delta(call, more, (id, index), sink, out),
                Delta::Opaque(state) => call.opaque = Some(state.clone()),
                _ => {}
            },
            What::Reasoning(_) => self.think(delta, sink, out),
        }
    }

    fn think(&mut self, delta: &Delta, sink: &mut Sink, out: &mut BytesMut) {
        let What::Reasoning(thinking) = &mut self.what else { return };
        match delta {
            Delta::Opaque(opaque) => thinking.reasoning.opaque = Some(opaque.clone()),
            Delta::Reasoning(more) => {
                thinking.announce(&mut self.id, self.index, Form::Text, sink, out);
                thinking.text(more, (&self.id, self.index), sink, out);
            }
            Delta::ReasoningSummary { index, text } => {
                thinking.announce(&mut self.id, self.index, Form::Summary, sink, out);
                thinking.summary(*index, text, (&self.id, self.index), sink, out);
            }
            _ => {}
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
            What::Reasoning(thinking) => {
                thinking.announce(&mut self.id, self.index, Form::Text, sink, out);
                thinking.end_paragraph((&self.id, self.index), sink, out);
                thinking.end_text((&self.id, self.index), sink, out);
            }
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
            What::Reasoning(thinking) => {
                let told = thinking.paragraph.is_some() || thinking.plain || !thinking.announced;
                told.then_some(thinking.place).into_iter().collect()
            }
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

impl Written {
    fn content(&self) -> Content<'_> {
        if self.refusal {
            Content::Refusal(&self.text.text)
        } else {
            Content::Text(Cow::Borrowed(&self.text))
        }
    }

    /// The part as far as it is told.
    fn put(&self, object: &mut ObjectWriter<'_>) {
        if self.refusal {
            object.put("type", "refusal");
            object.put("refusal", &self.text.text);
        } else {
            let logprobs = RawJson::of(&self.logprobs).ok();
            output_text(object, &self.text, logprobs.as_ref().map(RawJson::get));
        }
    }

    fn delta(&mut self, delta: &Delta, place: (&str, usize, usize), sink: &mut Sink, out: &mut BytesMut) {
        match delta {
            Delta::Text(more) | Delta::AudioTranscript(more) if !self.refusal => {
                self.text.text.push_str(more);
                sink.event(out, "response.output_text.delta", |event| {
                    at_content(event, place);
                    event.put("delta", more);
                    event.array("logprobs");
                });
            }
            Delta::Refusal(more) if self.refusal => {
                self.text.text.push_str(more);
                sink.event(out, "response.refusal.delta", |event| {
                    at_content(event, place);
                    event.put("delta", more);
                });
            }
            Delta::Citation(citation) if !self.refusal => {
                let mut one = Vec::new();
                if put_citation(&mut ArrayWriter::open(&mut one), citation) {
                    let annotation = one.strip_prefix(b"[").and_then(|one| one.strip_suffix(b"]"));
                    sink.event(out, "response.output_text.annotation.added", |event| {
                        at_content(event, place);
                        event.put("annotation_index", &self.text.citations.len());
                        event.put_json("annotation", annotation.unwrap_or(b"null"));
                    });
                    self.text.citations.push(citation.as_ref().clone());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, place: (&str, usize, usize), sink: &mut Sink, out: &mut BytesMut) {
        self.ended = true;
        let name = if self.refusal { "response.refusal.done" } else { "response.output_text.done" };
        sink.event(out, name, |event| {
            at_content(event, place);
            if self.refusal {
                event.put("refusal", &self.text.text);
            } else {
                event.put("text", &self.text.text);
                event.put("logprobs", &self.logprobs);
            }
        });
        sink.event(out, "response.content_part.done", |event| {
            at_content(event, place);
            self.put(&mut event.object("part"));
        });
    }
}

impl Thinking {
    fn announce(&mut self, id: &mut String, index: usize, form: Form, sink: &mut Sink, out: &mut BytesMut) {
        if std::mem::replace(&mut self.announced, true) {
            return;
        }
        *id = item_id(None, form, &self.suffix);
        added(sink, out, index, |item| {
            item.put("id", id);
            item.put("type", "reasoning");
            item.put("status", "in_progress");
            item.array("summary");
        });
    }

    /// The thinking itself: plain where the vendor has ids for it, else as the first paragraph of the summary.
    fn text(&mut self, more: &str, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        if self.reasoning.id.is_none() {
            self.reasoning.text.push_str(more);
            self.tell(0, more, place, sink, out);
            return;
        }
        if !std::mem::replace(&mut self.plain, true) {
            sink.event(out, "response.content_part.added", |event| {
                at_content(event, (place.0, place.1, 0));
                put_words(event, "reasoning_text", "");
            });
        }
        self.reasoning.text.push_str(more);
        sink.event(out, "response.reasoning_text.delta", |event| {
            at_content(event, (place.0, place.1, 0));
            event.put("delta", more);
        });
    }

    fn summary(&mut self, index: u32, more: &str, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        let paragraphs = &mut self.reasoning.summary;
        let at = usize::try_from(index).unwrap_or(usize::MAX).min(paragraphs.len());
        if at == paragraphs.len() {
            paragraphs.push(String::new());
        }
        paragraphs[at].push_str(more);
        let before = usize::from(self.reasoning.id.is_none() && !self.reasoning.text.is_empty());
        self.tell(at + before, more, place, sink, out);
    }

    fn tell(&mut self, at: usize, more: &str, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        if self.paragraph != Some(at) {
            self.end_paragraph(place, sink, out);
            self.paragraph = Some(at);
            sink.event(out, "response.reasoning_summary_part.added", |event| {
                at_summary(event, place, at);
                put_words(event, "summary_text", "");
            });
        }
        sink.event(out, "response.reasoning_summary_text.delta", |event| {
            at_summary(event, place, at);
            event.put("delta", more);
        });
    }

    fn end_paragraph(&mut self, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        let Some(at) = self.paragraph.take() else { return };
        let first = (!self.reasoning.text.is_empty() && self.reasoning.id.is_none())
            .then_some(self.reasoning.text.as_str());
        let mut paragraphs = first.into_iter().chain(self.reasoning.summary.iter().map(String::as_str));
        let text = paragraphs.nth(at).unwrap_or_default();
        sink.event(out, "response.reasoning_summary_text.done", |event| {
            at_summary(event, place, at);
            event.put("text", text);
        });
        sink.event(out, "response.reasoning_summary_part.done", |event| {
            at_summary(event, place, at);
            put_words(event, "summary_text", text);
        });
    }

    fn end_text(&mut self, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        if !std::mem::take(&mut self.plain) {
            return;
        }
        let place = (place.0, place.1, 0);
        sink.event(out, "response.reasoning_text.done", |event| {
            at_content(event, place);
            event.put("text", &self.reasoning.text);
        });
        sink.event(out, "response.content_part.done", |event| {
            at_content(event, place);
            put_words(event, "reasoning_text", &self.reasoning.text);
        });
    }
}

fn added(sink: &mut Sink, out: &mut BytesMut, index: usize, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
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

fn at(event: &mut ObjectWriter<'_>, id: &str, index: usize) {
    event.put("item_id", id);
    event.put("output_index", &index);
}

fn at_content(event: &mut ObjectWriter<'_>, (id, index, content): (&str, usize, usize)) {
    at(event, id, index);
    event.put("content_index", &content);
}

fn at_summary(event: &mut ObjectWriter<'_>, (id, index): (&str, usize), paragraph: usize) {
    at(event, id, index);
    event.put("summary_index", &paragraph);
}

fn put_words(event: &mut ObjectWriter<'_>, kind: &str, text: &str) {
    let mut part = event.object("part");
    part.put("type", kind);
    part.put("text", text);
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
