//! Whole answers: a vendor's to the canonical form, a canonical one to a client, and the glance that metering takes.

use bytes::Bytes;
use llm_core::dialect::Peek;
use llm_core::event::Fold;
use llm_core::message::Citation;
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, DialectId, Error, FinishReason, Part, RawJson, RawObject, Result, json,
};
use serde_json::value::RawValue;

use crate::parts::{WirePart, for_client};
use crate::stream::Decoder;
use crate::wire::{Malformed, Members, ObjectWriter};
use crate::{GENERATE, citations, error, finish, logprobs, usage};

/// Reads a vendor's whole answer: as a stream of one frame, so that both are read alike.
pub(crate) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let text = std::str::from_utf8(&reply.body)
        .map_err(|_| Error::bad_answer("the vendor's answer is not UTF-8"))?;
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for answer in answers(text)? {
        let members = Members::parse(answer).map_err(Malformed::of_vendor)?;
        if error::is_error(&members) {
            return Err(error::classify(reply));
        }
        decoder.answer(&members, &mut events).map_err(Malformed::of_vendor)?;
    }
    decoder.end_of_whole(&mut events).map_err(Malformed::of_vendor)?;
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

/// One answer, or the pieces of a stream that came as one array.
fn answers(text: &str) -> Result<Vec<&str>> {
    if !text.trim_start().starts_with('[') {
        return Ok(vec![text]);
    }
    let list: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|_| Error::bad_answer("the vendor's answer is not of the Gemini format: a broken array"))?;
    Ok(list.into_iter().map(RawValue::get).collect())
}

/// Reads of a whole answer only what metering needs.
pub(crate) fn peek(body: &[u8]) -> Result<Peek> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Error::bad_answer("the vendor's answer is no answer: it is not UTF-8"))?;
    let answer = Members::parse(text).map_err(Malformed::of_vendor)?;
    let told = ["candidates", "promptFeedback", "usageMetadata"];
    if error::is_error(&answer) || told.iter().all(|key| answer.raw(key).is_none()) {
        let reply = WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
        return Err(error::classify(&reply));
    }
    let (usage, finish) = metered(&answer);
    let model = answer.raw("modelVersion").and_then(|model| json::place(text, model.get()));
    Ok(Peek { usage, finish, model })
}

/// What an answer, or a piece of one, tells of tokens and of the end of its first candidate.
pub(crate) fn metered(answer: &Members<'_>) -> (llm_core::Usage, Option<FinishReason>) {
    let metadata = answer.object("usageMetadata").ok().flatten().unwrap_or_default();
    let mut usage = usage::read(&metadata);
    let candidates = answer.array("candidates").unwrap_or_default();
    let mut first = None;
    for candidate in candidates.iter().filter_map(|raw| Members::parse(raw.get()).ok()) {
        usage.web_searches = citations::searches(&candidate).or(usage.web_searches);
        if candidate.count("index").ok().flatten().unwrap_or(0) == 0 {
            first = candidate.word("finishReason").and_then(|reason| finish::read(&reason));
        }
    }
    let blocked = candidates.is_empty() && is_blocked(answer);
    (usage, first.or(blocked.then_some(FinishReason::ContentFilter)))
}

/// Whether the vendor answers nothing because of what was asked.
pub(crate) fn is_blocked(answer: &Members<'_>) -> bool {
    let feedback = answer.object("promptFeedback").ok().flatten().unwrap_or_default();
    feedback.word("blockReason").is_some_and(|reason| !matches!(reason.as_str(), "" | "0"))
}

/// Writes a whole answer for a client.
pub(crate) fn encode(response: &ChatResponse, request: &ChatRequest) -> Bytes {
    let extras = own_extras(response.extras.as_ref());
    let candidates: Vec<RawJson> = response
        .choices
        .iter()
        .enumerate()
        .map(|(at, choice)| {
            let parts: Vec<WirePart<'_>> = choice.message.parts.iter().filter_map(for_client).collect();
            let texts = texts(&choice.message.parts);
            Candidate {
                index: choice.index,
                parts: &parts,
                finish: Some(finish::write(choice.finish.as_ref())),
                logprobs: choice.logprobs.as_ref(),
                texts: &texts,
                kept: kept(extras, at),
            }
            .to_json()
        })
        .collect();
    let usage = usage::write(&response.usage, response.service_tier.as_deref(), usage::kept(extras).as_ref());
    let mut object = ObjectWriter::new();
    object.member("candidates", &candidates);
    object.optional("usageMetadata", (!usage.is_empty()).then_some(&usage));
    tail(&mut object, shown_model(&response.model, &request.model), &response.id, extras);
    object.finish().into()
}

/// The texts of an answer with their citations.
fn texts(parts: &[Part]) -> Vec<(&str, &[Citation])> {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some((text.text.as_str(), text.citations.as_slice())),
        _ => None,
    });
    texts.collect()
}

/// What comes after the candidates in every answer and every piece of one.
pub(crate) fn tail(object: &mut ObjectWriter, model: &str, id: &str, extras: Option<&RawObject>) {
    object.optional("modelVersion", Some(model).filter(|model| !model.is_empty()));
    object.optional("responseId", Some(id).filter(|id| !id.is_empty()));
    let rest = extras.into_iter().flat_map(RawObject::iter);
    for (name, value) in rest.filter(|(name, _)| !matches!(*name, "candidates" | "usageMetadata")) {
        object.member(name, value);
    }
}

/// A candidate for a client.
pub(crate) struct Candidate<'a> {
    pub(crate) index: u32,
    pub(crate) parts: &'a [WirePart<'a>],
    pub(crate) finish: Option<&'a str>,
    pub(crate) logprobs: Option<&'a RawJson>,
    pub(crate) texts: &'a [(&'a str, &'a [Citation])],
    pub(crate) kept: Option<RawObject>,
}

impl Candidate<'_> {
    pub(crate) fn to_json(&self) -> RawJson {
        let mut content = ObjectWriter::new();
        content.member("parts", self.parts).member("role", "model");
        let mut object = ObjectWriter::new();
        object
            .member("content", &content.json())
            .optional("finishReason", self.finish)
            .member("index", &self.index)
            .optional("logprobsResult", self.logprobs.and_then(logprobs::write).as_ref());
        let kept = self.kept.clone().unwrap_or_default();
        if kept.get("groundingMetadata").is_none() && kept.get("citationMetadata").is_none() {
            object.optional("groundingMetadata", citations::write(self.texts).as_ref());
        }
        object.members(&kept);
        object.json()
    }
}

/// What an answer's extras keep of one of its candidates.
pub(crate) fn kept(extras: Option<&RawObject>, at: usize) -> Option<RawObject> {
    let candidates: Vec<RawObject> = extras?.get("candidates")?.read().ok()?;
    candidates.into_iter().nth(at)
}

/// The extras of an answer that are in this format's words.
pub(crate) fn own_extras(extras: Option<&(DialectId, RawObject)>) -> Option<&RawObject> {
    extras.filter(|(origin, _)| *origin == GENERATE).map(|(_, fields)| fields)
}

/// The model as the client knows it.
pub(crate) fn shown_model<'a>(answered: &'a str, asked: &'a str) -> &'a str {
    if asked.is_empty() { answered } else { asked }
}
