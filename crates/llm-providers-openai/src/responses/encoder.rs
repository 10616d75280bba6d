//! Canonical events written as a stream of this format.
//!
//! Every item is announced, told in deltas, repeated whole at its end, and once more in the last event, as the SDKs
//! of this API expect it. Numbers, ids and the response object are ours; a vendor's own are kept where there are
//! some.

mod item;
mod thinking;
mod written;

use std::collections::BTreeMap;

use bytes::BytesMut;
use llm_core::event::{Delta, PartKind, Start};
use llm_core::response::FinishReason;
use llm_core::{ChatRequest, Error, Event, EventEncoder, Part, RawJson, Usage};

use self::item::{Item, Place};
use super::RESPONSES;
use super::answer::{Head, Status, code, echo, put_response};
use super::rendering::{item_status, token_list};
use super::write::ObjectWriter;

/// Writes frames, numbered.
#[derive(Debug, Default)]
pub(super) struct Sink {
    sequence: u64,
    scratch: Vec<u8>,
}

impl Sink {
    /// Writes one event.
    pub(super) fn event(&mut self, out: &mut BytesMut, name: &str, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.scratch.clear();
        let mut object = ObjectWriter::open(&mut self.scratch);
        object.put("type", name);
        object.put("sequence_number", &self.sequence);
        fill(&mut object);
        drop(object);
        self.sequence += 1;
        // Between tokens of JSON that came from elsewhere; inside of strings they are escaped.
        for byte in self.scratch.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        for piece in [b"event: ".as_slice(), name.as_bytes(), b"\ndata: ", &self.scratch, b"\n\n"] {
            out.extend_from_slice(piece);
        }
    }
}

/// Writes a stream of this format.
#[derive(Debug)]
pub(super) struct Encoder {
    sink: Sink,
    head: Head,
    echo: Vec<u8>,
    started: bool,
    over: bool,
    /// Items on their way, the newest last.
    open: Vec<Item>,
    /// Whole items by their place in the output.
    written: BTreeMap<usize, Vec<u8>>,
    next: usize,
    refused: bool,
    finish: Option<FinishReason>,
    usage: Usage,
}

