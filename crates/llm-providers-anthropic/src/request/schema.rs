//! JSON schemas as the vendor's structured output takes them: objects closed, limits of values left out.
//!
//! After "JSON Schema limitations" of <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>.

use llm_core::{RawJson, RawObject};

/// Limits of values that the vendor refuses. Answers may then exceed them.
const LIMITS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// How deep schemas are read.
const MAX_DEPTH: usize = 64;

/// A schema as the vendor takes it.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) schema: RawJson,
    /// Whether limits of values were left out.
    pub(super) loosened: bool,
}

/// Fits a schema. `None`: it says what the vendor cannot enforce, such as objects with any keys.
///
/// An object that does not say whether it is open gets closed: every answer to the closed schema is also one to
/// the open one.
pub(super) fn fit(schema: &RawJson) -> Option<Fitted> {
    let mut loosened = false;
    let schema = fitted(schema, &mut loosened, 0)?;
    Some(Fitted { schema, loosened })
}

fn fitted(schema: &RawJson, loosened: &mut bool, depth: usize) -> Option<RawJson> {
    let object: RawObject = schema.read().ok()?;
    if depth > MAX_DEPTH || object.get("allOf").is_some() || object.get("oneOf").is_some() {
        return None;
    }
    let open = object.get("additionalProperties").is_some_and(|open| open.get() != "false");
    let is_object = object.get("properties").is_some()
        || object.get("type").is_some_and(|kind| kind.get().contains("\"object\""));
    if open || is_object && object.get("properties").is_none() {
        return None;
    }
    let mut members = RawObject::default();
    for (key, value) in object {
        if LIMITS.contains(&key.as_str()) {
            *loosened = true;
            continue;
        }
        let value = member(&key, value, loosened, depth)?;
        members.insert(key, value);
    }
    if is_object && members.get("additionalProperties").is_none() {
        members.insert("additionalProperties", RawJson::of(&false).ok()?);
    }
    RawJson::of(&members).ok()
}

/// The schemas inside a member.
fn member(key: &str, value: RawJson, loosened: &mut bool, depth: usize) -> Option<RawJson> {
    match key {
        "items" => fitted(&value, loosened, depth + 1),
        "properties" | "$defs" | "definitions" => {
            let schemas: RawObject = value.read().ok()?;
            let fitted = schemas
                .into_iter()
                .map(|(name, schema)| Some((name, fitted(&schema, loosened, depth + 1)?)))
                .collect::<Option<RawObject>>()?;
            RawJson::of(&fitted).ok()
        }
        "anyOf" => {
            let schemas: Vec<RawJson> = value.read().ok()?;
            let fitted = schemas
                .iter()
                .map(|schema| fitted(schema, loosened, depth + 1))
                .collect::<Option<Vec<RawJson>>>()?;
            RawJson::of(&fitted).ok()
        }
        _ => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit_text(text: &str) -> Option<(String, bool)> {
        let fitted = fit(&RawJson::parse(text).expect("valid"))?;
        Some((fitted.schema.get().to_owned(), fitted.loosened))
    }

    #[test]
    fn closed_schemas_stay_as_they_are() {
        let text = r#"{"type":"object","properties":{"z":{"type":"string"}},"required":["z"],"additionalProperties":false}"#;
        assert_eq!(fit_text(text), Some((text.to_owned(), false)));
    }

    #[test]
    fn silent_objects_are_closed_and_limits_left_out_in_order() {
        let text = r##"{"$defs":{"P":{"type":"object","properties":{"b":{"type":"integer","minimum":1}}}},"type":"object","properties":{"p":{"$ref":"#/$defs/P"},"a":{"type":"array","items":{"anyOf":[{"type":"null"},{"type":"string","maxLength":3}]}}}}"##;
        let expected = r##"{"$defs":{"P":{"type":"object","properties":{"b":{"type":"integer"}},"additionalProperties":false}},"type":"object","properties":{"p":{"$ref":"#/$defs/P"},"a":{"type":"array","items":{"anyOf":[{"type":"null"},{"type":"string"}]}}},"additionalProperties":false}"##;
        assert_eq!(fit_text(text), Some((expected.to_owned(), true)));
    }

    #[test]
    fn open_objects_cannot_be_enforced() {
        for text in [
            r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
            r#"{"type":"object"}"#,
            r#"{"allOf":[{"type":"object","properties":{}}]}"#,
            "true",
        ] {
            assert_eq!(fit_text(text), None, "{text}");
        }
    }

    #[test]
    fn deep_schemas_do_not_exhaust_the_stack() {
        let text = format!("{}{{}}{}", r#"{"items":"#.repeat(500), "}".repeat(500));
        assert_eq!(fit_text(&text), None);
    }
}
