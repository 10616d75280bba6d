//! What a mock model says to a request, whole.

use std::sync::atomic::{AtomicU64, Ordering};

use llm_core::message::{Opaque, OpaqueKind, Reasoning, ToolCall};
use llm_core::request::{OutputFormat, Tool, ToolChoice};
use llm_core::{ChatRequest, ChatResponse, Choice, FinishReason, Message, Part, Role, Usage};
use serde_json::{Value, json};

use super::example::example;
use super::script::{Answer, Script};
use super::{MOCK, NOTICE};

const MAX_CHOICES: u64 = 16;
/// Letters that count as one token.
const LETTERS: u64 = 4;

/// Counts the ids that mock answers carry.
static ANSWERS: AtomicU64 = AtomicU64::new(1);

/// The answer of a script to a request.
pub(crate) fn answer(script: &Script, request: &ChatRequest, public_model: &str) -> ChatResponse {
    let number = ANSWERS.fetch_add(1, Ordering::Relaxed);
    let (said, finish) = say(script, request, number);
    let parts: Vec<Part> = script.reasoning.then(thinking).into_iter().chain([said]).collect();
    let choices = request.sampling.n.unwrap_or(1).clamp(1, MAX_CHOICES);
    let usage = usage(request, &parts, choices);
    let choice = |index: u64| Choice {
        index: index as u32,
        message: Message::new(Role::Assistant, parts.clone()),
        finish: Some(finish.clone()),
        logprobs: None,
    };
    ChatResponse {
        id: format!("mock-{number}"),
        model: public_model.to_owned(),
        choices: (0..choices).map(choice).collect(),
        usage,
        system_fingerprint: Some("mock".to_owned()),
        ..ChatResponse::default()
    }
}

/// Tokens of a request's prompt, as the mock counts them.
pub(crate) fn prompt_tokens(request: &ChatRequest) -> u64 {
    request.messages.iter().flat_map(|message| &message.parts).map(part_tokens).sum()
}

fn say(script: &Script, request: &ChatRequest, number: u64) -> (Part, FinishReason) {
    let text = match &script.answer {
        Answer::Refusal => return (Part::Refusal(format!("{NOTICE} It declines.")), FinishReason::Refusal),
        Answer::Tools => match tool_call(request, number) {
            Ok(call) => return (Part::ToolCall(call), FinishReason::ToolCalls),
            Err(why) => format!("{NOTICE} It calls no tool: {why}."),
        },
        Answer::Json => {
            // Some formats ask for JSON by a tool that must be called.
            let forced = matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_)));
            if let Some(call) = forced.then(|| tool_call(request, number).ok()).flatten() {
                return (Part::ToolCall(call), FinishReason::ToolCalls);
            }
            return (Part::text(json(request).to_string()), FinishReason::Stop);
        }
        Answer::Long(words) => long(*words),
        Answer::Says(text) => text.to_string(),
        Answer::Echo => format!("{NOTICE} You said: {}", last_user_text(request)),
    };
    let text = rest(text, request);
    let limit =
        request.max_output_tokens.map_or(usize::MAX, |tokens| tokens.saturating_mul(LETTERS) as usize);
    match text.char_indices().nth(limit) {
        Some((end, _)) => (Part::text(text.get(..end).unwrap_or_default()), FinishReason::Length),
        None if script.length => (Part::text(text), FinishReason::Length),
        None => (Part::text(text), FinishReason::Stop),
    }
}

/// What is left of an answer that the request has begun already in the assistant's words; all of it, where it begins
/// in another way.
fn rest(text: String, request: &ChatRequest) -> String {
    let last = request.messages.last().filter(|last| last.role == Role::Assistant);
    let begun = last.map(Message::joined_text).unwrap_or_default();
    text.strip_prefix(&begun).map(str::to_owned).unwrap_or(text)
}

fn thinking() -> Part {
    let opaque = Opaque { origin: MOCK, kind: OpaqueKind::Signature, data: "mock-signature".to_owned() };
    Part::Reasoning(Reasoning {
        text: "The mock pretends to think.".to_owned(),
        opaque: Some(opaque),
        ..Reasoning::default()
    })
}

/// A call of the named tool, or of the first one. A conversation that ends with results gets words, so that
/// agents come to an end.
fn tool_call(request: &ChatRequest, number: u64) -> Result<ToolCall, &'static str> {
    if request.messages.last().is_some_and(|message| message.role == Role::Tool) {
        return Err("it has the results of one");
    }
    let named = match &request.tool_choice {
        Some(ToolChoice::None) => return Err("the request forbids it"),
        Some(ToolChoice::Function(name) | ToolChoice::Custom(name)) => Some(name),
        _ => None,
    };
    let mut calls = request.tools.iter().filter_map(|tool| call_of(tool, number));
    let call = match named {
        Some(name) => calls.find(|call| call.name == *name),
        None => calls.next(),
    };
    call.ok_or("the request offers none")
}

fn call_of(tool: &Tool, number: u64) -> Option<ToolCall> {
    let id = format!("call_mock_{number}");
    match tool {
        Tool::Function(function) => {
            let schema = function.parameters.as_ref().and_then(|schema| schema.read::<Value>().ok());
            let arguments = schema.as_ref().map_or_else(|| json!({}), example);
            Some(ToolCall::new(id, &function.name, arguments.to_string()))
        }
        Tool::Custom { name, .. } => Some(ToolCall { custom: true, ..ToolCall::new(id, name, "mock") }),
        _ => None,
    }
}

fn json(request: &ChatRequest) -> Value {
    let schema = match &request.output {
        OutputFormat::JsonSchema(schema) => schema.schema.as_ref().and_then(|schema| schema.read().ok()),
        _ => None,
    };
    match schema {
        Some(schema) => example(&schema),
        None => json!({"mock": true, "notice": NOTICE, "you_said": last_user_text(request)}),
    }
}

fn long(words: usize) -> String {
    let mut text = NOTICE.to_owned();
    for word in 1..=words {
        text.push_str(" word");
        text.push_str(&word.to_string());
    }
    text
}

fn last_user_text(request: &ChatRequest) -> String {
    let asked = request.messages.iter().rev().find(|message| message.role == Role::User);
    asked.map(Message::joined_text).unwrap_or_default()
}

fn usage(request: &ChatRequest, parts: &[Part], choices: u64) -> Usage {
    let (thinking, said): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| matches!(part, Part::Reasoning(_)));
    let tokens = |parts: &[&Part]| parts.iter().map(|part| part_tokens(part)).sum::<u64>() * choices;
    Usage {
        input: Some(prompt_tokens(request)),
        output: Some(tokens(&said)),
        reasoning: (!thinking.is_empty()).then(|| tokens(&thinking)),
        ..Usage::default()
    }
}

fn part_tokens(part: &Part) -> u64 {
    match part {
        Part::Text(text) => tokens(&text.text),
        Part::Reasoning(reasoning) => tokens(&reasoning.text),
        Part::Refusal(words) => tokens(words),
        Part::ToolCall(call) => tokens(&call.name) + tokens(&call.arguments),
        Part::ToolResult(result) => result.content.iter().filter_map(Part::as_text).map(tokens).sum(),
        _ => 1,
    }
}

fn tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(LETTERS)
}
