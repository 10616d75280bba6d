//! Whole answers: a vendor's to the canonical form, a canonical one to a client.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, ChatResponse, Choice, FinishReason, Part, RawJson, Result};
use serde::Serialize;

use super::logprobs;
use crate::chat::usage::ShownUsage;
use crate::chat::{self, finish};

/// Reads a vendor's whole answer.
pub(super) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    let mut response = chat::answer::decode(reply, false)?;
    for choice in &mut response.choices {
        choice.logprobs = choice.logprobs.take().map(logprobs::canonical);
    }
    Ok(response)
}

#[derive(Serialize)]
struct Shown<'a> {
    id: Cow<'a, str>,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<ShownChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ShownUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_fingerprint: Option<&'a str>,
}

/// A choice of an answer or of a chunk.
#[derive(Serialize)]
pub(super) struct ShownChoice<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) index: u32,
    pub(super) logprobs: Option<RawJson>,
    pub(super) finish_reason: Option<&'a str>,
}

/// Writes a whole answer for a client.
pub(super) fn encode(response: &ChatResponse, request: &ChatRequest) -> Bytes {
    let shown = Shown {
        id: shown_id(&response.id),
        object: "text_completion",
        created: response.created.unwrap_or_else(chat::response::now),
        model: if request.model.is_empty() { &response.model } else { &request.model },
        choices: response.choices.iter().map(shown_choice).collect(),
        usage: ShownUsage::of(&response.usage),
        system_fingerprint: response.system_fingerprint.as_deref(),
    };
    serde_json::to_vec(&shown).expect("texts and raw JSON are always valid JSON").into()
}

/// An answer of a vendor without ids gets one.
pub(super) fn shown_id(id: &str) -> Cow<'_, str> {
    if id.is_empty() {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        return format!("cmpl-{nanos:x}").into();
    }
    Cow::Borrowed(id)
}

fn shown_choice(choice: &Choice) -> ShownChoice<'_> {
    let reason = choice.finish.as_ref().unwrap_or(&FinishReason::Stop);
    let said = choice.message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        Part::Refusal(words) => Some(words.as_str()),
        _ => None,
    });
    ShownChoice {
        text: said.collect::<String>().into(),
        index: choice.index,
        logprobs: choice.logprobs.as_ref().and_then(|raw| logprobs::shown(raw, &mut 0)),
        finish_reason: Some(finish::word(reason, false, false)),
    }
}
