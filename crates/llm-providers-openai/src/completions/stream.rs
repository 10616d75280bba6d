//! Streams: a vendor's chunks to events, and events to a client's chunks.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};
use llm_core::event::Start;
use llm_core::wire::Frame;
use llm_core::{
    ChatRequest, Delta, Event, EventEncoder, Part, PartKind, RawJson, Result, StreamDecoder, Usage,
};
use serde::Serialize;

use super::answer::{ShownChoice, shown_id};
use super::logprobs;
use crate::chat::usage::ShownUsage;
use crate::chat::{self, finish};

/// Reads a stream: as one of chat completions, but for the form of the log probabilities.
#[derive(Default)]
pub(super) struct Decoder(chat::stream::decoder::Decoder);

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        let from = out.len();
        let pushed = self.0.push(frame, out);
        for event in out.iter_mut().skip(from) {
            if let Event::Logprobs { raw, .. } = event {
                *raw = logprobs::canonical(std::mem::replace(raw, RawJson::null()));
            }
        }
        pushed
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        self.0.finish(out)
    }
}

/// Writes a canonical stream for a client.
pub(super) struct Encoder {
    model: String,
    include_usage: bool,
    /// What all chunks begin with, up to their choices.
    head: Vec<u8>,
    /// Characters that each choice's log probabilities were told of.
    offsets: BTreeMap<u32, u64>,
    usage: Usage,
    failed: bool,
}

impl Encoder {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self {
            model: request.model.clone(),
            include_usage: request.include_usage == Some(true),
            head: Vec::new(),
            offsets: BTreeMap::new(),
            usage: Usage::default(),
            failed: false,
        }
    }

    fn start(&mut self, start: &Start) {
        #[derive(Serialize)]
        struct Head<'a> {
            id: &'a str,
            object: &'static str,
            created: u64,
            model: &'a str,
        }
        if let Some(usage) = &start.usage {
            self.usage.update(usage);
        }
        let head = Head {
            id: &shown_id(&start.id),
            object: "text_completion",
            created: start.created.unwrap_or_else(chat::response::now),
            model: if self.model.is_empty() { &start.model } else { &self.model },
        };
        self.head = b"data: ".to_vec();
        serde_json::to_writer(&mut self.head, &head).expect("texts are always valid JSON");
        self.head.pop();
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if self.head.is_empty() {
            self.start(&Start::default());
        }
        out.put_slice(&self.head);
    }

    fn chunk(&mut self, choice: &ShownChoice<'_>, out: &mut BytesMut) {
        self.begin(out);
        out.put_slice(b",\"choices\":[");
        serde_json::to_writer(out.writer(), choice).expect("texts and raw JSON are always valid JSON");
        out.put_slice(b"]}\n\n");
    }

    fn text(&mut self, index: u32, text: &str, out: &mut BytesMut) {
        let text = Cow::Borrowed(text);
        self.chunk(&ShownChoice { text, index, logprobs: None, finish_reason: None }, out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        if !self.failed {
            self.tell_usage(out);
        }
        out.put_slice(chat::events::DONE);
    }

    fn tell_usage(&mut self, out: &mut BytesMut) {
        let usage = ShownUsage::of(&self.usage).filter(|_| self.include_usage);
        if let Some(usage) = usage {
            self.begin(out);
            out.put_slice(b",\"choices\":[],\"usage\":");
            serde_json::to_writer(out.writer(), &usage).expect("numbers are always valid JSON");
            out.put_slice(b"}\n\n");
        }
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Start(start) => self.start(start),
            Event::Delta { choice, delta: Delta::Text(text) | Delta::Refusal(text), .. } => {
                self.text(*choice, text, out);
            }
            Event::PartStart { choice, kind: PartKind::Whole(part), .. } => {
                if let Part::Text(text) = &**part {
                    self.text(*choice, &text.text, out);
                }
            }
            Event::Logprobs { choice, raw } => {
                let logprobs = logprobs::shown(raw, self.offsets.entry(*choice).or_default());
                let (text, index) = (Cow::Borrowed(""), *choice);
                self.chunk(&ShownChoice { text, index, logprobs, finish_reason: None }, out);
            }
            Event::Finish { choice, reason } => {
                let finish_reason = Some(finish::word(reason, false, false));
                let (text, index) = (Cow::Borrowed(""), *choice);
                self.chunk(&ShownChoice { text, index, logprobs: None, finish_reason }, out);
            }
            Event::Usage(usage) => self.usage.update(usage),
            Event::Ping => out.put_slice(b": ping\n\n"),
            Event::Error(error) => {
                self.failed = true;
                self.tell_usage(out);
                chat::events::put_error(error, out);
            }
            Event::End => self.end(out),
            _ => {}
        }
    }
}
