//! What tools answer: an object on the wire (`output` or `error` by the documentation's advice, or any other), texts
//! and media in the canonical form.
//!
//! After <https://ai.google.dev/api/caching#FunctionResponse>.

use std::borrow::Cow;

use llm_core::message::ToolResult;
use llm_core::{Part, RawJson, RawObject};
use serde_json::value::RawValue;

use super::read::{Piece, read_media};
use crate::wire::{Malformed, Members, ObjectWriter};

/// Reads a `functionResponse`.
pub(super) fn read(response: &Members<'_>) -> Result<Piece, Malformed> {
    let id = response.text("id")?.filter(|id| !id.is_empty());
    let (text, is_error) = words(response.raw("response"));
    let mut content = vec![Part::text(text)];
    for (at, part) in response.array("parts")?.into_iter().enumerate() {
        let inside = |fault: Malformed| fault.within(at).within("parts");
        let members = Members::parse(part.get()).map_err(inside)?;
        let media = read_media(&members).map_err(inside)?;
        content.push(media.ok_or_else(|| inside(Malformed::new("", "expected `inlineData` or `fileData`")))?);
    }
    let result = ToolResult {
        call_id: id.clone().unwrap_or_default(),
        name: Some(response.required_text("name")?),
        content,
        is_error,
        custom: false,
        cache: None,
    };
    Ok(Piece::Result { id, result })
}

/// The words of a response. Text that would be taken for an object on its way back stays inside of its object.
fn words(response: Option<&RawValue>) -> (String, Option<bool>) {
    let whole = response.map_or("{}", RawValue::get);
    let Ok(object) = serde_json::from_str::<RawObject>(whole) else { return (whole.to_owned(), None) };
    let single = object.iter().next().filter(|_| object.len() == 1);
    let inner = single.and_then(|(key, value)| Some((key, value.read::<String>().ok()?)));
    match inner {
        Some(("output", text)) if object_of(&text).is_none() => (text, None),
        Some(("error", text)) if object_of(&text).is_none() => (text, Some(true)),
        _ => (whole.to_owned(), None),
    }
}

fn object_of(text: &str) -> Option<RawJson> {
    let text = text.trim();
    RawJson::parse(text).ok().filter(|_| text.starts_with('{'))
}

/// The object of a result: its text where that is one, else what the documentation advises.
pub(super) fn write(result: &ToolResult) -> RawJson {
    let texts: Vec<&str> = result.content.iter().filter_map(Part::as_text).collect();
    let text = match texts.as_slice() {
        [one] => Cow::Borrowed(*one),
        several => Cow::Owned(several.join("\n")),
    };
    let failed = result.is_error == Some(true);
    match object_of(&text) {
        Some(object) if !failed => object,
        Some(object) => single("error", &object),
        None => single(if failed { "error" } else { "output" }, &text),
    }
}

fn single<T: serde::Serialize + ?Sized>(key: &str, value: &T) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member(key, value);
    object.json()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(text: &str) -> (String, Option<bool>, String) {
        let raw: Box<RawValue> = serde_json::from_str(text).expect("JSON");
        let (words, is_error) = words(Some(&raw));
        let content = vec![Part::text(words.clone())];
        let result =
            ToolResult { call_id: String::new(), name: None, content, is_error, custom: false, cache: None };
        (words, is_error, write(&result).get().to_owned())
    }

    #[test]
    fn every_object_comes_back() {
        for text in [
            r#"{"output":"42"}"#,
            r#"{"error":"no"}"#,
            r#"{"result":"42"}"#,
            r#"{"output":"{\"a\":1}"}"#,
            r#"{"error":{"a":1}}"#,
            r#"{"z":18446744073709551615,"a":[1.10]}"#,
            "{}",
        ] {
            assert_eq!(there_and_back(text).2, text);
        }
        assert_eq!(there_and_back(r#"{"output":"42"}"#).0, "42");
        assert_eq!(there_and_back(r#"{"error":"no"}"#).1, Some(true));
    }
}
