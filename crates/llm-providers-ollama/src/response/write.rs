//! A canonical answer for a client: one line, which is the whole answer or a piece of a stream.

use std::borrow::Cow;

use bytes::Bytes;
use llm_core::ingress::Took;
use llm_core::message::{Opaque, Reasoning, Source, ToolCall};
use llm_core::{
    ChatRequest, ChatResponse, DialectId, FinishReason, Part, RawJson, RawObject, Usage, custom_tools,
};
use serde::Serialize;

use crate::body::ObjectWriter;
use crate::{CHAT, ids, time};

/// Where the words stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// In `message`.
    Chat,
    /// In `response`.
    Generate,
}

/// What all lines of an answer begin with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) model: String,
    pub(crate) created_at: String,
}

impl Head {
    /// The model by the name that the client asked for.
    pub(crate) fn new(asked: &str, answered: &str, created: Option<u64>, extras: Option<&RawObject>) -> Self {
        let model = if asked.is_empty() { answered } else { asked };
        let own = extras.and_then(|extras| extras.get("created_at")?.read().ok());
        Self { model: model.to_owned(), created_at: own.unwrap_or_else(|| time::write(created)) }
    }
}

/// What a line says.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) thinking: Option<Cow<'a, str>>,
    pub(crate) images: Vec<&'a str>,
    pub(crate) calls: Vec<Call<'a>>,
}

/// A call as it is written.
#[derive(Debug, Serialize)]
pub(crate) struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    index: usize,
    name: &'a str,
    arguments: RawJson,
}

impl<'a> Call<'a> {
    /// Arguments that are no object (the answer was cut short) become a text in one: this format knows only objects.
    pub(crate) fn new(index: usize, call: &'a ToolCall) -> Self {
        let object = if call.custom { None } else { call.arguments_object() };
        let arguments = object.unwrap_or_else(|| custom_tools::wrap(&call.arguments));
        let state: Option<&Opaque> = call.opaque.as_ref();
        Self {
            id: ids::for_client(&call.id, state),
            function: Function { index, name: &call.name, arguments },
        }
    }
}

/// How an answer ends.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) reason: &'a str,
    pub(crate) usage: &'a Usage,
    /// The server's own numbers, where a server of this format answered.
    pub(crate) extras: Option<&'a RawObject>,
    /// How long the answer took here.
    pub(crate) took: Option<Took>,
}

