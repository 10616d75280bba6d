//! Whole answers: a vendor's to the canonical form, a canonical one to a client, and the glance that metering
//! takes.

use std::borrow::Cow;

use bytes::Bytes;
use llm_core::dialect::Peek;
use llm_core::message::Reasoning;
use llm_core::wire::WireResponse;
use llm_core::{
    ChatResponse, Choice, DialectId, FinishReason, Message, Part, RawJson, RawObject, Result, Role,
};
use serde_json::value::RawValue;

use crate::request::{call_for_client, content};
use crate::wire::{Fields, Malformed, Members, ObjectWriter, owned};
use crate::{CHAT, citations, error, finish, logprobs, plan, usage};

/// Members of an answer that the canonical form holds.
const MODELLED: &[&str] = &["id", "message", "finish_reason", "usage", "logprobs"];

/// Reads a vendor's whole answer.
pub(crate) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let body = Fields::of_body(&reply.body).map_err(Malformed::of_vendor)?;
    if error::is_error(&body) {
        return Err(error::classify(reply));
    }
    read(&body).map_err(Malformed::of_vendor)
}

fn read(body: &Fields) -> Result<ChatResponse, Malformed> {
    let message = body.raw("message").ok_or_else(|| Malformed::new("message", "field required"))?;
    let inside = |fault: Malformed| fault.within("message");
    let message = Members::parse(message.get()).map_err(inside)?;
    let mut parts = content::assistant(&message).map_err(inside)?;
    let homeless = cite(message.array("citations").map_err(inside)?, &mut parts).map_err(inside)?;
    let mut extras = body.rest(MODELLED);
    keep_usage(body.raw("usage"), &mut extras);
    keep_citations(&homeless, &mut extras);
    let choice = Choice {
        index: 0,
        message: Message::new(Role::Assistant, parts),
        finish: finish_reason(body)?,
        logprobs: body.raw("logprobs").and_then(logprobs::read_list),
    };
    Ok(ChatResponse {
        id: body.text("id")?.unwrap_or_default(),
        choices: vec![choice],
        usage: usage::read(body.raw("usage")),
        extras: (!extras.is_empty()).then_some((CHAT, extras)),
        ..ChatResponse::default()
    })
}

/// Keeps what a vendor said of its tokens, for clients of this format.
pub(crate) fn keep_usage(usage: Option<&RawJson>, extras: &mut RawObject) {
    if let Some(usage) = usage.filter(|usage| usage.get() != "{}") {
        extras.insert("usage", usage.clone());
    }
}

/// Keeps citations that have no place in the canonical form.
pub(crate) fn keep_citations(homeless: &[RawJson], extras: &mut RawObject) {
    if let Some(raw) = (!homeless.is_empty()).then(|| RawJson::of(homeless).ok()).flatten() {
        extras.insert("citations", raw);
    }
}

fn finish_reason(body: &Fields) -> Result<Option<FinishReason>, Malformed> {
    Ok(body.text("finish_reason")?.map(|reason| finish::read(&reason)))
}

/// Hangs citations on the texts that they belong to: by their block, else on the first text. Gives back those that
/// belong to no text.
pub(crate) fn cite(list: Vec<&RawValue>, parts: &mut [Part]) -> Result<Vec<RawJson>, Malformed> {
    let mut homeless = Vec::new();
    for (at, raw) in list.into_iter().filter_map(owned).enumerate() {
        let placed = citations::read(&raw).map_err(|fault| fault.within(at).within("citations"))?;
        let part = match placed.block.and_then(|block| usize::try_from(block).ok()) {
            Some(block) => parts.get_mut(block),
            None => parts.iter_mut().find(|part| matches!(part, Part::Text(_))),
        };
        match part {
            Some(Part::Text(text)) if placed.of_text => text.citations.push(placed.citation),
            _ => homeless.push(raw),
        }
    }
    Ok(homeless)
}

/// Reads of a whole answer only what metering needs. Answers of this format do not name their model.
pub(crate) fn peek(body: &[u8]) -> Result<Peek> {
    let fields = Fields::of_body(body).map_err(Malformed::of_vendor)?;
    if error::is_error(&fields) || fields.raw("message").is_none() {
        let reply = WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
        return Err(error::classify(&reply));
    }
    let finish = finish_reason(&fields).map_err(Malformed::of_vendor)?;
    Ok(Peek { usage: usage::read(fields.raw("usage")), finish, model: None })
}

