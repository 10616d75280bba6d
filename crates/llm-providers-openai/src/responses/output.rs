//! Output items of a vendor read as parts of one answer.

use llm_core::message::{ForeignBlock, ToolCall};
use llm_core::response::FinishReason;
use llm_core::{Part, RawJson};
use serde_json::value::RawValue;

use super::RESPONSES;
use super::content::part;
use super::fields::{Fault, Fields, raw};
use super::input::{arguments, call_state};
use super::reasoning;

/// What an output item says.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// Its parts: several of a message, one of anything else.
    pub(super) parts: Vec<Part>,
    /// Log probabilities of the texts, one list for each part that has some.
    pub(super) logprobs: Vec<RawJson>,
}

/// Reads an output item.
pub(super) fn item(value: &RawValue) -> Result<Item, Fault> {
    let mut fields = Fields::parse(value.get())?;
    let one = |part| Item { parts: vec![part], logprobs: Vec::new() };
    match fields.peek("type").as_ref() {
        "message" => message(&mut fields),
        "function_call" => call(fields, false).map(|call| one(Part::ToolCall(call))),
        "custom_tool_call" => call(fields, true).map(|call| one(Part::ToolCall(call))),
        "reasoning" => reasoning::of_vendor(&mut fields).map(|thought| one(Part::Reasoning(thought))),
        _ => Ok(one(Part::ServerTool(ForeignBlock { origin: RESPONSES, raw: raw(value) }))),
    }
}

fn message(fields: &mut Fields<'_>) -> Result<Item, Fault> {
    let mut item = Item::default();
    for (at, value) in fields.list("content")?.into_iter().enumerate() {
        let within = |fault: Fault| fault.within(format_args!("content[{at}]"));
        item.parts.push(part(value).map_err(within)?);
        item.logprobs.extend(logprobs(value));
    }
    Ok(item)
}

/// The log probabilities of a text part, as chat completions write them, which all clients know.
fn logprobs(value: &RawValue) -> Option<RawJson> {
    let list = Fields::parse(value.get()).ok()?.value("logprobs")?.get();
    (list.len() > 2).then(|| RawJson::parse(format!("{{\"content\":{list}}}")).ok()).flatten()
}

/// Reads a call. Some vendors put the fields of the stream's event into the item, `item_id` for `id`.
pub(super) fn call(mut fields: Fields<'_>, custom: bool) -> Result<ToolCall, Fault> {
    let arguments = if custom { fields.string("input")? } else { arguments(&mut fields)? };
    let item_id = fields.lenient("id").or_else(|| fields.lenient("item_id"));
    let name = fields.required("name")?;
    let call_id = fields.string("call_id")?.or_else(|| item_id.clone());
    let id = call_id.ok_or_else(|| Fault::new("call_id", "this field is required"))?;
    let call = ToolCall { item_id, custom, ..ToolCall::new(id, name, arguments.unwrap_or_default()) };
    Ok(ToolCall { opaque: call_state(fields), ..call })
}

/// Why an answer ended.
pub(super) fn finish(status: &str, reason: Option<&str>, calls: bool) -> FinishReason {
    match (status, reason) {
        ("incomplete", Some("max_output_tokens")) => FinishReason::Length,
        ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
        ("incomplete", reason) => FinishReason::Other(reason.unwrap_or("incomplete").to_owned()),
        ("completed" | "", _) if calls => FinishReason::ToolCalls,
        ("completed" | "", _) => FinishReason::Stop,
        (other, _) => FinishReason::Other(other.to_owned()),
    }
}