impl Done<'_> {
    /// A duration in nanoseconds. A server's own number wins; another vendor tells none, so that it is measured from
    /// here. Nobody knows how long a model took to load.
    fn duration(&self, name: &str) -> Option<RawJson> {
        if let Some(own) = self.extras.and_then(|extras| extras.get(name)) {
            return Some(own.clone());
        }
        let took = self.took?;
        let measured = match name {
            "total_duration" => took.total,
            "prompt_eval_duration" => took.first_content?,
            "eval_duration" => took.total.saturating_sub(took.first_content?),
            _ => return None,
        };
        Some(crate::body::json(&u64::try_from(measured.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The word for why an answer ended. Answers that call tools end with `stop` too.
pub(crate) fn reason(finish: Option<&FinishReason>) -> &str {
    match finish {
        Some(FinishReason::Length | FinishReason::ContextExceeded) => "length",
        Some(FinishReason::ContentFilter | FinishReason::Refusal) => "content_filter",
        Some(FinishReason::Error) => "error",
        Some(FinishReason::Other(word)) => word,
        _ => "stop",
    }
}

/// Writes a line, without its end.
pub(crate) fn line(
    shape: Shape,
    head: &Head,
    said: &Said<'_>,
    logprobs: Option<&RawJson>,
    done: Option<&Done<'_>>,
) -> Vec<u8> {
    #[derive(Serialize)]
    struct Message<'a> {
        role: &'static str,
        content: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        thinking: Option<&'a str>,
        #[serde(skip_serializing_if = "<[&str]>::is_empty")]
        images: &'a [&'a str],
        #[serde(skip_serializing_if = "<[Call<'a>]>::is_empty")]
        tool_calls: &'a [Call<'a>],
    }
    let thinking = said.thinking.as_deref();
    let mut object = ObjectWriter::new();
    object.member("model", &head.model).member("created_at", &head.created_at);
    match shape {
        Shape::Chat => {
            let (images, tool_calls) = (said.images.as_slice(), said.calls.as_slice());
            object.member(
                "message",
                &Message { role: "assistant", content: &said.text, thinking, images, tool_calls },
            );
        }
        Shape::Generate => {
            object.member("response", &said.text).optional("thinking", thinking);
        }
    }
    object.member("done", &done.is_some()).optional("logprobs", logprobs.and_then(listed).as_ref());
    if let Some(done) = done {
        end(&mut object, done);
    }
    object.finish()
}

/// Times that a client may count with.
const DURATIONS: [&str; 4] = ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"];

fn end(object: &mut ObjectWriter, done: &Done<'_>) {
    object.member("done_reason", done.reason);
    for name in DURATIONS {
        object.optional(name, done.duration(name).as_ref());
    }
    object.optional("prompt_eval_count", done.usage.prompt_total().as_ref());
    object.optional("eval_count", done.usage.completion_total().as_ref());
    let rest = done.extras.into_iter().flat_map(RawObject::iter);
    for (name, value) in rest.filter(|(name, _)| *name != "created_at" && !DURATIONS.contains(name)) {
        object.member(name, value);
    }
}

/// The list of tokens, where the vendor's log probabilities have one.
fn listed(logprobs: &RawJson) -> Option<RawJson> {
    let object: RawObject = logprobs.read().ok()?;
    object.get("content").filter(|list| list.get().starts_with('[')).cloned()
}

/// Writes a whole answer. This format has one choice: the first.
pub(crate) fn encode(
    shape: Shape,
    response: &ChatResponse,
    request: &ChatRequest,
    took: Option<Took>,
) -> Bytes {
    let choice = response.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.message.parts);
    let extras = own_extras(response.extras.as_ref());
    let head = Head::new(&request.model, &response.model, response.created, extras);
    let reason = reason(choice.and_then(|choice| choice.finish.as_ref()));
    let done = Done { reason, usage: &response.usage, extras, took };
    let logprobs = choice.and_then(|choice| choice.logprobs.as_ref());
    line(shape, &head, &said(parts), logprobs, Some(&done)).into()
}

/// The extras of an answer that are in this format's words.
pub(crate) fn own_extras(extras: Option<&(DialectId, RawObject)>) -> Option<&RawObject> {
    extras.filter(|(origin, _)| *origin == CHAT).map(|(_, fields)| fields)
}

/// What the parts of an answer say in this format: blocks of a vendor's own tools, sound and citations have no place.
pub(crate) fn said(parts: &[Part]) -> Said<'_> {
    let mut said = Said::default();
    for part in parts {
        match part {
            Part::Text(text) => append(&mut said.text, &text.text),
            Part::Refusal(words) => append(&mut said.text, words),
            Part::Reasoning(reasoning) => think(&mut said.thinking, reasoning),
            Part::Image(media) => {
                if let Source::Base64 { data, .. } = &media.source {
                    said.images.push(data);
                }
            }
            Part::ToolCall(call) => said.calls.push(Call::new(said.calls.len(), call)),
            _ => {}
        }
    }
    said
}

fn append<'a>(text: &mut Cow<'a, str>, more: &'a str) {
    if text.is_empty() {
        *text = Cow::Borrowed(more);
    } else {
        text.to_mut().push_str(more);
    }
}

/// Thinking that is hidden shows its summaries.
fn think<'a>(thinking: &mut Option<Cow<'a, str>>, reasoning: &'a Reasoning) {
    let paragraphs = reasoning.summary.iter().enumerate();
    let summary = paragraphs.flat_map(|(at, text)| [if at > 0 { "\n\n" } else { "" }, text.as_str()]);
    let text = Some(reasoning.text.as_str()).filter(|text| !text.is_empty());
    let pieces: Vec<&str> = text.map_or_else(|| summary.collect(), |text| vec![text]);
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        append(thinking.get_or_insert_default(), piece);
    }
}
