//! A canonical stream written for a client.

mod part;

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use llm_core::event::{Start, unfold};
use llm_core::ingress::Broken;
use llm_core::object::ObjectWriter;
use llm_core::request::ChatRequest;
use llm_core::{
    ChatResponse, Choice, Delta, Error, Event, EventEncoder, FinishReason, Message, Part, PartKind, RawJson,
    RawObject, Role, Usage,
};
use serde::Serialize;

use self::part::{Counts, Open, ShownDelta};
use super::finish;
use super::request::tools::is_legacy;
use super::response::{now, shown_id};
use super::usage::ShownUsage;
use crate::error;

/// The state of a stream that is being written.
pub(super) struct Encoder {
    model: String,
    include_usage: bool,
    legacy: bool,
    /// What all chunks begin with, up to their choices.
    head: Vec<u8>,
    choices: BTreeMap<u32, State>,
    usage: Usage,
    failed: bool,
}

/// What is known of a choice.
#[derive(Default)]
struct State {
    has_role: bool,
    counts: Counts,
    parts: BTreeMap<u32, Open>,
}

/// What a chunk says of a choice beside its delta.
#[derive(Clone, Copy, Default)]
struct Rest<'a> {
    logprobs: Option<&'a RawJson>,
    finish: Option<&'a str>,
}

impl Encoder {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self {
            model: request.model.clone(),
            include_usage: request.include_usage == Some(true),
            legacy: is_legacy(&request.tools),
            head: Vec::new(),
            choices: BTreeMap::new(),
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
            #[serde(skip_serializing_if = "Option::is_none")]
            system_fingerprint: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            service_tier: Option<&'a str>,
        }
        if let Some(usage) = &start.usage {
            self.usage.update(usage);
        }
        let head = Head {
            id: &shown_id(&start.id),
            object: "chat.completion.chunk",
            created: start.created.unwrap_or_else(now),
            model: if self.model.is_empty() { &start.model } else { &self.model },
            system_fingerprint: start.system_fingerprint.as_deref(),
            service_tier: start.service_tier.as_deref(),
        };
        self.head = b"data: ".to_vec();
        serde_json::to_writer(&mut self.head, &head).expect("texts are always valid JSON");
        self.head.pop();
    }

    /// Writes a chunk of one choice.
    fn chunk(&mut self, choice: u32, mut delta: ShownDelta<'_>, rest: Rest<'_>, out: &mut BytesMut) {
        #[derive(Serialize)]
        struct ShownChoice<'a> {
            index: u32,
            delta: ShownDelta<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            logprobs: Option<&'a RawJson>,
            finish_reason: Option<&'a str>,
        }
        let state = self.choices.entry(choice).or_default();
        if !std::mem::replace(&mut state.has_role, true) {
            delta.role = Some("assistant");
        }
        let chunk = ShownChoice { index: choice, delta, logprobs: rest.logprobs, finish_reason: rest.finish };
        self.begin(out);
        out.put_slice(b",\"choices\":[");
        put(&chunk, out);
        out.put_slice(b"]}\n\n");
    }

    /// Writes a chunk that is only more of an answer's text, as [`Self::chunk`] does: most chunks are, and its other
    /// fields need not be looked at.
    fn text(&mut self, choice: u32, text: &str, out: &mut BytesMut) {
        self.begin(out);
        out.put_slice(b",\"choices\":[{\"index\":");
        put(&choice, out);
        out.put_slice(b",\"delta\":{\"content\":");
        put(text, out);
        out.put_slice(b"},\"finish_reason\":null}]}\n\n");
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if self.head.is_empty() {
            self.start(&Start::default());
        }
        out.put_slice(&self.head);
    }

    fn open(&mut self, choice: u32, part: u32, kind: &PartKind, out: &mut BytesMut) {
        if let PartKind::Whole(whole) = kind {
            return self.whole(choice, part, whole, out);
        }
        let state = self.choices.entry(choice).or_default();
        state.parts.insert(part, Open::of(kind, state.counts));
    }

    /// A part that comes whole is told as if it had been streamed.
    fn whole(&mut self, choice: u32, part: u32, whole: &Part, out: &mut BytesMut) {
        if let Some(delta) = ShownDelta::of_media(whole) {
            return self.chunk(choice, delta, Rest::default(), out);
        }
        if !matches!(whole, Part::Text(_) | Part::Reasoning(_) | Part::ToolCall(_) | Part::Refusal(_)) {
            return;
        }
        let message = Message::new(Role::Assistant, vec![whole.clone()]);
        let choices = vec![Choice { index: choice, message, finish: None, logprobs: None }];
        for event in unfold(ChatResponse { choices, ..ChatResponse::default() }) {
            match event {
                Event::PartStart { kind, .. } => self.open(choice, part, &kind, out),
                Event::Delta { delta, .. } => self.delta(choice, part, Some(&delta), out),
                Event::PartEnd { .. } => self.delta(choice, part, None, out),
                _ => {}
            }
        }
    }

    /// A delta of a part, or its end.
    fn delta(&mut self, choice: u32, part: u32, delta: Option<&Delta>, out: &mut BytesMut) {
        let legacy = self.legacy;
        let state = self.choices.entry(choice).or_default();
        if let (true, Some(Delta::Text(text)), Some(Open::Text { .. })) =
            (state.has_role, delta, state.parts.get(&part))
        {
            state.counts.add_letters(text);
            return self.text(choice, text, out);
        }
        // Taken out while it writes, so that the writing can look at the rest.
        let Some(mut open) = state.parts.remove(&part) else { return };
        let mut counts = state.counts;
        let emit = |shown: ShownDelta<'_>| self.chunk(choice, shown, Rest::default(), out);
        match delta {
            Some(delta) => open.delta(delta, &mut counts, legacy, emit),
            None => open.end(&mut counts, legacy, emit),
        }
        let state = self.choices.entry(choice).or_default();
        state.counts = counts;
        if delta.is_some() {
            state.parts.insert(part, open);
        }
    }

    fn finish(&mut self, choice: u32, reason: &FinishReason, out: &mut BytesMut) {
        let has_calls = self.choices.get(&choice).is_some_and(|state| state.counts.calls > 0);
        let word = finish::word(reason, has_calls, self.legacy);
        let rest = Rest { finish: Some(word), ..Rest::default() };
        self.chunk(choice, ShownDelta::default(), rest, out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        if !self.failed {
            self.tell_usage(out);
        }
        out.put_slice(DONE);
    }

    fn tell_usage(&mut self, out: &mut BytesMut) {
        let usage = ShownUsage::of(&self.usage).filter(|_| self.include_usage);
        if let Some(usage) = usage {
            self.begin(out);
            out.put_slice(b",\"choices\":[],\"usage\":");
            put(&usage, out);
            out.put_slice(b"}\n\n");
        }
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Start(start) => self.start(start),
            Event::PartStart { choice, part, kind } => self.open(*choice, *part, kind, out),
            Event::Delta { choice, part, delta } => self.delta(*choice, *part, Some(delta), out),
            Event::PartEnd { choice, part } => self.delta(*choice, *part, None, out),
            Event::Logprobs { choice, raw } => {
                let rest = Rest { logprobs: Some(raw), ..Rest::default() };
                self.chunk(*choice, ShownDelta::default(), rest, out);
            }
            Event::Finish { choice, reason } => self.finish(*choice, reason, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Ping => out.put_slice(b": ping\n\n"),
            Event::Error(error) => {
                self.failed = true;
                // What was used until then; clients stop reading at the error.
                self.tell_usage(out);
                put_error(error, out);
            }
            Event::End => self.end(out),
            _ => {}
        }
    }
}

