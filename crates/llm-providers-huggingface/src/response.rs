//! A vendor's whole answer: `[{"generated_text", "details"}]`, or the object alone.

use http::HeaderMap;
use llm_core::wire::WireResponse;
use llm_core::{ChatResponse, Choice, Error, FinishReason, Message, Part, RawJson, Result, Role, Usage};
use serde::Deserialize;

use crate::error;

/// What a vendor says about an answer.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Details {
    #[serde(default)]
    pub(crate) finish_reason: Option<String>,
    #[serde(default)]
    pub(crate) generated_tokens: Option<u64>,
    #[serde(default)]
    pub(crate) input_length: Option<u64>,
    #[serde(default)]
    prefill: Vec<RawJson>,
}

impl Details {
    /// Tokens of the call.
    pub(crate) fn usage(&self) -> Usage {
        let prefill = u64::try_from(self.prefill.len()).ok().filter(|length| *length > 0);
        Usage { input: self.input_length.or(prefill), output: self.generated_tokens, ..Usage::default() }
    }

    /// Why the answer ended.
    pub(crate) fn finish(&self) -> Option<FinishReason> {
        self.finish_reason.as_deref().map(|reason| match reason {
            "length" => FinishReason::Length,
            "eos_token" => FinishReason::Stop,
            "stop_sequence" => FinishReason::StopSequence(None),
            other => FinishReason::Other(other.to_owned()),
        })
    }
}

#[derive(Deserialize)]
struct Generated {
    generated_text: String,
    #[serde(default)]
    details: Option<Details>,
}

/// Reads a vendor's whole answer.
pub(crate) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let text = std::str::from_utf8(&reply.body).map_err(|_| unreadable())?;
    if let Some(error) = error::in_place_of_answer(text) {
        return Err(error);
    }
    let list: Vec<Generated> = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(text).map(|one: Generated| vec![one]))
        .map_err(|_| unreadable())?;
    let Some(first) = list.into_iter().next() else { return Err(unreadable()) };
    let details = first.details.unwrap_or_default();
    let choice = Choice {
        index: 0,
        message: Message::new(Role::Assistant, vec![Part::text(first.generated_text)]),
        finish: details.finish().or(Some(FinishReason::Stop)),
        logprobs: None,
    };
    let mut usage = details.usage();
    usage.input = usage.input.or_else(|| counted(&reply.headers, "x-prompt-tokens"));
    usage.output = usage.output.or_else(|| counted(&reply.headers, "x-generated-tokens"));
    Ok(ChatResponse { choices: vec![choice], usage, ..ChatResponse::default() })
}

/// A server says its counts in headers too.
fn counted(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn unreadable() -> Error {
    Error::bad_answer(
        "the vendor's answer is not of the text generation format: check that the model generates text",
    )
}
