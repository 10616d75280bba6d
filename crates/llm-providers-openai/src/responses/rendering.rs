//! Parts of an answer written as output items, whole; and a whole answer.

use std::borrow::Cow;

use bytes::Bytes;
use llm_core::message::{ForeignBlock, Media, Reasoning, Source, Text, ToolCall};
use llm_core::{ChatRequest, ChatResponse, Part, RawJson, RawObject};

use super::RESPONSES;
use super::answer::{Head, Status, echo, put_response, refused};
use super::content::{put_output_text, put_refusal};
use super::reasoning::{form, item_id, put_words, sealed_block, sealed_call};
use super::write::{ArrayWriter, ObjectWriter};

/// Writes a whole answer.
pub(super) fn encode(response: &ChatResponse, request: &ChatRequest) -> Bytes {
    let mut head = Head::new(&response.id, &response.model, response.created);
    head.service_tier.clone_from(&response.service_tier);
    if let Some((origin, fields)) = &response.extras
        && *origin == RESPONSES
    {
        head.extras.clone_from(fields);
    }
    let finish = response.choices.first().and_then(|choice| choice.finish.as_ref());
    let refused = response.choices.iter().any(|choice| refused(&choice.message.parts));
    let status = Status::of(finish, refused);
    let mut output = Vec::new();
    let mut items = Items::new(&mut output, &head.suffix, &status);
    for choice in &response.choices {
        items.logprobs = choice.logprobs.as_ref().and_then(token_list);
        items.put_all(&choice.message.parts);
    }
    drop(items);
    let mut out = Vec::with_capacity(output.len() + 1024);
    let mut object = ObjectWriter::open(&mut out);
    put_response(&mut object, &head, &status, &echo(request), &output, &response.usage);
    drop(object);
    out.into()
}

/// The list of tokens in log probabilities as chat completions write them.
pub(super) fn token_list(logprobs: &RawJson) -> Option<RawJson> {
    logprobs.read::<RawObject>().ok()?.remove("content").filter(|list| list.get().starts_with('['))
}

/// The numbered id of an item.
pub(super) fn numbered(prefix: &str, suffix: &str, index: usize) -> String {
    format!("{prefix}_{suffix}_{index}")
}

struct Items<'o> {
    list: ArrayWriter<'o>,
    suffix: &'o str,
    status: &'o Status,
    index: usize,
    logprobs: Option<RawJson>,
}

impl<'o> Items<'o> {
    fn new(output: &'o mut Vec<u8>, suffix: &'o str, status: &'o Status) -> Self {
        Self { list: ArrayWriter::open(output), suffix, status, index: 0, logprobs: None }
    }

    fn put_all(&mut self, parts: &[Part]) {
        let mut rest = parts;
        while let Some(first) = rest.first() {
            let run = rest.iter().take_while(|part| content(part).is_some()).count();
            let (now, later) = rest.split_at(run.max(1).min(rest.len()));
            rest = later;
            let status = if rest.is_empty() { item_status(self.status) } else { "completed" };
            if run > 0 {
                self.message(now, status);
            } else {
                self.item(first, status);
            }
        }
    }

    fn message(&mut self, run: &[Part], status: &str) {
        let id = self.next_id("msg");
        let contents: Vec<Content<'_>> = run.iter().filter_map(content).collect();
        let logprobs = self.logprobs.take();
        put_message(&mut self.list.object(), &id, status, &contents, logprobs.as_ref());
    }

    fn item(&mut self, part: &Part, status: &str) {
        match part {
            Part::ToolCall(call) => {
                let id = self.next_id(call_prefix(call));
                put_call(&mut self.list.object(), call.item_id.as_ref().unwrap_or(&id), status, call);
                if let Some(sealed) = passenger_of_call(call) {
                    self.passenger(&sealed);
                }
            }
            Part::Reasoning(reasoning) => {
                let suffix = numbered("", self.suffix, self.index);
                self.index += 1;
                let id = item_id(reasoning.id.as_deref(), form(reasoning), suffix.trim_start_matches('_'));
                put_reasoning(&mut self.list.object(), &id, status, reasoning);
            }
            part => {
                if let Some(sealed) = passenger_of_block(part) {
                    self.passenger(&sealed);
                } else if let Some(json) = whole(part, self.suffix, self.index) {
                    self.index += 1;
                    self.list.put_json(&json);
                }
            }
        }
    }

    /// Another dialect's state in a reasoning item without words.
    fn passenger(&mut self, sealed: &str) {
        let id = self.next_id("rs");
        put_passenger(&mut self.list.object(), &id, sealed);
    }

    fn next_id(&mut self, prefix: &str) -> String {
        self.index += 1;
        numbered(prefix, self.suffix, self.index - 1)
    }
}

