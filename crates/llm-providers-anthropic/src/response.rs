//! Whole answers: a vendor's to the canonical form, a canonical one to a client, and the glance that metering
//! takes.

use bytes::Bytes;
use llm_core::dialect::Peek;
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Choice, DialectId, Error, FinishReason, Message, Part, RawObject, Result,
    Role, json,
};

use crate::blocks::{Side, for_client, read_list};
use crate::usage::{self, Tally};
use crate::wire::{Block, Malformed, Members, ObjectWriter};
use crate::{MESSAGES, error, finish};

/// Members of an answer that the canonical form holds.
const MODELLED: &[&str] =
    &["id", "type", "role", "content", "model", "stop_reason", "stop_sequence", "usage"];

/// Reads a vendor's whole answer.
pub(crate) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let text = std::str::from_utf8(&reply.body)
        .map_err(|_| Error::bad_answer("the vendor's answer is not UTF-8"))?;
    let message = Members::parse(text).map_err(Malformed::of_vendor)?;
    if error::is_error(&message) {
        return Err(error::classify(reply));
    }
    read(&message).map_err(Malformed::of_vendor)
}

fn read(message: &Members<'_>) -> Result<ChatResponse, Malformed> {
    if message.raw("content").is_none() {
        return Err(Malformed::new("content", "field required"));
    }
    let parts = read_list(&message.array("content")?, Side::Vendor).map_err(|at| at.within("content"))?;
    let choice = Choice {
        index: 0,
        message: Message::new(Role::Assistant, parts),
        finish: stop_reason(message)?,
        logprobs: None,
    };
    let head = head(message)?;
    Ok(ChatResponse {
        id: head.id,
        model: head.model,
        choices: vec![choice],
        usage: Tally::default().take(&usage::read(message)),
        service_tier: head.service_tier,
        extras: (!head.extras.is_empty()).then_some((MESSAGES, head.extras)),
        ..ChatResponse::default()
    })
}

/// What whole answers and the first frame of streams say alike.
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) service_tier: Option<String>,
    pub(crate) extras: RawObject,
}

/// Reads the head of an answer.
pub(crate) fn head(message: &Members<'_>) -> Result<Head, Malformed> {
    let mut extras = message.rest(MODELLED);
    usage::keep(&usage::unmodelled(message.raw("usage")), &mut extras);
    Ok(Head {
        id: message.text("id")?.unwrap_or_default(),
        model: message.text("model")?.unwrap_or_default(),
        service_tier: message.object("usage")?.unwrap_or_default().text("service_tier")?,
        extras,
    })
}

/// Reads why the answer ended, where it says so.
pub(crate) fn stop_reason(members: &Members<'_>) -> Result<Option<FinishReason>, Malformed> {
    let sequence = members.text("stop_sequence")?;
    Ok(members.text("stop_reason")?.map(|reason| finish::read(&reason, sequence)))
}

/// Reads of a whole answer only what metering needs.
pub(crate) fn peek(body: &[u8]) -> Result<Peek> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Error::bad_answer("the vendor's answer is no answer: it is not UTF-8"))?;
    let members = Members::parse(text).map_err(Malformed::of_vendor)?;
    let is_error = members.raw("type").is_some_and(|kind| kind.get() == "\"error\"");
    if is_error || members.raw("content").is_none() {
        let reply = WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
        return Err(error::classify(&reply));
    }
    Ok(Peek {
        usage: Tally::default().take(&usage::read(&members)),
        finish: stop_reason(&members).map_err(Malformed::of_vendor)?,
        model: members.raw("model").and_then(|model| json::place(text, model.get())),
    })
}

/// Writes a whole answer for a client. This format has one choice: the first.
pub(crate) fn encode(response: &ChatResponse, request: &ChatRequest) -> Bytes {
    let choice = response.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.message.parts);
    let blocks: Vec<Block<'_>> = parts.iter().flat_map(for_client).collect();
    let content = finish::Content {
        calls_tools: parts.iter().any(|part| matches!(part, Part::ToolCall(_))),
        refuses: parts.iter().any(|part| matches!(part, Part::Refusal(words) if !words.is_empty())),
    };
    let (reason, sequence) = finish::write(choice.and_then(|choice| choice.finish.as_ref()), content);
    let extras = own_extras(response.extras.as_ref());
    let kept = usage::kept(extras);
    let mut object = ObjectWriter::new();
    object
        .member("id", &message_id(&response.id))
        .member("type", "message")
        .member("role", "assistant")
        .member("model", shown_model(&response.model, request))
        .member("content", &blocks)
        .member("stop_reason", reason)
        .member("stop_sequence", &sequence)
        .member("usage", &usage::write(&response.usage, response.service_tier.as_deref(), kept.as_ref()));
    for (name, value) in extras.into_iter().flat_map(RawObject::iter).filter(|(name, _)| *name != "usage") {
        object.member(name, value);
    }
    object.finish().into()
}

/// The extras of an answer that are in this format's words.
pub(crate) fn own_extras(extras: Option<&(DialectId, RawObject)>) -> Option<&RawObject> {
    extras.filter(|(origin, _)| *origin == MESSAGES).map(|(_, fields)| fields)
}

/// The model as the client knows it.
pub(crate) fn shown_model<'a>(answered: &'a str, request: &'a ChatRequest) -> &'a str {
    if request.model.is_empty() { answered } else { &request.model }
}

/// An id as clients of this format know them.
pub(crate) fn message_id(id: &str) -> String {
    if id.starts_with("msg_") { id.to_owned() } else { format!("msg_{id}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_names_a_key_twice_is_metered_as_it_is_read() {
        let body = r#"{"id":"a","id":"b","model":"m","content":[],"usage":{"output_tokens":3}}"#;
        let peek = peek(body.as_bytes()).expect("an answer");
        assert_eq!(peek.usage.output, Some(3));
        assert_eq!(peek.model.and_then(|at| body.get(at)), Some("\"m\""));
    }
}
