//! A server's answer, whole or a line of a stream, to the canonical form.

use llm_core::dialect::Peek;
use llm_core::message::{Reasoning, ToolCall};
use llm_core::object::object_of;
use llm_core::wire::WireResponse;
use llm_core::{
    ChatResponse, Choice, Envelope, Error, FinishReason, Message, Part, RawJson, RawObject, Result, Role,
    Usage,
};
use serde_json::value::RawValue;

use crate::body::{Malformed, Members, json};
use crate::request::{arguments, image};
use crate::{CHAT, error, ids, time};

/// An answer, or a line of one: streams are made of small answers of which the last is `done`.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) model: String,
    pub(crate) created_at: Option<String>,
    pub(crate) thinking: String,
    pub(crate) text: String,
    pub(crate) images: Vec<Part>,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) logprobs: Option<RawJson>,
    pub(crate) done: bool,
    pub(crate) reason: Option<String>,
    pub(crate) usage: Usage,
    pub(crate) extras: RawObject,
}

impl Line {
    /// Reads a text. `calls`: how many calls came before.
    ///
    /// # Errors
    /// The server's error in place of an answer, and whatever is no answer.
    pub(crate) fn read(text: &str, calls: usize) -> Result<Self> {
        let mut members = Members::parse(text).map_err(Malformed::of_vendor)?;
        if let Some(raw) = members.raw("error") {
            return Err(error::in_answer(raw.get()));
        }
        Self::of(members, calls).map_err(Malformed::of_vendor)
    }

    fn of(mut members: Members<'_>, calls: usize) -> Result<Self, Malformed> {
        let mut line = Self {
            model: members.text("model")?.unwrap_or_default(),
            created_at: members.text("created_at")?,
            done: members.take("done", "true or false")?.unwrap_or(false),
            reason: members.filled("done_reason")?,
            logprobs: members.raw("logprobs").map(canonical_logprobs),
            ..Self::default()
        };
        let counts = (members.whole("prompt_eval_count")?, members.whole("eval_count")?);
        line.usage = usage(counts.0, counts.1);
        match (members.object("message")?, members.text("response")?) {
            (Some(message), _) => line.message(message, calls).map_err(|fault| fault.within("message"))?,
            // A single prompt's answer.
            (None, Some(text)) => {
                line.text = text;
                line.thinking = members.text("thinking")?.unwrap_or_default();
            }
            (None, None) => return Err(Malformed::new("message", "field required")),
        }
        line.extras = members.rest();
        Ok(line)
    }

    fn message(&mut self, mut message: Members<'_>, before: usize) -> Result<(), Malformed> {
        self.text = message.text("content")?.unwrap_or_default();
        self.thinking = message.text("thinking")?.unwrap_or_default();
        self.images = message.texts("images")?.into_iter().map(image).collect();
        for (at, mut call) in message.objects("tool_calls")?.into_iter().enumerate() {
            let inside = |fault: Malformed| fault.within(at).within("tool_calls");
            let id = call.filled("id").map_err(inside)?;
            let mut function = call.object("function").map_err(inside)?.unwrap_or_default();
            let name = function.required("name").map_err(inside)?;
            let arguments = arguments(&mut function);
            let moment = self.created_at.as_deref().unwrap_or_default();
            let id = id.unwrap_or_else(|| ids::made([moment, &self.model, &name, &arguments], before + at));
            self.calls.push(ToolCall::new(id, name, arguments));
        }
        Ok(())
    }

    /// Seconds since 1970.
    pub(crate) fn created(&self) -> Option<u64> {
        time::read(self.created_at.as_deref()?).filter(|seconds| *seconds > 0)
    }

    /// What the answer's head has beside what is modelled: the time to its last digit.
    pub(crate) fn head(&self) -> RawObject {
        self.created_at.iter().map(|moment| ("created_at".to_owned(), json(moment))).collect()
    }
}

/// Tokens. A prompt that was in the server's memory already is not counted: <https://github.com/ollama/ollama>
/// leaves zeros out.
pub(crate) fn usage(prompt: Option<i64>, answer: Option<i64>) -> Usage {
    let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let output = count(answer);
    Usage { input: count(prompt).or(output.map(|_| 0)), output, ..Usage::default() }
}

/// Why an answer ended. Answers that call tools end with `stop` too.
pub(crate) fn finish(reason: Option<&str>, calls: bool) -> FinishReason {
    match reason.unwrap_or("stop") {
        "stop" if calls => FinishReason::ToolCalls,
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// The list of tokens stands in an object, as clients of other formats expect it.
fn canonical_logprobs(list: &RawValue) -> RawJson {
    object_of("content", list)
}

/// Reads a whole answer.
pub(crate) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let text = std::str::from_utf8(&reply.body)
        .map_err(|_| Error::bad_answer("the vendor's answer is not UTF-8"))?;
    let line = Line::read(text, 0)?;
    let finish = Some(finish(line.reason.as_deref(), !line.calls.is_empty()));
    let (created, mut extras) = (line.created(), line.head());
    line.extras.iter().for_each(|(name, value)| extras.insert(name, value.clone()));
    let choice = Choice {
        index: 0,
        finish,
        logprobs: line.logprobs,
        message: Message::new(Role::Assistant, parts(line.thinking, line.text, line.images, line.calls)),
    };
    Ok(ChatResponse {
        model: line.model,
        created,
        choices: vec![choice],
        usage: line.usage,
        extras: (!extras.is_empty()).then_some((CHAT, extras)),
        ..ChatResponse::default()
    })
}

fn parts(thinking: String, text: String, images: Vec<Part>, calls: Vec<ToolCall>) -> Vec<Part> {
    let mut parts = Vec::new();
    if !thinking.is_empty() {
        parts.push(Part::Reasoning(Reasoning { text: thinking, ..Reasoning::default() }));
    }
    if !text.is_empty() {
        parts.push(Part::text(text));
    }
    parts.extend(images);
    parts.extend(calls.into_iter().map(Part::ToolCall));
    parts
}

/// Reads of a whole answer only what metering needs.
pub(crate) fn peek(body: &[u8]) -> Result<Peek> {
    let envelope = Envelope::scan(body).map_err(|_| unreadable())?;
    if let Some(error) = envelope.value(body, "error").filter(|error| *error != "null") {
        return Err(error::in_answer(error));
    }
    let message = envelope.bytes(body, "message").or_else(|| envelope.bytes(body, "response"));
    let message = message.ok_or_else(unreadable)?;
    let count = |key| envelope.read::<i64>(body, key).ok().flatten();
    let reason = envelope.string(body, "done_reason").ok().flatten();
    let calls = memchr::memmem::find(message, b"\"tool_calls\"").is_some();
    Ok(Peek {
        usage: usage(count("prompt_eval_count"), count("eval_count")),
        finish: Some(finish(reason.as_deref(), calls)),
        model: envelope.range(body, "model"),
    })
}

fn unreadable() -> Error {
    Error::bad_answer("the vendor's answer is not of this format")
}
