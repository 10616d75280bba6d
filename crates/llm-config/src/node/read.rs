//! YAML and JSON (which is YAML) into a tree of [`Node`]s, and the parser's errors into words that help.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::{Entry, Node, Value};
use crate::report::{Place, Problem, Severity};

/// No configuration needs more; it keeps the reader's recursion shallow.
const MAX_DEPTH: usize = 48;
/// The largest file that is read.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads a file's content. An empty file is [`Value::Null`].
///
/// # Errors
/// One problem with its place, when it is no text, no YAML or JSON, or too large or deep.
pub(crate) fn read(file: &Arc<str>, content: &[u8]) -> Result<Node, Problem> {
    let whole = |message: &str, help: &str| problem(Place::file(file), message, help);
    if content.len() > MAX_BYTES {
        return Err(whole("the file is larger than 16 MiB", "is this the right file?"));
    }
    if content.contains(&0) {
        return Err(whole("the file is binary, not a text", "give a configuration in YAML or JSON"));
    }
    let Ok(text) = std::str::from_utf8(content) else {
        return Err(whole("the file is not UTF-8 text", "save it as UTF-8"));
    };
    let parsed = serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options());
    let node = parsed.map_err(|error| explain(file, &error))?;
    Ok(Source { file, text }.node(node))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        // A snippet would show whatever stands there, secrets too.
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
    }
}

/// What the parser makes of a value before its spelling is taken from the file.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Raw::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

struct Source<'a> {
    file: &'a Arc<str>,
    text: &'a str,
}

impl Source<'_> {
    fn node(&self, raw: Spanned<Raw>) -> Node {
        let at = self.place(raw.referenced);
        let written = || self.written(raw.defined).to_owned();
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value, written()),
            Raw::Number => Value::Number(written()),
            Raw::Text(text) => Value::Text(text),
            Raw::List(list) => Value::List(list.into_iter().map(|element| self.node(element)).collect()),
            Raw::Map(map) => Value::Map(map.into_iter().map(|(key, value)| self.entry(key, value)).collect()),
        };
        Node { value, at }
    }

    fn entry(&self, key: Spanned<String>, value: Spanned<Raw>) -> Entry {
        Entry { at: self.place(key.referenced), key: key.value, value: self.node(value) }
    }

    fn place(&self, location: Location) -> Place {
        Place::at(self.file, location.line(), location.column())
    }

    /// The spelling of a scalar.
    fn written(&self, location: Location) -> &str {
        let span = location.span();
        let range = span.byte_offset().zip(span.byte_len()).and_then(|(start, length)| {
            let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
            self.text.get(start..start.checked_add(length)?)
        });
        range.unwrap_or_default()
    }
}

/// The parser's error in our words, with what usually causes it.
fn explain(file: &Arc<str>, error: &serde_saphyr::Error) -> Problem {
    let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
    let full = error.to_string();
    let first = full.lines().next().unwrap_or_default();
    let message = first.split(" at line ").next().unwrap_or(first);
    let above = line.saturating_sub(1);
    let (message, help) = if message.contains("mapping values are not allowed") {
        let help = format!(
            "line {above} is complete in itself, so nothing can be indented below it: end line {above} with `:` if \
             it is a name with settings below, or align line {line} with the key above it"
        );
        ("this line is indented like a part of the one above, which cannot have parts".to_owned(), help)
    } else if message.contains("tabs disallowed") {
        ("a tab in the indentation".to_owned(), "YAML indents with spaces only".to_owned())
    } else if message.contains("scanning an anchor or alias") {
        ("a `*` or `&` begins an alias here".to_owned(), "write a pattern in quotes: \"*\"".to_owned())
    } else if let Some(key) = message.strip_prefix("duplicate mapping key: ") {
        let key = key.split(", set ").next().unwrap_or(key);
        (format!("the key `{key}` comes twice"), "keep one of the two".to_owned())
    } else if message.contains("multiple YAML documents") {
        ("a second document begins here".to_owned(), "remove the `---`, or use `include:`".to_owned())
    } else if message.contains("budget breached") || message.contains("recursion limit") {
        ("the file is nested too deeply or is too large".to_owned(), "is this the right file?".to_owned())
    } else {
        let help = "check indentation, quotes and brackets at and above this line".to_owned();
        (format!("this is no valid YAML or JSON: {message}"), help)
    };
    problem(Place::at(file, line, column), &message, &help)
}

fn problem(place: Place, message: &str, help: &str) -> Problem {
    Problem { severity: Severity::Error, place, message: message.to_owned(), help: Some(help.to_owned()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Result<Node, Problem> {
        read(&Arc::from("test.yaml"), text.as_bytes())
    }

    #[test]
    fn numbers_keep_their_digits_and_keys_their_places() {
        let node = of("a:\n  b: [0.10, 2.5e-06]\n  on: yes\n").expect("it is YAML");
        let list = node.at_path("a.b").expect("it is there");
        assert_eq!(list.elements().iter().filter_map(Node::text).collect::<Vec<_>>(), ["0.10", "2.5e-06"]);
        assert_eq!(list.at.to_string(), "test.yaml:2:6");
        assert!(
            matches!(node.at_path("a.on").map(|on| &on.value), Some(Value::Bool(true, text)) if text == "yes")
        );
    }

    #[test]
    fn json_with_tabs_and_escapes_is_read() {
        let node = of("{\n\t\"u\": \"\\u4f60 \\/\",\n\t\"cost\": 1.50\n}").expect("it is JSON");
        assert_eq!(node.get("u").and_then(Node::text), Some("你 /"));
        assert_eq!(node.json().get(), r#"{"u":"你 /","cost":1.50}"#);
    }

    #[test]
    fn deep_and_endless_files_are_errors() {
        for text in ["[".repeat(100_000), format!("a: {}", "{b: ".repeat(5_000)), "- ".repeat(10_000)] {
            assert!(of(&text).is_err());
        }
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                    g: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\nh: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ni: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
        assert!(of(&format!("{bomb}j: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n")).is_err());
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,80}", lines in proptest::collection::vec("[ -]{0,4}[a-z*&'\"{}\\[\\]]{0,3}:? ?[a-z0-9]{0,2}", 0..8)) {
            let _ = of(&text);
            let _ = of(&lines.join("\n"));
        }
    }
}
