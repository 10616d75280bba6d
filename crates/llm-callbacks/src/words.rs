//! What was asked and answered, for a store that keeps it beside the rows of calls.

use std::sync::Arc;

use llm_core::BoxFuture;
use llm_gateway::LoggedCall;
use llm_governance::Timestamp;
use serde_json::{Value, json};

use crate::content;
use crate::delivery::{Sink, Undelivered};
use crate::queue::Waiting;

/// So many bytes of a request, and of an answer, are kept.
const MOST: usize = 64 << 10;

/// How long the texts in one that is longer may be, one try after the other.
const LENGTHS: [usize; 3] = [8_192, 1_024, 128];

/// What was said in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The id of the call's row.
    pub id: String,
    /// When the call came.
    pub started: Timestamp,
    /// The request, as JSON; `None`: it is not kept.
    pub request: Option<String>,
    /// The answer, as JSON; `None`: there is none.
    pub response: Option<String>,
}

/// A store that keeps what was said.
pub trait KeepsWords: Send + Sync + 'static {
    /// Keeps it. What is there already stays.
    ///
    /// # Errors
    /// Why it is not kept, in words without any of it.
    fn keep(&self, said: Vec<Said>) -> BoxFuture<'_, Result<(), String>>;
}

pub(crate) struct Words(Arc<dyn KeepsWords>);

impl Words {
    pub(crate) fn new(store: Arc<dyn KeepsWords>) -> Self {
        Self(store)
    }
}

impl Sink for Words {
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>> {
        let said: Vec<Said> = batch.iter().filter_map(|call| said(call)).collect();
        Box::pin(async move {
            let kept = self.0.keep(said).await;
            kept.map(|()| 0).map_err(|why| Undelivered { why, again: true, after: None })
        })
    }
}

fn said(call: &LoggedCall) -> Option<Said> {
    let content = call.content.as_deref()?;
    let request = serde_json::from_slice(&content.request).ok().filter(|request: &Value| !request.is_null());
    // One that is too large for the gateway to hold on to.
    let request = request
        .or_else(|| (content.is_cut && content.request.is_empty()).then(|| json!({"truncated": true})));
    let response = match &call.error {
        Some(error) => {
            Some(json!({"error": {"type": error.kind, "code": error.status, "message": error.message}}))
        }
        None => Some(content::read(content).answer).filter(|answer| !answer.is_null()),
    };
    let (request, response) = (request.map(bounded), response.map(bounded));
    Some(Said { id: call.row.id.clone(), started: call.row.started, request, response })
}

/// As text of a bounded length: where it is longer, its texts are made shorter, each with a mark at its end.
fn bounded(value: Value) -> String {
    let mut text = value.to_string();
    let mut shorter = value;
    for longest in LENGTHS {
        if text.len() <= MOST {
            return text;
        }
        shorten(&mut shorter, longest);
        text = shorter.to_string();
    }
    if text.len() <= MOST {
        return text;
    }
    // So many small ones that only the beginning of them all can be kept.
    json!({"truncated": true, "beginning": head(&text, MOST / 4)}).to_string()
}

fn shorten(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) if text.len() > longest => {
            let begin = head(text, longest);
            let left_out = text.len() - begin.len();
            *text = format!("{begin}… ({left_out} bytes left out)");
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, longest)),
        Value::Object(members) => members.values_mut().for_each(|member| shorten(member, longest)),
        _ => {}
    }
}

/// The beginning of a text, cut between letters.
fn head(text: &str, longest: usize) -> &str {
    text.get(..text.floor_char_boundary(longest)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stays_as_it_is() {
        assert_eq!(bounded(json!({"a": "b"})), r#"{"a":"b"}"#);
    }

    #[test]
    fn what_is_long_is_cut_with_a_mark() {
        let kept = bounded(json!({"messages": [{"role": "user", "content": "ß".repeat(100_000)}]}));
        assert!(kept.len() < MOST, "{}", kept.len());
        let kept: Value = serde_json::from_str(&kept).expect("JSON");
        assert_eq!(kept["messages"][0]["role"], "user");
        let text = kept["messages"][0]["content"].as_str().expect("text");
        assert!(text.ends_with("… (191808 bytes left out)"), "{}", &text[text.len() - 40..]);
    }

    #[test]
    fn a_great_many_small_texts_keep_their_beginning() {
        let many: Vec<Value> = (0..100_000).map(Value::from).collect();
        let kept: Value = serde_json::from_str(&bounded(many.into())).expect("JSON");
        assert_eq!(kept["truncated"], true);
        assert!(kept["beginning"].as_str().is_some_and(|text| text.starts_with("[0,1,2,")));
    }
}
