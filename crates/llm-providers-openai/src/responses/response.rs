//! A vendor's whole answer read into the canonical form, or only as far as metering needs.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{DialectId, Peek};
use llm_core::message::{Message, Role};
use llm_core::response::Choice;
use llm_core::usage::ServiceTier;
use llm_core::wire::WireResponse;
use llm_core::{ChatResponse, Error, Part, RawJson, RawObject, Result, Usage, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::RESPONSES;
use super::fields::{Fault, Fields, text};
use super::output::{finish, item};
use super::usage::usage;
use crate::error::{classify, classify_value};

/// Members of a response that repeat the request or are modelled; all others are kept.
const KNOWN: [&str; 36] = [
    "background",
    "completed_at",
    "created_at",
    "error",
    "frequency_penalty",
    "id",
    "incomplete_details",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "object",
    "output",
    "output_text",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "status",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "usage",
    "user",
];

/// What a `response` object says.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    /// Its id.
    pub(super) id: String,
    /// The model.
    pub(super) model: String,
    /// The model as it stands in the text.
    model_text: Option<&'a RawValue>,
    /// When.
    pub(super) created: Option<u64>,
    /// `completed`, `incomplete`, `failed`, `in_progress` …
    pub(super) status: String,
    /// Why it is incomplete.
    pub(super) reason: Option<String>,
    /// What failed.
    pub(super) error: Option<&'a RawValue>,
    /// The output items.
    pub(super) output: Vec<&'a RawValue>,
    /// Tokens.
    pub(super) usage: Usage,
    /// The tier that served.
    pub(super) service_tier: Option<String>,
    rest: Fields<'a>,
}

impl<'a> Answer<'a> {
    /// Reads a `response` object.
    pub(super) fn read(json: &'a str) -> Result<Self, Fault> {
        let mut fields = Fields::parse(json)?;
        let created: Option<f64> = fields.lenient("created_at");
        let mut details = fields.object("incomplete_details").ok().flatten().unwrap_or_default();
        let mut counted = fields.value("usage").map(usage).unwrap_or_default();
        let output = fields.list("output")?;
        let model = fields.value("model");
        let searches = reported_searches(&mut fields).or_else(|| counted_searches(&output));
        counted.web_searches = counted.web_searches.or(searches);
        let service_tier: Option<String> = fields.lenient("service_tier");
        counted.tier = service_tier.as_deref().and_then(ServiceTier::named);
        Ok(Self {
            id: fields.lenient("id").unwrap_or_default(),
            model: model.and_then(text).unwrap_or_default().into_owned(),
            model_text: model,
            created: created.and_then(seconds),
            status: fields.lenient("status").unwrap_or_default(),
            reason: details.lenient("reason"),
            error: fields.value("error"),
            output,
            usage: counted,
            service_tier,
            rest: fields,
        })
    }

    /// What is not modelled.
    pub(super) fn extras(&mut self) -> Option<(DialectId, RawObject)> {
        for key in KNOWN {
            self.rest.take(key);
        }
        let rest = std::mem::take(&mut self.rest).rest();
        (!rest.is_empty()).then_some((RESPONSES, rest))
    }

    /// Whether it is some other object.
    fn says_nothing(&self) -> bool {
        self.output.is_empty() && self.status.is_empty() && self.id.is_empty()
    }

    /// The error that it tells of instead of an answer.
    pub(super) fn failure(&self) -> Option<Error> {
        let failed = matches!(self.status.as_str(), "failed" | "cancelled");
        match self.error {
            Some(error) if failed || self.output.is_empty() => Some(failure(error)),
            None if failed => {
                Some(Error::bad_answer(format!("the vendor's answer ended with status `{}`", self.status)))
            }
            _ => None,
        }
    }
}

/// The error in a `response.error`.
fn failure(error: &RawValue) -> Error {
    classify_value(error.get())
}

/// Some vendors write seconds as a float; nonsense counts as unsaid.
fn seconds(time: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range, and the fraction is to go"
    )]
    (time.is_finite() && (0.0..1e15).contains(&time)).then_some(time as u64)
}

fn reported_searches(fields: &mut Fields<'_>) -> Option<u64> {
    fields.object("tool_usage").ok().flatten()?.object("web_search").ok().flatten()?.lenient("num_requests")
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    r#type: String,
    action: Option<SearchAction>,
}

#[derive(Deserialize)]
struct SearchAction {
    #[serde(default)]
    r#type: String,
}

