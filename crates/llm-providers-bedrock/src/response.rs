//! Whole answers, from vendors and for clients.

use bytes::Bytes;
use llm_core::dialect::Peek;
use llm_core::ingress::Took;
use llm_core::message::ToolCall;
use llm_core::wire::WireResponse;
use llm_core::{ChatResponse, Choice, Error, FinishReason, Message, Part, RawJson, RawObject, Result, Role};

use crate::blocks::{self, Side};
use crate::request::ANSWER_TOOL;
use crate::wire::{Malformed, Members, ObjectWriter, union};
use crate::{CONVERSE, error, finish, usage};

/// Members of an answer that the canonical form holds.
const MODELLED: &[&str] = &["output", "stopReason", "usage", "serviceTier"];

/// Reads a vendor's answer.
pub(crate) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    let text = text_of(&reply.body)?;
    if error::is_error(text) {
        return Err(error::classify(reply));
    }
    let mut response = read(text).map_err(Malformed::of_vendor)?;
    let id = reply.headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok());
    response.id = id.unwrap_or_default().to_owned();
    Ok(response)
}

fn text_of(body: &[u8]) -> Result<&str> {
    std::str::from_utf8(body).map_err(|_| Error::bad_answer("the vendor's answer is not UTF-8"))
}

fn read(text: &str) -> Result<ChatResponse, Malformed> {
    let body = Members::parse(text)?;
    let output = body.object("output")?.ok_or_else(|| Malformed::missing("output"))?;
    let message = output.object("message").map_err(|fault| fault.within("output"))?.unwrap_or_default();
    let inside = |fault: Malformed| fault.within("output.message.content");
    let blocks = message.array("content").map_err(inside)?;
    let mut parts = Vec::with_capacity(blocks.len());
    let mut told = false;
    for raw in blocks {
        match blocks::read_block(raw, Side::Vendor).map_err(inside)? {
            Part::ToolCall(ToolCall { name, arguments, .. }) if name == ANSWER_TOOL => {
                told = true;
                parts.push(Part::text(arguments));
            }
            part => parts.push(part),
        }
    }
    let extras = extras(&body, MODELLED);
    Ok(ChatResponse {
        choices: vec![Choice {
            index: 0,
            message: Message::new(Role::Assistant, parts),
            finish: stop_reason(&body)?.map(|reason| of_answer(reason, told)),
            logprobs: None,
        }],
        usage: usage::read(&body),
        service_tier: service_tier(&body),
        extras: (!extras.is_empty()).then_some((CONVERSE, extras)),
        ..ChatResponse::default()
    })
}

/// The reason of an answer that was told by the tool for it.
pub(crate) fn of_answer(reason: FinishReason, told: bool) -> FinishReason {
    if told && reason == FinishReason::ToolCalls { FinishReason::Stop } else { reason }
}

/// What is not modelled, of an answer or of a stream's last event; of `usage` too.
pub(crate) fn extras(body: &Members<'_>, modelled: &[&str]) -> RawObject {
    let mut extras = body.rest(modelled);
    extras.remove("p");
    let counts = usage::unmodelled(body);
    if let Some(raw) = (!counts.is_empty()).then(|| RawJson::of(&counts).ok()).flatten() {
        extras.insert("usage", raw);
    }
    extras
}

pub(crate) fn stop_reason(body: &Members<'_>) -> Result<Option<FinishReason>, Malformed> {
    Ok(body.text("stopReason")?.map(|reason| finish::read(&reason)))
}

pub(crate) fn service_tier(body: &Members<'_>) -> Option<String> {
    body.object("serviceTier").ok().flatten()?.text("type").ok().flatten()
}

/// Reads of an answer only what metering needs. Answers of this format do not name their model.
pub(crate) fn peek(body: &[u8]) -> Result<Peek> {
    let text = text_of(body)?;
    let members = Members::parse(text).map_err(Malformed::of_vendor)?;
    if members.raw("output").is_none() {
        return Err(if error::is_error(text) { error::of_body(text) } else { no_answer() });
    }
    let finish = stop_reason(&members).map_err(Malformed::of_vendor)?;
    Ok(Peek { usage: usage::read(&members), finish, model: None })
}

fn no_answer() -> Error {
    Malformed::missing("output").of_vendor()
}

/// Writes an answer for a client. This format has one choice.
pub(crate) fn encode(response: &ChatResponse, took: Option<Took>) -> Bytes {
    let choice = response.choices.first();
    let parts = choice.map(|choice| choice.message.parts.as_slice()).unwrap_or_default();
    let blocks: Vec<_> = parts.iter().flat_map(blocks::for_client).collect();
    let mut message = ObjectWriter::new();
    message.member("role", "assistant").member("content", &blocks);
    let calls_tools = choice.is_some_and(Choice::wants_tools);
    let reason = finish::write(choice.and_then(|choice| choice.finish.as_ref()), calls_tools);
    let mut extras = own_extras(response.extras.as_ref());
    let counts = extras.remove("usage").and_then(|counts| counts.read().ok()).unwrap_or_default();
    let mut object = ObjectWriter::new();
    object
        .member("output", &union("message", &message.json()))
        .member("stopReason", reason)
        .member("usage", &usage::write(&response.usage, counts));
    tail(&mut object, extras, response.service_tier.as_deref(), took);
    object.finish().into()
}

/// What answers and streams end with. SDKs demand the latency: the vendor's own, else how long the answer took here.
pub(crate) fn tail(
    object: &mut ObjectWriter,
    mut extras: RawObject,
    service_tier: Option<&str>,
    took: Option<Took>,
) {
    let measured = || took.and_then(|took| u64::try_from(took.total.as_millis()).ok()).unwrap_or_default();
    let latency = extras.remove("metrics").unwrap_or_else(|| union("latencyMs", &measured()));
    object.member("metrics", &latency);
    if service_tier.is_some() {
        extras.remove("serviceTier");
    }
    object.optional("serviceTier", service_tier.map(|tier| union("type", tier)).as_ref());
    object.members(&extras);
}

/// What only this format has.
pub(crate) fn own_extras(extras: Option<&(llm_core::DialectId, RawObject)>) -> RawObject {
    let own = extras.filter(|(origin, _)| *origin == CONVERSE);
    own.map(|(_, fields)| fields.clone()).unwrap_or_default()
}
