//! Log probabilities: one item for a run of tokens here, `{"content": [{"token", "logprob", …}]}` for everybody else.
//! Members that only this format has travel along and come back.

use llm_core::{RawJson, RawObject};
use serde::{Deserialize, Serialize};

use crate::wire::ObjectWriter;

#[derive(Deserialize, Serialize)]
struct Item {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    token_ids: Vec<RawJson>,
    #[serde(default)]
    logprobs: Option<Vec<RawJson>>,
}

/// Reads a list of items; `None` when it is none.
pub(crate) fn read_list(raw: &RawJson) -> Option<RawJson> {
    let items: Vec<Item> = raw.read().ok()?;
    Some(shown(&items))
}

/// Reads one item of a stream.
pub(crate) fn read_one(raw: &RawJson) -> Option<RawJson> {
    let item: Item = raw.read().ok()?;
    Some(shown(&[item]))
}

fn shown(items: &[Item]) -> RawJson {
    let content: Vec<RawJson> = items.iter().map(entry).collect();
    ObjectWriter::new().member("content", &content).json()
}

fn entry(item: &Item) -> RawJson {
    let text = item.text.as_deref().unwrap_or_default();
    let own = item.logprobs.as_deref().unwrap_or_default();
    let sum: f64 = own.iter().filter_map(|value| value.read::<f64>().ok()).sum();
    let mut object = ObjectWriter::new();
    object
        .member("token", text)
        .member("logprob", &sum)
        .member("bytes", text.as_bytes())
        .member("top_logprobs", &[(); 0])
        .member("token_ids", &item.token_ids)
        .optional("logprobs", item.logprobs.as_ref());
    object.json()
}

/// Writes items; empty when the value is of no known shape.
pub(crate) fn write(raw: &RawJson) -> Vec<RawJson> {
    let list =
        raw.read::<RawObject>().ok().and_then(|object| object.get("content")?.read::<Vec<RawObject>>().ok());
    list.unwrap_or_default().iter().map(item).collect()
}

fn item(entry: &RawObject) -> RawJson {
    let text = entry.get("token").or_else(|| entry.get("text"));
    let own = entry.get("logprobs").and_then(|list| list.read::<Vec<RawJson>>().ok());
    let logprobs = own.or_else(|| Some(vec![entry.get("logprob")?.clone()])).unwrap_or_default();
    let ids = entry.get("token_ids").and_then(|list| list.read::<Vec<RawJson>>().ok()).unwrap_or_default();
    let mut object = ObjectWriter::new();
    object.optional("text", text).member("token_ids", &ids).member("logprobs", &logprobs);
    object.json()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_back_and_read_as_others_write_them() {
        let text = r#"[{"text":"Hello","token_ids":[1,2],"logprobs":[-0.50,-0.25]}]"#;
        let read = read_list(&RawJson::parse(text).expect("valid")).expect("a list");
        assert!(read.get().starts_with(r#"{"content":[{"token":"Hello","logprob":-0.75,"#), "{}", read.get());
        let written: Vec<String> = write(&read).iter().map(|item| item.get().to_owned()).collect();
        assert_eq!(format!("[{}]", written.join(",")), text);
        let other = RawJson::parse(r#"{"content":[{"token":"a","logprob":-1}]}"#).expect("valid");
        assert_eq!(write(&other)[0].get(), r#"{"text":"a","token_ids":[],"logprobs":[-1]}"#);
    }
}