/// Web searches by the items that tell of them; opening a page found is none. `None` when there is none.
pub(super) fn counted_searches(output: &[&RawValue]) -> Option<u64> {
    let count = output.iter().filter(|item| is_search(item)).count();
    (count > 0).then_some(count as u64)
}

/// Whether an output item is a web search.
pub(super) fn is_search(item: &RawValue) -> bool {
    if !item.get().contains("web_search_call") {
        return false;
    }
    serde_json::from_str::<Search>(item.get()).is_ok_and(|search| {
        search.r#type == "web_search_call" && search.action.is_none_or(|action| action.r#type == "search")
    })
}

/// Reads a whole answer.
///
/// # Errors
/// When the body is no answer of this format, or tells of a failure.
pub(super) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    let body = std::str::from_utf8(&reply.body)
        .map_err(|_| Error::bad_answer("the vendor's answer is not UTF-8"))?;
    let mut answer = Answer::read(body).map_err(Fault::of_vendor)?;
    if let Some(error) = answer.failure() {
        return Err(error);
    }
    if answer.says_nothing() {
        return Err(classify(reply));
    }
    let extras = answer.extras();
    let (parts, logprobs) = parts(&answer.output)?;
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let choice = Choice {
        index: 0,
        message: Message::new(Role::Assistant, parts),
        finish: Some(finish(&answer.status, answer.reason.as_deref(), calls)),
        logprobs,
    };
    Ok(ChatResponse {
        id: answer.id,
        model: answer.model,
        created: answer.created,
        choices: vec![choice],
        usage: answer.usage,
        system_fingerprint: None,
        service_tier: answer.service_tier,
        extras,
    })
}

fn parts(output: &[&RawValue]) -> Result<(Vec<Part>, Option<RawJson>)> {
    let mut parts = Vec::with_capacity(output.len());
    let mut logprobs = Vec::new();
    for (at, value) in output.iter().enumerate() {
        let item = item(value).map_err(|fault| fault.within(format_args!("output[{at}]")).of_vendor())?;
        parts.extend(item.parts);
        logprobs.extend(item.logprobs);
    }
    Ok((parts, joined(&logprobs)))
}

/// Several lists of log probabilities as one.
fn joined(pieces: &[RawJson]) -> Option<RawJson> {
    #[derive(Deserialize, serde::Serialize)]
    struct Content {
        content: Vec<RawJson>,
    }
    if let [one] = pieces {
        return Some(one.clone());
    }
    let lists = pieces.iter().filter_map(|piece| piece.read::<Content>().ok());
    let content: Vec<RawJson> = lists.flat_map(|piece| piece.content).collect();
    (!content.is_empty()).then(|| RawJson::of(&Content { content }).ok()).flatten()
}

/// Reads of a whole answer what metering needs.
///
/// # Errors
/// When the body is no JSON object, or tells of a failure.
pub(super) fn peek(body: &[u8]) -> Result<Peek> {
    let bad = || Error::bad_answer("the vendor's answer is no JSON object");
    let body = std::str::from_utf8(body).map_err(|_| bad())?;
    let answer = Answer::read(body).map_err(Fault::of_vendor)?;
    if let Some(error) = answer.failure() {
        return Err(error);
    }
    if answer.says_nothing() {
        let body = Bytes::copy_from_slice(body.as_bytes());
        return Err(classify(&WireResponse { status: 200, headers: HeaderMap::new(), body }));
    }
    Ok(Peek {
        finish: Some(finish(&answer.status, answer.reason.as_deref(), has_calls(&answer.output))),
        model: answer.model_text.and_then(|model| json::place(body, model.get())),
        usage: answer.usage,
    })
}

/// Whether the model waits for results of the client's tools.
pub(super) fn has_calls(output: &[&RawValue]) -> bool {
    let is_call = |item: &&RawValue| {
        let fields = Fields::parse(item.get()).unwrap_or_default();
        matches!(fields.peek("type").as_ref(), "function_call" | "custom_tool_call")
    };
    output.iter().any(is_call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_names_a_key_twice_is_metered_as_it_is_read() {
        let body = r#"{"id":"a","id":"b","model":"m","output":[],"usage":{"output_tokens":3}}"#;
        let peek = peek(body.as_bytes()).expect("an answer");
        assert_eq!(peek.usage.output, Some(3));
        assert_eq!(peek.model.and_then(|at| body.get(at)), Some("\"m\""));
    }
}
