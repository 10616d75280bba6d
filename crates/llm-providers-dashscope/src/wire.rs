//! Answers of the format, taken apart: what stands around the messages.

use llm_core::{Error, FinishReason, RawJson, RawObject, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::WireMessage;
use crate::{error, finish};

/// A member read as a type; one that is absent, null or of another type gives `None`.
pub(crate) fn read<T: DeserializeOwned>(object: &RawObject, key: &str) -> Option<T> {
    object.get(key).filter(|raw| !raw.is_null())?.read().ok()
}

/// Any value that this crate writes.
pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::of(value).expect("structs with string keys are always valid JSON")
}

/// An answer, or one event of a stream.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) request_id: String,
    pub(crate) usage: Option<RawObject>,
    pub(crate) choices: Vec<WireChoice>,
    /// What the vendor's own search found.
    pub(crate) search_results: Vec<RawObject>,
    /// Members that are not modelled, those of `output` among them.
    pub(crate) extras: RawObject,
}

/// One of the answers.
#[derive(Debug)]
pub(crate) struct WireChoice {
    pub(crate) index: u32,
    pub(crate) message: WireMessage,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) logprobs: Option<RawJson>,
}

const MODELLED: &[&str] = &["output", "usage", "request_id", "code", "message", "status_code"];
const OUTPUT_MODELLED: &[&str] = &["choices", "text", "finish_reason"];

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// The error that stands in its place, or that it is no answer.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let top: RawObject = serde_json::from_str(text).map_err(|_| no_answer("it is no JSON object"))?;
        if let Some(error) = error::in_place_of_answer(&top) {
            return Err(error);
        }
        let output: RawObject = read(&top, "output").ok_or_else(|| no_answer("`output` is missing"))?;
        let rest = |object: &RawObject, known: &[&str]| -> Vec<(String, RawJson)> {
            let unknown = object.iter().filter(|(name, value)| !known.contains(name) && !value.is_null());
            unknown.map(|(name, value)| (name.to_owned(), value.clone())).collect()
        };
        let extras = [rest(&top, MODELLED), rest(&output, OUTPUT_MODELLED)].concat().into_iter().collect();
        let search: Option<RawObject> = read(&output, "search_info");
        Ok(Self {
            request_id: read(&top, "request_id").unwrap_or_default(),
            usage: read(&top, "usage"),
            choices: choices(&output),
            search_results: search.and_then(|info| read(&info, "search_results")).unwrap_or_default(),
            extras,
        })
    }
}

/// With `result_format: text` there is one answer, and it has no message around it.
fn choices(output: &RawObject) -> Vec<WireChoice> {
    let list: Vec<RawObject> = read(output, "choices").unwrap_or_default();
    if !list.is_empty() {
        return (0..).zip(&list).map(|(number, choice)| WireChoice::of(choice, number)).collect();
    }
    let Some(text) = read::<String>(output, "text") else { return Vec::new() };
    vec![WireChoice { index: 0, message: WireMessage::of_text(text), finish: reason(output), logprobs: None }]
}

impl WireChoice {
    fn of(choice: &RawObject, number: u32) -> Self {
        let message: RawObject = read(choice, "message").unwrap_or_default();
        Self {
            index: read(choice, "index").unwrap_or(number),
            message: WireMessage::of(&message),
            finish: reason(choice),
            logprobs: choice.get("logprobs").filter(|raw| !raw.is_null()).cloned(),
        }
    }
}

fn reason(object: &RawObject) -> Option<FinishReason> {
    read::<String>(object, "finish_reason").and_then(|reason| finish::read(&reason))
}

/// The error of an answer that is none. It never quotes the body.
pub(crate) fn no_answer(why: &str) -> Error {
    Error::bad_answer(format!("the vendor's answer is not of the DashScope format: {why}"))
}
