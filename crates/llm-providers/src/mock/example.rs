//! A JSON value that follows a JSON schema, the same one every time.

use std::cell::Cell;

use llm_core::json::object_of;
use serde_json::{Map, Value, json};

/// Deeper than this, only what is required is made; twice as deep, nothing is.
const DEPTH: usize = 8;
const MAX_ITEMS: u64 = 64;
const MAX_LENGTH: u64 = 4096;
/// How many values are made at most: schemas that refer to themselves many times would never end.
const MAX_VALUES: usize = 10_000;

/// A value that follows the schema; `{}` when the schema says nothing.
pub(crate) fn example(schema: &Value) -> Value {
    let value = Maker { root: schema, made: Cell::new(0) }.value(schema, 0);
    if value.is_null() { json!({}) } else { value }
}

struct Maker<'a> {
    root: &'a Value,
    made: Cell<usize>,
}

impl<'a> Maker<'a> {
    fn value(&self, schema: &'a Value, depth: usize) -> Value {
        self.made.set(self.made.get() + 1);
        if depth > DEPTH * 2 || self.made.get() > MAX_VALUES {
            return Value::Null;
        }
        let fixed = ["const", "default"].into_iter().find_map(|key| schema.get(key));
        let fixed = fixed.or_else(|| schema.get("enum").and_then(|values| values.get(0)));
        if let Some(value) = fixed {
            return value.clone();
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|name| self.resolve(name)) {
            return self.value(target, depth + 1);
        }
        if let Some(first) =
            ["anyOf", "oneOf"].into_iter().find_map(|key| self.simplest(schema.get(key)?, depth))
        {
            return self.value(first, depth + 1);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return self.all(schema, all, depth);
        }
        self.typed(schema, depth)
    }

    fn resolve(&self, name: &str) -> Option<&'a Value> {
        self.root.pointer(name.strip_prefix('#')?)
    }

    /// The first alternative near the top; far down the one without members, so that recursion ends.
    fn simplest(&self, alternatives: &'a Value, depth: usize) -> Option<&'a Value> {
        let alternatives = alternatives.as_array()?;
        let flat = |schema: &&Value| schema.get("$ref").is_none() && type_of(schema) != "object";
        let far = (depth > DEPTH).then(|| alternatives.iter().find(flat)).flatten();
        far.or_else(|| alternatives.first())
    }

    /// All schemas of `allOf`: objects are joined, of other values the first one counts.
    fn all(&self, schema: &'a Value, all: &'a [Value], depth: usize) -> Value {
        let mut joined = Map::new();
        let own = schema.get("properties").is_some().then(|| self.typed(schema, depth));
        for value in all.iter().map(|part| self.value(part, depth + 1)).chain(own) {
            match value {
                Value::Object(members) => joined.extend(members),
                other => return other,
            }
        }
        Value::Object(joined)
    }

    fn typed(&self, schema: &'a Value, depth: usize) -> Value {
        match type_of(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => Value::String(string(schema)),
            "integer" => json!(number(schema).ceil() as i64),
            "number" => json!(number(schema)),
            "boolean" => Value::Bool(true),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &'a Value, depth: usize) -> Value {
        let names = schema.get("required").and_then(Value::as_array);
        let required = |name: &str| names.is_some_and(|names| names.iter().any(|known| known == name));
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return json!({}) };
        let wanted = properties.iter().filter(|(name, _)| depth <= DEPTH || required(name));
        Value::Object(object_of(wanted.map(|(name, schema)| (name.clone(), self.value(schema, depth + 1)))))
    }

    fn array(&self, schema: &'a Value, depth: usize) -> Value {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(MAX_ITEMS);
        let wanted = if depth > DEPTH { least } else { least.max(1).min(most) };
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let wanted = wanted.max(first.len() as u64).min(MAX_ITEMS);
        let rest = schema.get("items").unwrap_or(&Value::Null);
        let items = (0..wanted).map(|at| first.get(at as usize).unwrap_or(rest));
        Value::Array(items.map(|item| self.value(item, depth + 1)).collect())
    }
}

/// The schema's type; the first that is not null of several; guessed from its members when it has none.
fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ if schema.get("minLength").is_some() || schema.get("format").is_some() => "string",
        _ if schema.get("minimum").is_some() || schema.get("maximum").is_some() => "number",
        _ => "string",
    }
}

fn string(schema: &Value) -> String {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2000-01-01T00:00:00Z",
        Some("date") => "2000-01-01",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT1S",
        Some("email") => "mock@example.com",
        Some("hostname") => "example.com",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("uri" | "url") => "https://example.com/mock",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "mock",
    };
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(MAX_LENGTH);
    let most = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(MAX_LENGTH);
    let padding = least.saturating_sub(known.len() as u64);
    known.chars().chain(std::iter::repeat_n('x', padding as usize)).take(most as usize).collect()
}

fn number(schema: &Value) -> f64 {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|bound| bound + 1.0));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|bound| bound - 1.0));
    let wanted = match (least, most) {
        (Some(least), Some(most)) if least > most => f64::midpoint(least, most),
        (least, most) => 1f64.max(least.unwrap_or(f64::MIN)).min(most.unwrap_or(f64::MAX)),
    };
    match bound("multipleOf").filter(|step| *step > 0.0) {
        Some(step) => (wanted / step).ceil() * step,
        None => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_made() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["celsius", "kelvin"]},
                "days": {"type": "integer", "minimum": 3, "maximum": 7},
                "step": {"type": "number", "multipleOf": 0.5},
                "at": {"type": ["null", "string"], "format": "date-time"},
                "code": {"type": "string", "minLength": 6},
                "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
                "place": {"$ref": "#/$defs/place"},
                "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "both": {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"const": 2}}}]},
            },
            "$defs": {"place": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 2}}}},
        });
        let expected = json!({
            "city": "mock", "unit": "celsius", "days": 3, "step": 1.0, "at": "2000-01-01T00:00:00Z",
            "code": "mockxx", "tags": [true, true], "place": {"name": "mo"}, "either": 1, "both": {"a": 1, "b": 2},
        });
        assert_eq!(example(&schema), expected);
    }

    #[test]
    fn schemas_that_contain_themselves_end() {
        let tree = json!({
            "$ref": "#/$defs/node",
            "$defs": {"node": {
                "type": "object",
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                "required": ["next"],
            }},
        });
        assert!(example(&tree).to_string().len() < 1000);
        let names: Map<String, Value> = (0..50).map(|at| (format!("p{at}"), json!({"$ref": "#"}))).collect();
        let bush = json!({"type": "object", "properties": names});
        assert!(example(&bush).to_string().len() < 50 * MAX_VALUES);
        let circle = json!({"$ref": "#"});
        assert_eq!(example(&circle), json!({}));
        let wide = json!({"type": "array", "minItems": u64::MAX, "items": {"type": "string", "minLength": u64::MAX}});
        assert!(example(&wide).as_array().is_some_and(|items| items.len() as u64 <= MAX_ITEMS));
    }

    #[test]
    fn what_is_no_schema_gives_an_empty_object() {
        assert_eq!(example(&Value::Null), json!("mock"));
        assert_eq!(example(&json!({"type": "object"})), json!({}));
    }
}