/// Writes a whole answer for a client. This format has one choice: the first.
pub(crate) fn encode(response: &ChatResponse) -> Bytes {
    let choice = response.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.message.parts);
    let extras = own_extras(response.extras.as_ref());
    let shown = Shown::of(parts, extras);
    let reason = finish::write(choice.and_then(|choice| choice.finish.as_ref()), !shown.calls.is_empty());
    let mut object = ObjectWriter::new();
    object.member("id", &response.id).member("message", &shown.json()).member("finish_reason", reason);
    object.member("usage", &usage_for_client(&response.usage, extras));
    let logprobs = choice.and_then(|choice| choice.logprobs.as_ref()).map(logprobs::write);
    object.optional("logprobs", logprobs.filter(|items| !items.is_empty()).as_ref());
    let kept = extras.into_iter().flat_map(RawObject::iter);
    for (name, value) in kept.filter(|(name, _)| !matches!(*name, "usage" | "citations")) {
        object.member(name, value);
    }
    object.finish().into()
}

/// The vendor's own count where it spoke this format, else ours.
pub(crate) fn usage_for_client<'a>(
    counted: &llm_core::Usage,
    extras: Option<&'a RawObject>,
) -> Cow<'a, RawJson> {
    let own = extras.and_then(|extras| extras.get("usage"));
    own.map_or_else(|| Cow::Owned(usage::write(counted)), Cow::Borrowed)
}

/// The extras of an answer that are in this format's words.
pub(crate) fn own_extras(extras: Option<&(DialectId, RawObject)>) -> Option<&RawObject> {
    extras.filter(|(origin, _)| *origin == CHAT).map(|(_, fields)| fields)
}

/// An answer's message as clients read it.
#[derive(Debug, Default)]
struct Shown {
    blocks: Vec<RawJson>,
    plan: String,
    calls: Vec<RawJson>,
    citations: Vec<RawJson>,
}

impl Shown {
    fn of(parts: &[Part], extras: Option<&RawObject>) -> Self {
        let mut shown = Self::default();
        parts.iter().for_each(|part| shown.part(part));
        let homeless = extras.and_then(|extras| extras.get("citations")?.read::<Vec<RawJson>>().ok());
        shown.citations.extend(homeless.unwrap_or_default());
        shown
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) => {
                let block = u64::try_from(self.blocks.len()).unwrap_or(u64::MAX);
                let cited = text.citations.iter();
                let cited =
                    cited.map(|citation| citations::for_client(citation, &text.text, block).into_owned());
                self.citations.extend(cited);
                self.blocks.push(text_block(&text.text));
            }
            Part::Refusal(words) => self.blocks.push(text_block(words)),
            Part::Reasoning(reasoning) if plan::is_plan(reasoning) => self.plan.push_str(&reasoning.text),
            Part::Reasoning(reasoning) => self.blocks.push(thinking_block(reasoning)),
            Part::ToolCall(call) => self.calls.push(call_for_client(call)),
            Part::Unknown(block) if block.origin == CHAT => self.blocks.push(block.raw.clone()),
            // The format's answers have no place for pictures, sound and blocks of other vendors.
            _ => {}
        }
    }

    fn json(&self) -> RawJson {
        let mut object = ObjectWriter::new();
        object.member("role", "assistant");
        if !self.blocks.is_empty() || self.calls.is_empty() {
            object.member("content", &self.blocks);
        }
        if !self.plan.is_empty() {
            object.member("tool_plan", &self.plan);
        }
        if !self.calls.is_empty() {
            object.member("tool_calls", &self.calls);
        }
        if !self.citations.is_empty() {
            object.member("citations", &self.citations);
        }
        object.json()
    }
}

fn text_block(text: &str) -> RawJson {
    ObjectWriter::new().member("type", "text").member("text", text).json()
}

/// Thinking, or its summary where the vendor hides it, with another vendor's state sealed in a member that clients
/// send back.
fn thinking_block(reasoning: &Reasoning) -> RawJson {
    let text = if reasoning.text.is_empty() {
        Cow::Owned(reasoning.summary.join("\n\n"))
    } else {
        Cow::Borrowed(reasoning.text.as_str())
    };
    let mut object = ObjectWriter::new();
    object.member("type", "thinking").member("thinking", &text);
    object.optional("signature", reasoning.opaque.as_ref().map(|opaque| opaque.for_client(CHAT)).as_ref());
    object.json()
}
