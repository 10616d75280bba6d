//! A canonical answer written for a client.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use llm_core::message::{Citation, Media, Reasoning, Source, Text};
use llm_core::request::ChatRequest;
use llm_core::{ChatResponse, Choice, Part, RawJson, RawObject};
use serde::Serialize;

use super::calls::{ShownBody, ShownCall, extra_of_opaque, sealed_id};
use super::part::ShownPart;
use super::reasoning::{ShownBlock, shown_blocks, shown_text};
use super::request::tools::is_legacy;
use super::usage::ShownUsage;
use super::{CHAT, finish};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(flatten)]
    extras: Option<&'a RawObject>,
}

#[derive(Serialize)]
struct ShownChoice<'a> {
    index: u32,
    message: ShownMessage<'a>,
    logprobs: Option<&'a RawJson>,
    finish_reason: &'a str,
}

#[derive(Default, Serialize)]
struct ShownMessage<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<ShownBlock>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ShownCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<ShownFunction<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<RawJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<ShownPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<ShownAudio<'a>>,
    #[serde(flatten)]
    extras: Option<&'a RawObject>,
}

#[derive(Serialize)]
struct ShownFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct ShownAudio<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<&'a str>,
}

impl<'a> ShownAudio<'a> {
    pub(super) fn of(media: &'a Media) -> Option<Self> {
        let Source::Base64 { data, .. } = &media.source else { return None };
        Some(Self { id: media.id.as_deref(), data, transcript: media.transcript.as_deref() })
    }
}

/// Writes an answer; the model is shown by the name that the client asked for.
pub(super) fn encode(response: &ChatResponse, request: &ChatRequest) -> Bytes {
    let legacy = is_legacy(&request.tools);
    let shown = Shown {
        id: shown_id(&response.id),
        object: "chat.completion",
        created: response.created.unwrap_or_else(now),
        model: if request.model.is_empty() { &response.model } else { &request.model },
        choices: response.choices.iter().map(|choice| shown_choice(choice, legacy)).collect(),
        usage: ShownUsage::of(&response.usage),
        system_fingerprint: response.system_fingerprint.as_deref(),
        service_tier: response.service_tier.as_deref(),
        extras: own(response.extras.as_ref()),
    };
    serde_json::to_vec(&shown).expect("texts and raw JSON are always valid JSON").into()
}

fn own(extras: Option<&(llm_core::DialectId, RawObject)>) -> Option<&RawObject> {
    extras.filter(|(origin, _)| *origin == CHAT).map(|(_, extras)| extras)
}

/// An answer of a vendor without ids gets one.
pub(super) fn shown_id(id: &str) -> Cow<'_, str> {
    if id.is_empty() {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        return format!("chatcmpl-{nanos:x}").into();
    }
    Cow::Borrowed(id)
}

/// Seconds since 1970, for answers of vendors that do not say when.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn shown_choice(choice: &Choice, legacy: bool) -> ShownChoice<'_> {
    let reason = choice.finish.as_ref().unwrap_or(&llm_core::FinishReason::Stop);
    ShownChoice {
        index: choice.index,
        message: shown_message(choice, legacy),
        logprobs: choice.logprobs.as_ref(),
        finish_reason: finish::word(reason, choice.wants_tools(), legacy),
    }
}

fn shown_message(choice: &Choice, legacy: bool) -> ShownMessage<'_> {
    let mut shown = ShownMessage {
        role: "assistant",
        extras: own(choice.message.extras.as_ref()),
        ..ShownMessage::default()
    };
    let mut letters = 0;
    let mut thoughts: Vec<&Reasoning> = Vec::new();
    for part in &choice.message.parts {
        match part {
            Part::Text(text) => {
                shown.annotations.extend(annotations(text, letters));
                letters += text.text.chars().count() as u64;
                shown.content.get_or_insert_default().push_str(&text.text);
            }
            Part::Refusal(words) => shown.refusal.get_or_insert_default().push_str(words),
            Part::Reasoning(reasoning) => thoughts.push(reasoning),
            Part::ToolCall(call) if legacy => {
                shown.function_call = Some(ShownFunction { name: &call.name, arguments: &call.arguments });
            }
            Part::ToolCall(call) => shown.tool_calls.push(shown_call(call)),
            Part::Image(media) => shown.images.extend(ShownPart::image(media)),
            Part::Audio(media) => shown.audio = ShownAudio::of(media),
            _ => {}
        }
    }
    let text: String = thoughts.iter().map(|part| shown_text(part)).collect();
    shown.reasoning_content = (!text.is_empty()).then_some(text);
    shown.thinking_blocks = shown_blocks(&thoughts);
    let silent = shown.tool_calls.is_empty()
        && shown.function_call.is_none()
        && shown.refusal.is_none()
        && shown.audio.is_none();
    if silent {
        shown.content.get_or_insert_default();
    }
    shown
}

fn shown_call(call: &llm_core::message::ToolCall) -> ShownCall<'_> {
    let (kind, body) = ShownBody::new(&call.name, &call.arguments, call.custom);
    let own = call.opaque.as_ref().filter(|opaque| opaque.origin == CHAT);
    ShownCall {
        index: None,
        id: sealed_id(&call.id, call.opaque.as_ref()),
        r#type: kind,
        body,
        extra_content: own.and_then(extra_of_opaque),
        cache_control: None,
    }
}

/// The citations of a text that begins at a letter of the whole content.
fn annotations(text: &Text, from: u64) -> impl Iterator<Item = RawJson> {
    let length = text.text.chars().count() as u64;
    text.citations.iter().filter_map(move |citation| annotation(citation, from, length))
}

/// A citation as `url_citation`; what has no address cannot be said in this format.
pub(super) fn annotation(citation: &Citation, from: u64, length: u64) -> Option<RawJson> {
    #[derive(Serialize)]
    struct Annotation<'a> {
        r#type: &'static str,
        url_citation: Place<'a>,
    }
    #[derive(Serialize)]
    struct Place<'a> {
        start_index: u64,
        end_index: u64,
        url: &'a str,
        title: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<&'a str>,
    }
    if let Some((CHAT, raw)) = &citation.raw {
        return Some(raw.clone());
    }
    let url = citation.url.as_deref()?;
    let place = Place {
        start_index: from.saturating_add(citation.start.unwrap_or(0)),
        end_index: from.saturating_add(citation.end.unwrap_or(length)),
        url,
        title: citation.title.as_deref().unwrap_or(url),
        content: citation.cited_text.as_deref(),
    };
    RawJson::of(&Annotation { r#type: "url_citation", url_citation: place }).ok()
}