impl Encoder {
    /// An encoder for the answer to a request.
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self {
            sink: Sink::default(),
            head: Head::default(),
            echo: echo(request),
            started: false,
            over: false,
            open: Vec::new(),
            written: BTreeMap::new(),
            next: 0,
            refused: false,
            finish: None,
            usage: Usage::default(),
        }
    }

    fn start(&mut self, start: &Start, out: &mut BytesMut) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.head = Head::new(&start.id, &start.model, start.created);
        self.head.service_tier.clone_from(&start.service_tier);
        if let Some((origin, fields)) = &start.extras
            && *origin == RESPONSES
        {
            self.head.extras.clone_from(fields);
        }
        if let Some(usage) = &start.usage {
            self.usage.update(usage);
        }
        self.response("response.created", &Status::InProgress, out);
        self.response("response.in_progress", &Status::InProgress, out);
    }

    fn response(&mut self, name: &str, status: &Status, out: &mut BytesMut) {
        let mut output = vec![b'['];
        for (at, item) in self.written.values().enumerate() {
            if at > 0 {
                output.push(b',');
            }
            output.extend_from_slice(item);
        }
        output.push(b']');
        let usage = if *status == Status::InProgress { Usage::default() } else { self.usage };
        let (head, echo) = (&self.head, &self.echo);
        self.sink.event(out, name, |object| {
            put_response(&mut object.object("response"), head, status, echo, &output, &usage);
        });
    }

    fn part(&mut self, place: Place, kind: &PartKind, out: &mut BytesMut) {
        match kind {
            PartKind::Text | PartKind::Refusal => {
                self.refused |= *kind == PartKind::Refusal;
                self.content(place, *kind == PartKind::Refusal, out);
            }
            // Opens with its words, if it has some.
            PartKind::Audio => {}
            PartKind::Reasoning { id } => {
                self.close_finished(out);
                let item = Item::reasoning(place, id.clone(), self.next, &self.head.suffix);
                self.push(item, out);
            }
            PartKind::ToolCall { id, item_id, name, custom } => {
                self.close_finished(out);
                let ids = (id.as_str(), item_id.as_deref());
                let item = Item::call(place, ids, name, *custom, (self.next, &self.head.suffix));
                self.push(item, out);
            }
            PartKind::Whole(part) => self.whole(place, part, out),
            _ => {}
        }
    }

    /// Opens a part of a message: of the newest item when that is one, else of a new one.
    fn content(&mut self, place: Place, refusal: bool, out: &mut BytesMut) {
        if !self.open.last().is_some_and(Item::is_message) {
            self.close_finished(out);
            let item = Item::message(self.next, &self.head.suffix);
            self.push(item, out);
        }
        if let Some(item) = self.open.last_mut() {
            item.content(place, refusal, &mut self.sink, out);
        }
    }

    fn push(&mut self, mut item: Item, out: &mut BytesMut) {
        item.announce(&mut self.sink, out);
        self.next += 1;
        self.open.push(item);
    }

    fn whole(&mut self, place: Place, part: &Part, out: &mut BytesMut) {
        match part {
            Part::Text(text) => {
                self.content(place, false, out);
                self.delta(place, &Delta::Text(text.text.clone().into()), out);
                for citation in &text.citations {
                    self.delta(place, &Delta::Citation(Box::new(citation.clone())), out);
                }
            }
            Part::Audio(media) => {
                if let Some(words) = &media.transcript {
                    self.delta(place, &Delta::AudioTranscript(words.clone()), out);
                }
            }
            part => {
                self.close_finished(out);
                if let Some(json) = item::whole(part, &self.head.suffix, self.next) {
                    self.put(json, out);
                }
            }
        }
    }

    /// Writes an item that comes whole.
    fn put(&mut self, json: Vec<u8>, out: &mut BytesMut) {
        let index = self.next;
        self.next += 1;
        for name in ["response.output_item.added", "response.output_item.done"] {
            self.sink.event(out, name, |object| {
                object.put("output_index", &index);
                object.put_json("item", &json);
            });
        }
        self.written.insert(index, json);
    }

    fn delta(&mut self, place: Place, delta: &Delta, out: &mut BytesMut) {
        let spoken = matches!(delta, Delta::AudioTranscript(_));
        if spoken && !self.open.iter().any(|item| item.holds(place)) {
            self.content(place, false, out);
        }
        if let Some(item) = self.open.iter_mut().rev().find(|item| item.holds(place)) {
            item.delta(place, delta, &mut self.sink, out);
        }
    }

    /// An item stays open until something else begins: a message may have more parts, and the last item of an
    /// answer that was cut is incomplete.
    fn part_end(&mut self, place: Place, out: &mut BytesMut) {
        if let Some(item) = self.open.iter_mut().rev().find(|item| item.holds(place)) {
            item.end(place, &mut self.sink, out);
        }
    }

    /// Closes the items that have no open part, because something else begins.
    fn close_finished(&mut self, out: &mut BytesMut) {
        while let Some(at) = self.open.iter().position(Item::is_finished) {
            self.close(at, "completed", out);
        }
    }

    fn close(&mut self, at: usize, status: &str, out: &mut BytesMut) {
        let item = self.open.remove(at);
        let index = item.index();
        let passenger = item.passenger();
        let json = item.close(status, &mut self.sink, out);
        self.written.insert(index, json);
        if let Some(sealed) = passenger {
            let json = item::passenger(&self.head.suffix, self.next, &sealed);
            self.put(json, out);
        }
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.start(&Start::default(), out);
        let status = Status::of(self.finish.as_ref(), self.refused);
        self.close_all(&status, out);
        let name = format!("response.{}", status.word());
        self.response(&name, &status, out);
        self.over = true;
    }

    fn close_all(&mut self, status: &Status, out: &mut BytesMut) {
        while !self.open.is_empty() {
            let last = self.open.len() == 1;
            self.close(0, if last { item_status(status) } else { "completed" }, out);
        }
    }

    /// The API sends both: the error, and the response as far as it came. An item that was cut gets no `done`: half
    /// of a call's arguments must not look ready to be used.
    fn fail(&mut self, error: &Error, out: &mut BytesMut) {
        self.sink.event(out, "error", |object| put_error(object, error));
        if self.started {
            let (sequence, mut untold) = (self.sink.sequence, BytesMut::new());
            while !self.open.is_empty() {
                self.close(0, "incomplete", &mut untold);
            }
            self.sink.sequence = sequence;
            self.response("response.failed", &Status::failed(error), out);
        }
        self.over = true;
    }
}

/// The members of an `error` event: flat as the API documents them, and in an object as SDKs look for them.
pub(super) fn put_error(object: &mut ObjectWriter<'_>, error: &Error) {
    let word = error.code().unwrap_or_else(|| code(error));
    object.put("code", word);
    object.put("message", error.message());
    object.put("param", &error.param());
    let mut inner = object.object("error");
    inner.put("type", error.error_type().unwrap_or_else(|| code(error)));
    inner.put("code", word);
    inner.put("message", error.message());
    inner.put("param", &error.param());
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        if self.over {
            return;
        }
        let place = |choice: u32, part: u32| Place { choice, part };
        if !matches!(event, Event::Start(_) | Event::Ping | Event::Usage(_) | Event::Error(_)) {
            self.start(&Start::default(), out);
        }
        match event {
            Event::Start(start) => self.start(start, out),
            Event::PartStart { choice, part, kind } => self.part(place(*choice, *part), kind, out),
            Event::Delta { choice, part, delta } => self.delta(place(*choice, *part), delta, out),
            Event::PartEnd { choice, part } => self.part_end(place(*choice, *part), out),
            Event::Logprobs { raw, .. } => self.logprobs(raw),
            Event::Finish { reason, .. } => self.finish = self.finish.take().or_else(|| Some(reason.clone())),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Error(error) => self.fail(error, out),
            Event::End => self.end(out),
            _ => {}
        }
    }
}

impl Encoder {
    fn logprobs(&mut self, raw: &RawJson) {
        let message = self.open.iter_mut().rev().find(|item| item.is_message());
        if let (Some(item), Some(list)) = (message, token_list(raw)) {
            item.logprobs(&list);
        }
    }
}
