//! Reasoning items, and what else travels in them.
//!
//! An item of a vendor of this format comes and goes as it is: its id, its summary, its text and its encrypted
//! content. State of other dialects must survive a client that knows nothing of it, so it takes the one way that
//! every client of this format keeps open, the `encrypted_content` of a reasoning item:
//!
//! - thinking of another dialect: the words as summary, the signature sealed ([`Opaque::seal`]); the id says that
//!   the words are a summary only in form, so that they come back as the text that the signature signs;
//! - the state of a tool call (a thought signature): an item without words after the call, naming the call's id;
//! - a block of a tool that another vendor runs itself: an item without words.
//!
//! Clients send these back because this API demands that they send reasoning items back.

use llm_core::dialect::DialectId;
use llm_core::message::{ForeignBlock, Opaque, OpaqueKind, Reasoning, SEAL};
use llm_core::{RawJson, Result};
use serde::Deserialize;

use super::RESPONSES;
use super::fields::{Fault, Fields};
use super::write::{ObjectWriter, Sink};

/// In every text and id that this gateway puts into reasoning items; vendors would refuse them.
pub(super) const MARK: &str = "llmgw1";
const TEXT_ID: &str = "rs_llmgw1t_";
const SUMMARY_ID: &str = "rs_llmgw1s_";
const CALL: &str = "call.";
const BLOCK: &str = "block.";

/// What a reasoning item brings.
#[derive(Debug)]
pub(super) enum Carried {
    /// Thinking.
    Reasoning(Reasoning),
    /// The state of a tool call.
    CallState { call_id: String, state: Opaque },
    /// A block of another dialect.
    Block(ForeignBlock),
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    text: String,
}

/// Reads a reasoning item of a vendor. State that another gateway sealed stays as it is: that one will read it.
pub(super) fn of_vendor(fields: &mut Fields<'_>) -> Result<Reasoning, Fault> {
    let summary: Vec<Words> = fields.read("summary")?.unwrap_or_default();
    let content: Vec<Words> = fields.lenient("content").unwrap_or_default();
    let encrypted = fields.string("encrypted_content")?.filter(|text| !text.is_empty());
    let state = |data| Opaque { origin: RESPONSES, kind: OpaqueKind::Encrypted, data };
    Ok(Reasoning {
        id: fields.string("id")?.filter(|id| !id.is_empty()),
        text: content.into_iter().map(|words| words.text).collect(),
        summary: summary.into_iter().map(|words| words.text).collect(),
        opaque: encrypted.map(state),
    })
}

/// Reads a reasoning item that a client sends back.
pub(super) fn of_client(fields: &mut Fields<'_>) -> Result<Carried, Fault> {
    let mut reasoning = of_vendor(fields)?;
    let sealed = reasoning.opaque.take().map(|opaque| opaque.data);
    if let Some(carried) = sealed.as_deref().and_then(passenger) {
        return Ok(carried);
    }
    let opaque = sealed.map(|text| Opaque::from_client(RESPONSES, OpaqueKind::Encrypted, &text));
    let foreign = opaque.as_ref().is_some_and(|opaque| opaque.origin != RESPONSES);
    let form = reasoning.id.as_deref().and_then(ours).or(foreign.then_some(Form::Text));
    if form == Some(Form::Text) && !reasoning.summary.is_empty() {
        reasoning.text = reasoning.summary.remove(0);
    }
    let id = reasoning.id.take().filter(|_| form.is_none());
    Ok(Carried::Reasoning(Reasoning { id, opaque, ..reasoning }))
}

/// What the summary of an item of ours begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// The thinking itself.
    Text,
    /// A summary.
    Summary,
}

fn ours(id: &str) -> Option<Form> {
    match id {
        id if id.starts_with(TEXT_ID) => Some(Form::Text),
        id if id.starts_with(SUMMARY_ID) => Some(Form::Summary),
        _ => None,
    }
}

