//! Reads `schemas.txt`: shapes of JSON in a line for each field, as JSON Schema.

use llm_core::json::object_of;
use serde_json::{Map, Value, json};

const TEXT: &str = include_str!("schemas.txt");

/// All schemas of the file, by name.
pub(super) fn all() -> Map<String, Value> {
    let blocks = TEXT.split("\n\n").filter(|block| !block.starts_with('#'));
    let mut all: Map<String, Value> = object_of(blocks.filter_map(block));
    let of_path: Vec<_> = all.iter_mut().filter_map(of_path).collect();
    all.extend(of_path);
    all
}

/// A request whose model stands in the path. Where it does not, it must be in the body.
fn of_path((name, schema): (&String, &mut Value)) -> Option<(String, Value)> {
    if !is_request(name) || schema["properties"].as_object_mut()?.get("model").is_none() {
        return None;
    }
    let mut other = schema.clone();
    other["properties"].as_object_mut()?.remove("model");
    let needed = schema["required"].as_array().cloned().unwrap_or_default();
    schema["required"] = [json!("model")].into_iter().chain(needed).collect();
    Some((in_path(name), other))
}

/// Whether a schema is one of requests of model APIs.
fn is_request(name: &str) -> bool {
    name.ends_with("Request") || name.ends_with("Form")
}

/// The name of the schema of the same request where the path names the model.
pub(super) fn in_path(name: &str) -> String {
    format!("{name}OfPath")
}

fn block(text: &str) -> Option<(String, Value)> {
    let mut lines = text.lines();
    let (name, about) = lines.next()?.split_once(' ')?;
    let fields: Vec<Field<'_>> = lines.filter_map(Field::read).collect();
    let needed: Vec<&str> = fields.iter().filter(|field| field.needed).map(|field| field.name).collect();
    let properties: Map<String, Value> =
        object_of(fields.iter().map(|field| (field.name.to_owned(), field.schema())));
    let mut schema = json!({"type": "object", "description": about, "properties": properties});
    if !needed.is_empty() {
        schema["required"] = json!(needed);
    }
    Some((name.to_owned(), schema))
}

/// `name!: type about`.
pub(super) struct Field<'a> {
    pub name: &'a str,
    pub needed: bool,
    kind: &'a str,
    about: &'a str,
}

impl<'a> Field<'a> {
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once(": ")?;
        let (kind, about) = rest.split_once(' ').unwrap_or((rest, ""));
        let needed = name.ends_with('!');
        Some(Self { name: name.trim_end_matches('!'), needed, kind, about })
    }

    pub(super) fn schema(&self) -> Value {
        let mut schema = of(self.kind);
        if !self.about.is_empty() {
            schema["description"] = json!(self.about);
        }
        schema
    }
}

/// The schema of a type: `string`, `[integer]`, `string|[string]?`, `"list"`, or the name of another one.
fn of(kind: &str) -> Value {
    let (kind, nullable) = match kind.strip_suffix('?') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let mut any: Vec<Value> = alternatives(kind).map(one).collect();
    if nullable {
        any.push(json!({"type": "null"}));
    }
    match any.len() {
        1 => any.remove(0),
        _ => json!({"anyOf": any}),
    }
}

/// What stands between bars, outside of brackets.
fn alternatives(kind: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    kind.split(move |letter| {
        depth = match letter {
            '[' => depth + 1,
            ']' => depth.saturating_sub(1),
            _ => depth,
        };
        letter == '|' && depth == 0
    })
}

fn one(kind: &str) -> Value {
    if let Some(items) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return json!({"type": "array", "items": of(items)});
    }
    match kind {
        "any" => json!({}),
        "binary" => json!({"type": "string", "contentMediaType": "application/octet-stream"}),
        _ if kind.starts_with('"') => json!({"const": kind.trim_matches('"')}),
        _ if kind.starts_with(|letter: char| letter.is_ascii_uppercase()) => named(kind),
        _ => json!({"type": kind}),
    }
}

/// A schema of the document, by name.
pub(super) fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_read_and_every_name_known() {
        let all = all();
        let blocks = TEXT.split("\n\n").filter(|block| !block.starts_with('#')).count();
        let written = all.iter().filter(|(name, _)| !name.ends_with("OfPath"));
        assert_eq!(written.clone().count(), blocks, "a name is there twice");
        for (name, schema) in &all {
            let needed = schema["required"].as_array().cloned().unwrap_or_default();
            let twice = needed.iter().filter(|one| **one == "model").count() > 1;
            assert!(!twice, "{name}: whoever has a `model` needs it where the path has none");
        }
        let text = Value::Object(all.clone()).to_string();
        for named in text.split("#/components/schemas/").skip(1) {
            let name = named.split('"').next().expect("a name");
            assert!(all.contains_key(name), "{name}");
        }
        let lines = TEXT.lines().filter_map(|line| line.split_once(": "));
        let lines = lines.filter(|(name, _)| !name.contains(' ')).count();
        let fields: usize =
            written.map(|(_, schema)| schema["properties"].as_object().expect("some").len()).sum();
        assert_eq!(fields, lines, "a field is there twice, or was not read");
    }

    #[test]
    fn types_are_read() {
        assert_eq!(of("[integer]"), json!({"type": "array", "items": {"type": "integer"}}));
        let either = json!({"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}]});
        assert_eq!(of("string|object?"), either);
        assert_eq!(of("\"list\""), json!({"const": "list"}));
        let items = json!({"anyOf": [{"type": "string"}, {"type": "object"}]});
        assert_eq!(of("[string|object]"), json!({"type": "array", "items": items}));
    }
}
