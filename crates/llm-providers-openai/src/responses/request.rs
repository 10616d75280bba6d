//! A client's request body read into the canonical form.

use llm_core::message::{ForeignBlock, Message, Role};
use llm_core::request::{JsonSchema, OutputFormat, ReasoningOptions, Sampling};
use llm_core::{ChatRequest, Part, RawJson, RawObject};

use super::RESPONSES;
use super::fields::{Fault, Fields, raw};
use super::input::{Conversation, input};
use super::tools;

/// Members that name a part of the conversation which only the vendor knows. They become a message that no other
/// dialect can express: without it the answer would be one to another question.
pub(super) const STORED: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Asks for the tokens' log probabilities.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";

/// Reads a body.
pub(super) fn decode(body: &str) -> Result<ChatRequest, Fault> {
    let mut fields = Fields::parse(body)?;
    let mut request = ChatRequest {
        model: fields.string("model")?.unwrap_or_default(),
        messages: messages(&mut fields)?,
        tools: list(&mut fields, "tools", tools::tool)?,
        tool_choice: fields
            .value("tool_choice")
            .map(tools::tool_choice)
            .transpose()
            .map_err(|fault| fault.within("tool_choice"))?,
        parallel_tool_calls: fields.read("parallel_tool_calls")?,
        sampling: sampling(&mut fields)?,
        max_output_tokens: fields.read("max_output_tokens")?,
        stream: fields.read("stream")?.unwrap_or(false),
        metadata: fields.read("metadata")?,
        service_tier: fields.string("service_tier")?,
        user: fields.string("user")?,
        ..ChatRequest::default()
    };
    let text = text(&mut fields, &mut request)?;
    let reasoning = reasoning(&mut fields, &mut request)?;
    let mut extras = fields.rest();
    for (key, rest) in [("text", text), ("reasoning", reasoning)] {
        if let Some(rest) = rest.filter(|rest| !rest.is_empty())
            && let Ok(rest) = RawJson::of(&rest)
        {
            extras.insert(key, rest);
        }
    }
    if request.user.is_none() {
        request.user = extras.get("safety_identifier").and_then(|value| value.read().ok());
    }
    // Present even when empty: they say that this request was written in this format.
    request.extras = Some((RESPONSES, extras));
    Ok(request)
}

fn list<T>(
    fields: &mut Fields<'_>,
    key: &str,
    read: impl Fn(&serde_json::value::RawValue) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let values = fields.list(key)?.into_iter().enumerate();
    values.map(|(at, value)| read(value).map_err(|fault| fault.within(format_args!("{key}[{at}]")))).collect()
}

fn messages(fields: &mut Fields<'_>) -> Result<Vec<Message>, Fault> {
    let mut conversation = Conversation::default();
    if let Some(words) = fields.string("instructions")?.filter(|words| !words.is_empty()) {
        conversation.messages.push(Message::text(Role::System, words));
    }
    for key in STORED {
        if let Some(value) = fields.value(key) {
            let object: RawObject = [(key.to_owned(), raw(value))].into_iter().collect();
            let raw = RawJson::of(&object).unwrap_or_else(|_| RawJson::null());
            let part = Part::Unknown(ForeignBlock { origin: RESPONSES, raw });
            conversation.messages.push(Message::new(Role::User, vec![part]));
        }
    }
    if let Some(value) = fields.value("input") {
        input(value, &mut conversation).map_err(|fault| fault.within("input"))?;
    }
    if conversation.messages.is_empty() {
        return Err(Fault::new("input", "this field is required"));
    }
    Ok(conversation.messages)
}

fn sampling(fields: &mut Fields<'_>) -> Result<Sampling, Fault> {
    let include = fields.peek_list("include");
    Ok(Sampling {
        temperature: fields.read("temperature")?,
        top_p: fields.read("top_p")?,
        top_logprobs: fields.read("top_logprobs")?,
        logprobs: include.iter().any(|what| what == LOGPROBS).then_some(true),
        ..Sampling::default()
    })
}

/// `text {format, verbosity}`; returns what else stands in it.
fn text(fields: &mut Fields<'_>, request: &mut ChatRequest) -> Result<Option<RawObject>, Fault> {
    let Some(mut text) = fields.object("text")? else { return Ok(None) };
    request.verbosity = text.string("verbosity").map_err(|fault| fault.within("text"))?;
    if let Some(format) = text.object("format").map_err(|fault| fault.within("text"))? {
        request.output = output_format(format).map_err(|fault| fault.within("text.format"))?;
    }
    Ok(Some(text.rest()))
}

fn output_format(mut format: Fields<'_>) -> Result<OutputFormat, Fault> {
    Ok(match format.required("type")?.as_str() {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::JsonObject,
        "json_schema" => OutputFormat::JsonSchema(JsonSchema {
            name: format.string("name")?,
            description: format.string("description")?,
            schema: format.value("schema").map(raw),
            strict: format.read("strict")?,
        }),
        other => {
            let problem = format!("`{other}` is none of `text`, `json_object` and `json_schema`");
            return Err(Fault::new("type", problem));
        }
    })
}

/// `reasoning {effort, summary}`; returns what else stands in it.
fn reasoning(fields: &mut Fields<'_>, request: &mut ChatRequest) -> Result<Option<RawObject>, Fault> {
    let Some(mut reasoning) = fields.object("reasoning")? else { return Ok(None) };
    let effort = reasoning.string("effort").map_err(|fault| fault.within("reasoning"))?;
    let summary = reasoning.string("summary").map_err(|fault| fault.within("reasoning"))?;
    if effort.is_some() || summary.is_some() {
        let enabled = effort.as_deref().map(|effort| effort != "none");
        request.reasoning =
            Some(ReasoningOptions { enabled, effort, summary, ..ReasoningOptions::default() });
    }
    Ok(Some(reasoning.rest()))
}