fn passenger(sealed: &str) -> Option<Carried> {
    let rest = sealed.strip_prefix(SEAL)?;
    if let Some(named) = rest.strip_prefix(CALL) {
        let (call_id, _) = named.split_at_checked(named.rfind(SEAL)?)?;
        let state = Opaque::unseal(named.strip_prefix(call_id)?)?;
        return Some(Carried::CallState { call_id: call_id.strip_suffix('.')?.to_owned(), state });
    }
    let block = Opaque::unseal(rest.strip_prefix(BLOCK)?)?;
    let raw = RawJson::parse(block.data).ok()?;
    Some(Carried::Block(ForeignBlock { origin: block.origin, raw }))
}

/// The `encrypted_content` that brings a tool call's state back.
pub(super) fn sealed_call(call_id: &str, state: &Opaque) -> String {
    format!("{SEAL}{CALL}{call_id}.{}", state.seal())
}

/// The `encrypted_content` that brings a block back.
pub(super) fn sealed_block(origin: DialectId, raw: &RawJson) -> String {
    let data = raw.get().to_owned();
    format!("{SEAL}{BLOCK}{}", Opaque { origin, kind: OpaqueKind::Encrypted, data }.seal())
}

/// The id of an item for thinking: the vendor's where it has one, else one that says what the summary is.
pub(super) fn item_id(vendor: Option<&str>, form: Form, suffix: &str) -> String {
    match (vendor, form) {
        (Some(id), _) => id.to_owned(),
        (None, Form::Text) => format!("{TEXT_ID}{suffix}"),
        (None, Form::Summary) => format!("{SUMMARY_ID}{suffix}"),
    }
}

/// What the summary of an item for this thinking begins with.
pub(super) fn form(reasoning: &Reasoning) -> Form {
    if reasoning.text.is_empty() && !reasoning.summary.is_empty() { Form::Summary } else { Form::Text }
}

/// Writes the members that hold the thinking. `plain`: the text is shown as `content`, not as summary.
pub(super) fn put_words<S: Sink>(object: &mut ObjectWriter<'_, S>, reasoning: &Reasoning, plain: bool) {
    let text = (!reasoning.text.is_empty()).then_some(reasoning.text.as_str());
    {
        let mut list = object.array("summary");
        let first = text.filter(|_| !plain);
        for text in first.into_iter().chain(reasoning.summary.iter().map(String::as_str)) {
            let mut words = list.object();
            words.put("type", "summary_text");
            words.put("text", text);
        }
    }
    if let Some(text) = text.filter(|_| plain) {
        let mut list = object.array("content");
        let mut words = list.object();
        words.put("type", "reasoning_text");
        words.put("text", text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: DialectId = DialectId::new("other.messages");

    fn read(json: &str) -> Carried {
        of_client(&mut Fields::parse(json).expect("an object")).expect("a reasoning item")
    }

    #[test]
    fn a_calls_state_comes_back_with_the_calls_id_whatever_the_id_looks_like() {
        let state = Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: "s.llmgw1.\"".to_owned() };
        for id in ["call_1", "", "a.b:c", "llmgw1.call.x"] {
            let sealed = RawJson::string(&sealed_call(id, &state));
            let json = format!(r#"{{"summary":[],"encrypted_content":{}}}"#, sealed.get());
            let Carried::CallState { call_id, state: back } = read(&json) else { panic!("no state: {id}") };
            assert_eq!((call_id.as_str(), &back), (id, &state));
        }
    }

    #[test]
    fn a_block_of_another_dialect_comes_back() {
        let raw = RawJson::parse(r#"{"type":"server_tool_use","id":"x"}"#).expect("valid");
        let sealed = RawJson::string(&sealed_block(OTHER, &raw));
        let json = format!(r#"{{"summary":[],"encrypted_content":{}}}"#, sealed.get());
        let Carried::Block(block) = read(&json) else { panic!("no block") };
        assert_eq!(block, ForeignBlock { origin: OTHER, raw });
    }

    #[test]
    fn text_that_only_looks_like_ours_is_the_clients_own() {
        for text in ["llmgw1.call.x", "llmgw1.block.", "llmgw1.", "llmgw1.call.llmgw1.%%"] {
            let json = format!(r#"{{"id":"rs_1","summary":[],"encrypted_content":"{text}"}}"#);
            let Carried::Reasoning(reasoning) = read(&json) else { panic!("{text}") };
            let opaque = reasoning.opaque.expect("kept");
            assert_eq!((opaque.origin, opaque.data.as_str()), (RESPONSES, text));
        }
    }
}
