//! Schemas in the format's older dialect (types in capitals, `nullable`) as JSON schemas.
//!
//! After <https://ai.google.dev/api/caching#Schema>. Vendors take JSON schemas as they are
//! (`parametersJsonSchema`, `responseJsonSchema`), so that nothing is translated on the way to them.

use llm_core::{RawJson, RawObject};

use crate::wire::{camel, json};

/// How deep schemas are read.
const MAX_DEPTH: usize = 64;

/// Words of types by their numbers.
const TYPES: [&str; 8] = ["", "string", "number", "integer", "boolean", "array", "object", "null"];

/// The JSON schema that a schema of the older dialect means; what is no schema stays as it is.
pub(crate) fn to_json_schema(schema: &RawJson) -> RawJson {
    converted(schema, 0)
}

fn converted(schema: &RawJson, depth: usize) -> RawJson {
    let object: Option<RawObject> = schema.read().ok().filter(|_| depth <= MAX_DEPTH);
    let Some(object) = object else { return schema.clone() };
    let nullable = object.get("nullable").is_some_and(|nullable| nullable.get() == "true");
    let mut members = RawObject::default();
    for (key, value) in object {
        match camel(key.into()).as_ref() {
            "nullable" | "propertyOrdering" => {}
            "type" => members.insert("type", kind(&value, nullable)),
            "items" => members.insert("items", converted(&value, depth + 1)),
            "anyOf" => members.insert("anyOf", each_of_list(&value, depth)),
            "properties" => members.insert("properties", each_member(&value, depth)),
            key @ ("minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties") => {
                members.insert(key, number(&value));
            }
            key => members.insert(key, value),
        }
    }
    json(&members)
}

fn kind(value: &RawJson, nullable: bool) -> RawJson {
    let number = value.get().parse::<usize>().ok().and_then(|number| TYPES.get(number).copied());
    let word = number.map(str::to_owned).or_else(|| value.read::<String>().ok());
    match word.map(|word| word.to_ascii_lowercase()) {
        Some(word) if nullable => json(&[word.as_str(), "null"]),
        Some(word) => RawJson::string(&word),
        None => value.clone(),
    }
}

/// A count that is written as a text.
fn number(value: &RawJson) -> RawJson {
    let text = value.read::<String>().ok().and_then(|text| text.parse::<u64>().ok());
    text.map_or_else(|| value.clone(), |count| json(&count))
}

fn each_of_list(value: &RawJson, depth: usize) -> RawJson {
    let list: Option<Vec<RawJson>> = value.read().ok();
    list.map_or_else(
        || value.clone(),
        |list| json(&list.iter().map(|one| converted(one, depth + 1)).collect::<Vec<_>>()),
    )
}

fn each_member(value: &RawJson, depth: usize) -> RawJson {
    let members: Option<RawObject> = value.read().ok();
    members.map_or_else(
        || value.clone(),
        |members| {
            let each = members.into_iter().map(|(name, one)| (name, converted(&one, depth + 1)));
            json(&each.collect::<RawObject>())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(text: &str) -> String {
        to_json_schema(&RawJson::parse(text).expect("JSON")).get().to_owned()
    }

    #[test]
    fn capitals_numbers_and_nullable_become_json_schema_in_order() {
        let text = r#"{"type":"OBJECT","properties":{"z_id":{"type":1,"nullable":true},"type":{"type":"ARRAY","items":{"type":"INTEGER"},"min_items":"2"}},"required":["z_id"],"propertyOrdering":["z_id","type"]}"#;
        let expected = r#"{"type":"object","properties":{"z_id":{"type":["string","null"]},"type":{"type":"array","items":{"type":"integer"},"minItems":2}},"required":["z_id"]}"#;
        assert_eq!(convert(text), expected);
        assert_eq!(convert(expected), expected);
    }

    #[test]
    fn deep_schemas_do_not_exhaust_the_stack() {
        let text = format!("{}{{}}{}", r#"{"items":"#.repeat(120), "}".repeat(120));
        assert_eq!(convert(&text), text);
        assert_eq!(convert("true"), "true");
    }
}
