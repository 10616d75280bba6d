//! The JSON schema of a configuration, for editors, made from the key table.

use serde_json::{Map, Value, json};

use crate::keys::{Key, LONG_PROMPT_PRICES, ROOT, Section, Shape};

/// The definition of keys that have no effect yet.
const LATER: &str = "no_effect_yet";

/// The schema as JSON text, the same every time.
pub fn schema() -> String {
    let later = json!({"description": "A key of LiteLLM's without an effect here yet.", "deprecated": true});
    let mut definitions = Map::from_iter([(LATER.to_owned(), later)]);
    let mut root = object(&ROOT, &mut definitions);
    if let Value::Object(members) = &mut root {
        members.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("title".to_owned(), "Configuration of the LLM gateway".into());
        members.insert("$defs".to_owned(), Value::Object(definitions));
    }
    serde_json::to_string_pretty(&root).expect("a JSON value can always be written") + "\n"
}

fn object(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    for key in section.all() {
        let property = property(key, definitions);
        match key.name {
            LONG_PROMPT_PRICES => patterns.insert("_above_[0-9]+k_tokens$".to_owned(), property),
            name => properties.insert(name.to_owned(), property),
        };
    }
    for name in section.later_names().chain(section.moot.iter().map(|(name, _)| *name)) {
        let known = json!({"$ref": format!("#/$defs/{LATER}")});
        if name.contains('*') {
            patterns.insert(pattern(name), known);
        } else {
            properties.insert(name.to_owned(), known);
        }
    }
    let mut schema = json!({
        "type": ["object", "null"],
        "description": section.about,
        "properties": properties,
        "additionalProperties": section.notes,
    });
    if let (Value::Object(members), false) = (&mut schema, patterns.is_empty()) {
        members.insert("patternProperties".to_owned(), Value::Object(patterns));
    }
    schema
}

fn pattern(name: &str) -> String {
    let inner = name.trim_matches('*');
    match (name.starts_with('*'), name.ends_with('*')) {
        (true, true) => inner.to_owned(),
        (true, false) => format!("{inner}$"),
        _ => format!("^{inner}"),
    }
}

fn property(key: &Key, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = shape(key.shape, definitions);
    if let Value::Object(members) = &mut schema {
        members.insert("description".to_owned(), key.about.into());
    }
    schema
}

fn shape(shape: Shape, definitions: &mut Map<String, Value>) -> Value {
    // Every single value may also be a text with a reference to a variable.
    let text = || json!({"type": ["string", "number", "boolean", "null"]});
    match shape {
        Shape::Text | Shape::Secret | Shape::Period | Shape::Duration => text(),
        Shape::Bool => json!({"type": ["boolean", "string", "null"]}),
        Shape::Whole => json!({"type": ["integer", "string", "null"], "minimum": 0}),
        Shape::Number => json!({"type": ["number", "string", "null"]}),
        Shape::Dollars | Shape::Seconds => json!({"type": ["number", "string", "null"], "minimum": 0}),
        Shape::Choice(choices) => json!({"enum": choices}),
        Shape::Texts | Shape::Secrets => json!({"anyOf": [text(), {"type": "array", "items": text()}]}),
        Shape::TextMap => json!({"type": ["object", "null"], "additionalProperties": text()}),
        Shape::Json => json!({}),
        Shape::Section(section) => reference(section, definitions),
        Shape::Sections(section) => {
            json!({"type": ["array", "null"], "items": reference(section, definitions)})
        }
        Shape::Named(section) => {
            json!({"type": ["object", "null"], "additionalProperties": reference(section, definitions)})
        }
        Shape::Fallbacks => {
            let list = json!({"anyOf": [text(), {"type": "array", "items": text()}]});
            let group = json!({"type": "object", "additionalProperties": list});
            json!({"type": ["array", "null"], "items": {"anyOf": [text(), group]}})
        }
        Shape::Aliases => {
            let full = json!({
                "type": "object",
                "properties": {"model": text(), "hidden": {"type": "boolean"}},
                "required": ["model"],
                "additionalProperties": false,
            });
            json!({"type": ["object", "null"], "additionalProperties": {"anyOf": [text(), full]}})
        }
    }
}

/// A reference to a section's definition, which is added when it is not there yet.
fn reference(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(section.name) {
        // Holds the place, so that a section that contains itself ends.
        definitions.insert(section.name.to_owned(), Value::Null);
        let definition = object(section, definitions);
        definitions.insert(section.name.to_owned(), definition);
    }
    json!({"$ref": format!("#/$defs/{}", section.name)})
}
