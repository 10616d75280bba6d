//! Documents that a model may cite: `{"id", "data": {…}}` or a plain text here, [`Document`] in the canonical form.
//!
//! `data` is any object. Its `text` and `title` are the document's own; what else it holds, and the id that citations
//! refer to, becomes the document's context as JSON and comes back from there. A `data` without a text stands for
//! itself as JSON.

use llm_core::message::{Document, Source};
use llm_core::{RawJson, RawObject};

use crate::wire::{Fields, Malformed, ObjectWriter};

/// Reads a document out of its JSON.
pub(crate) fn read(json: &str) -> Result<Document, Malformed> {
    if let Ok(text) = serde_json::from_str(json) {
        return Ok(plain(text, None, None));
    }
    let document = Fields::parse(json).map_err(|_| Malformed::new("", "expected a string or an object"))?;
    // Before `data` was introduced, its members stood in the document itself.
    let data = match document.raw("data") {
        Some(data) => data.read::<RawObject>().map_err(|_| Malformed::new("data", "expected an object"))?,
        None => document.rest(&["id", "data"]),
    };
    let mut context = RawObject::default();
    if let Some(id) = document.raw("id") {
        context.insert("id", id.clone());
    }
    let text = data.get("text").and_then(|text| text.read::<String>().ok());
    let Some(text) = text.filter(|text| as_object(text).is_none()) else {
        let whole = RawJson::of(&data).map_or_else(|_| String::new(), |json| json.get().to_owned());
        return Ok(plain(whole, None, context_of(&context)));
    };
    let title = data.get("title").and_then(|title| title.read::<String>().ok());
    let known = |name: &str| name == "text" || name == "title" && title.is_some();
    for (name, value) in data.iter().filter(|(name, _)| !known(name)) {
        // An id in the data is not the document's own.
        let name = if name == "id" { "data.id" } else { name };
        context.insert(name, value.clone());
    }
    Ok(plain(text, title, context_of(&context)))
}

fn plain(text: String, title: Option<String>, context: Option<String>) -> Document {
    Document { source: Source::Text(text), title, context, citations: None, cache: None }
}

fn context_of(members: &RawObject) -> Option<String> {
    (!members.is_empty()).then(|| RawJson::of(members).ok().map(|json| json.get().to_owned())).flatten()
}

fn as_object(text: &str) -> Option<RawObject> {
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// Writes a document; `None` when it is no text.
pub(crate) fn write(document: &Document) -> Option<RawJson> {
    let Source::Text(text) = &document.source else { return None };
    let mut data = RawObject::default();
    match as_object(text) {
        Some(object) => data = object,
        None => data.insert("text", RawJson::string(text)),
    }
    if let Some(title) = &document.title {
        data.insert("title", RawJson::string(title));
    }
    let mut id = None;
    match document.context.as_deref().map(|context| (context, as_object(context))) {
        Some((_, Some(mut members))) => {
            id = members.remove("id");
            for (name, value) in members {
                data.insert(if name == "data.id" { "id".to_owned() } else { name }, value);
            }
        }
        Some((context, None)) => data.insert("context", RawJson::string(context)),
        None => {}
    }
    let mut object = ObjectWriter::new();
    object.optional("id", id.as_ref()).member("data", &data);
    Some(object.json())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(text: &str) -> serde_json::Value {
        let written = write(&read(text).expect("a document")).expect("a text");
        serde_json::from_str(written.get()).expect("valid")
    }

    #[test]
    fn every_document_comes_back() {
        for text in [
            r#"{"id":"doc:0","data":{"title":"t","text":"x","url":"https://a.example","n":18446744073709551615}}"#,
            r#"{"data":{"output":"5"}}"#,
            r#"{"id":"1","data":{"a":{"b":[1.50]},"title":"no text"}}"#,
            r#"{"data":{"text":"{\"a\":1}","title":"t"}}"#,
            r#"{"id":"1","data":{"id":"inner","text":"x"}}"#,
        ] {
            assert_eq!(there_and_back(text), serde_json::from_str::<serde_json::Value>(text).expect("valid"));
        }
    }

    #[test]
    fn a_plain_text_becomes_a_document() {
        assert_eq!(there_and_back("\"hello\""), serde_json::json!({"data": {"text": "hello"}}));
        assert_eq!(
            there_and_back(r#"{"id":"1","text":"hello"}"#),
            serde_json::json!({"id": "1", "data": {"text": "hello"}})
        );
        assert!(read("[1]").is_err());
    }
}
