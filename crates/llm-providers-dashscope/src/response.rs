//! Whole answers to the canonical form, and the glance that metering takes.

use llm_core::dialect::Peek;
use llm_core::message::Citation;
use llm_core::wire::WireResponse;
use llm_core::{ChatResponse, Choice, Message, RawObject, Result, Role, Usage};

use crate::message::citation;
use crate::wire::{Answer, WireChoice, no_answer};
use crate::{GENERATION, error, usage};

/// Reads a vendor's whole answer.
pub(crate) fn decode(reply: &WireResponse) -> Result<ChatResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let text = std::str::from_utf8(&reply.body).map_err(|_| no_answer("it is not UTF-8"))?;
    let answer = Answer::parse(text)?;
    let mut citations: Vec<Citation> = answer.search_results.iter().map(citation).collect();
    let id = answer.request_id;
    let choices = answer.choices.into_iter();
    // What the search found belongs to the first answer.
    let choices = choices.map(|choice| canonical(choice, &id, std::mem::take(&mut citations))).collect();
    Ok(ChatResponse {
        choices,
        usage: used(answer.usage.as_ref()),
        extras: (!answer.extras.is_empty()).then_some((GENERATION, answer.extras)),
        id,
        ..ChatResponse::default()
    })
}

fn canonical(choice: WireChoice, request_id: &str, citations: Vec<Citation>) -> Choice {
    Choice {
        index: choice.index,
        message: Message::new(Role::Assistant, choice.message.into_parts(request_id, citations)),
        finish: choice.finish,
        logprobs: choice.logprobs,
    }
}

/// Reads of a whole answer only what metering needs. Answers of this format name no model.
pub(crate) fn peek(body: &[u8]) -> Result<Peek> {
    let text = std::str::from_utf8(body).map_err(|_| no_answer("it is not UTF-8"))?;
    let answer = Answer::parse(text)?;
    let finish = answer.choices.first().and_then(|choice| choice.finish.clone());
    Ok(Peek { usage: used(answer.usage.as_ref()), finish, model: None })
}

fn used(report: Option<&RawObject>) -> Usage {
    report.map(usage::read).unwrap_or_default()
}