/// What an item is whose answer ended like this at it.
pub(super) fn item_status(status: &Status) -> &'static str {
    if matches!(status, Status::Incomplete(_)) { "incomplete" } else { "completed" }
}

/// A part of a message.
pub(super) enum Content<'a> {
    /// Text.
    Text(Cow<'a, Text>),
    /// A refusal.
    Refusal(&'a str),
}

fn content(part: &Part) -> Option<Content<'_>> {
    match part {
        Part::Text(text) => Some(Content::Text(Cow::Borrowed(text))),
        Part::Refusal(words) => Some(Content::Refusal(words)),
        // Sound has no place here; its words have.
        Part::Audio(Media { transcript: Some(words), .. }) => {
            Some(Content::Text(Cow::Owned(Text::new(words.clone()))))
        }
        _ => None,
    }
}

/// Writes a message. `logprobs` belong to its first text.
pub(super) fn put_message(
    object: &mut ObjectWriter<'_>,
    id: &str,
    status: &str,
    contents: &[Content<'_>],
    logprobs: Option<&RawJson>,
) {
    object.put("id", id);
    object.put("type", "message");
    object.put("status", status);
    object.put("role", "assistant");
    let mut logprobs = logprobs.map(RawJson::get);
    let mut list = object.array("content");
    for content in contents {
        match content {
            Content::Text(text) => put_output_text(&mut list, text, logprobs.take()),
            Content::Refusal(words) => put_refusal(&mut list, words),
        }
    }
}

/// What ids of an item for this call begin with.
pub(super) fn call_prefix(call: &ToolCall) -> &'static str {
    if call.custom { "ctc" } else { "fc" }
}

/// Writes a tool call.
pub(super) fn put_call(object: &mut ObjectWriter<'_>, id: &str, status: &str, call: &ToolCall) {
    object.put("id", id);
    if call.custom {
        object.put("type", "custom_tool_call");
        object.put("status", status);
        object.put("input", &call.arguments);
    } else {
        object.put("type", "function_call");
        object.put("status", status);
        object.put("arguments", arguments(call));
    }
    object.put("call_id", &call.id);
    object.put("name", &call.name);
    if let Some(state) = call.opaque.as_ref().filter(|state| state.origin == RESPONSES) {
        let fields: RawObject = serde_json::from_str(&state.data).unwrap_or_default();
        object.members(&fields);
    }
}

/// Clients parse the arguments of a function, even those of one that takes none.
pub(super) fn arguments(call: &ToolCall) -> &str {
    if call.arguments.trim().is_empty() && !call.custom { "{}" } else { &call.arguments }
}

/// Another dialect's state of a call, sealed.
pub(super) fn passenger_of_call(call: &ToolCall) -> Option<String> {
    let state = call.opaque.as_ref().filter(|state| state.origin != RESPONSES)?;
    Some(sealed_call(&call.id, state))
}

/// Another dialect's block, sealed.
pub(super) fn passenger_of_block(part: &Part) -> Option<String> {
    match part {
        Part::ServerTool(ForeignBlock { origin, raw }) | Part::Unknown(ForeignBlock { origin, raw })
            if *origin != RESPONSES =>
        {
            Some(sealed_block(*origin, raw))
        }
        _ => None,
    }
}

/// Writes an item without words that brings state back.
pub(super) fn put_passenger(object: &mut ObjectWriter<'_>, id: &str, sealed: &str) {
    object.put("id", id);
    object.put("type", "reasoning");
    object.array("summary");
    object.put("encrypted_content", sealed);
}

/// Writes thinking.
pub(super) fn put_reasoning(object: &mut ObjectWriter<'_>, id: &str, status: &str, reasoning: &Reasoning) {
    object.put("id", id);
    object.put("type", "reasoning");
    object.put("status", status);
    put_words(object, reasoning, reasoning.id.is_some());
    object
        .put_some("encrypted_content", reasoning.opaque.as_ref().map(|opaque| opaque.for_client(RESPONSES)));
}

/// Any other part as an item, when this format has words for it.
pub(super) fn whole(part: &Part, suffix: &str, index: usize) -> Option<Vec<u8>> {
    match part {
        Part::ServerTool(block) | Part::Unknown(block) => Some(block.raw.get().as_bytes().to_vec()),
        Part::Image(Media { source: Source::Base64 { data, .. }, .. }) => {
            let mut out = Vec::new();
            let mut object = ObjectWriter::open(&mut out);
            object.put("id", &numbered("ig", suffix, index));
            object.put("type", "image_generation_call");
            object.put("status", "completed");
            object.put("result", data);
            drop(object);
            Some(out)
        }
        _ => None,
    }
}