fn put<T: Serialize + ?Sized>(value: &T, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), value).expect("texts, numbers and raw JSON are always valid JSON");
}

/// The end of a stream.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

/// Writes an error as a frame.
pub(crate) fn put_error(error: &Error, out: &mut BytesMut) {
    out.put_slice(b"data: ");
    out.put_slice(&error::body(error));
    out.put_slice(b"\n\n");
}

/// An error in a stream that passes as it is, after what was used until then, and the terminator.
pub(crate) fn stream_error(error: &Error, object: &str, broken: &Broken<'_>) -> Bytes {
    let mut out = BytesMut::new();
    if let Some(usage) = ShownUsage::of(&broken.usage) {
        let mut chunk = ObjectWriter::new();
        let last = last_chunk(broken.last).unwrap_or_default();
        match last.get("id") {
            Some(id) => chunk.member("id", id),
            None => chunk.member("id", &shown_id(broken.id)),
        };
        chunk.member("object", object);
        match last.get("created") {
            Some(created) => chunk.member("created", created),
            None => chunk.member("created", &now()),
        };
        chunk.optional("model", last.get("model")).member("choices", &[(); 0]).member("usage", &usage);
        out.put_slice(b"data: ");
        out.put_slice(&chunk.finish());
        out.put_slice(b"\n\n");
    }
    put_error(error, &mut out);
    out.put_slice(DONE);
    out.freeze()
}

/// The last chunk of what went by of a stream.
fn last_chunk(last: &[u8]) -> Option<RawObject> {
    let mut lines = last.rsplit(|byte| *byte == b'\n');
    lines.find_map(|line| serde_json::from_slice(line.strip_prefix(b"data:")?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_stream_that_passes_comes_after_what_was_used() {
        let error = Error::new(llm_core::ErrorKind::Overloaded, "too busy");
        let last = b"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":[]}\n\n";
        let usage = Usage { input: Some(3), output: Some(4), ..Usage::default() };
        let object = "chat.completion.chunk";
        let told = stream_error(&error, object, &Broken { last, usage, ..Broken::default() });
        let told = String::from_utf8(told.into()).expect("text");
        let (chunk, rest) = told.split_once("\n\n").expect("two frames");
        assert!(
            chunk.starts_with(
                r#"data: {"id":"1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7"#
            ),
            "{chunk}"
        );
        assert_eq!(
            rest,
            String::from_utf8_lossy(&stream_error(&error, object, &Broken { last, ..Broken::default() }))
        );
    }

    #[test]
    fn text_is_written_as_a_serializer_writes_it() {
        let mut encoder = Encoder::new(&ChatRequest::default());
        encoder.choices.entry(12).or_default().has_role = true;
        for words in ["", "a", "a \"b\" \\ \n\u{1} é 🦀 </"] {
            let (mut direct, mut whole) = (BytesMut::new(), BytesMut::new());
            encoder.text(12, words, &mut direct);
            encoder.chunk(12, ShownDelta::content(words), Rest::default(), &mut whole);
            assert_eq!(direct, whole);
        }
    }
}
