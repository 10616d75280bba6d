//! Reads a JSON schema once: the keywords of draft 2020-12 that say something about a value.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::parameters::nearest;
use crate::pattern::Pattern;

/// A schema whose every keyword is known.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) root: Value,
    /// The patterns of `pattern` and `patternProperties`.
    pub(super) patterns: HashMap<String, Pattern>,
}

/// Keywords that are checked.
const CHECKED: [&str; 36] = [
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "items",
    "prefixItems",
    "contains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$defs",
    "definitions",
    "dependentRequired",
    "nullable",
];

/// Keywords that say nothing about a value.
const NOTES: [&str; 12] = [
    "title",
    "description",
    "default",
    "examples",
    "example",
    "$schema",
    "$id",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
];

impl Schema {
    /// Checks a schema and compiles its patterns.
    pub(super) fn compile(schema: &Value) -> Result<Self, String> {
        let mut compiled = Self { root: schema.clone(), patterns: HashMap::new() };
        compiled.check(schema, "schema", 0)?;
        Ok(compiled)
    }

    fn check(&mut self, schema: &Value, path: &str, depth: usize) -> Result<(), String> {
        let Value::Object(members) = schema else {
            let good = schema.is_boolean();
            return if good {
                Ok(())
            } else {
                Err(format!("`{path}` must be a schema: an object, or true or false"))
            };
        };
        if depth > 64 {
            return Err(format!("`{path}` is nested too deeply"));
        }
        for (keyword, value) in members {
            let path = format!("{path}.{keyword}");
            match keyword.as_str() {
                "additionalProperties"
                | "propertyNames"
                | "items"
                | "contains"
                | "not"
                | "if"
                | "then"
                | "else" => {
                    self.check(value, &path, depth + 1)?;
                }
                "properties" | "$defs" | "definitions" | "patternProperties" => {
                    self.check_members(value, &path, keyword == "patternProperties", depth)?;
                }
                "prefixItems" | "allOf" | "anyOf" | "oneOf" => {
                    let list =
                        value.as_array().ok_or_else(|| format!("`{path}` must be a list of schemas"))?;
                    list.iter()
                        .enumerate()
                        .try_for_each(|(at, one)| self.check(one, &format!("{path}[{at}]"), depth + 1))?;
                }
                "pattern" => self.add_pattern(value.as_str().unwrap_or_default(), &path)?,
                "$ref" => self.check_reference(value, &path)?,
                keyword => check_simple(keyword, value, &path)?,
            }
        }
        Ok(())
    }

    fn check_members(
        &mut self,
        value: &Value,
        path: &str,
        patterns: bool,
        depth: usize,
    ) -> Result<(), String> {
        let members: &Map<String, Value> =
            value.as_object().ok_or_else(|| format!("`{path}` must be an object of schemas"))?;
        for (name, one) in members {
            if patterns {
                self.add_pattern(name, path)?;
            }
            self.check(one, &format!("{path}.{name}"), depth + 1)?;
        }
        Ok(())
    }

    fn add_pattern(&mut self, pattern: &str, path: &str) -> Result<(), String> {
        let compiled = Pattern::new(&[path.to_owned()], &[pattern], usize::MAX)?;
        self.patterns.insert(pattern.to_owned(), compiled);
        Ok(())
    }

    fn check_reference(&self, value: &Value, path: &str) -> Result<(), String> {
        let found = value.as_str().and_then(|reference| self.referred(reference));
        found
            .map(|_| ())
            .ok_or_else(|| format!("`{path}` must point to a part of this schema, such as `#/$defs/name`"))
    }

    /// The part of the schema that a reference points to.
    pub(super) fn referred(&self, reference: &str) -> Option<&Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }
}

fn check_simple(keyword: &str, value: &Value, path: &str) -> Result<(), String> {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let (good, wanted) = match keyword {
        "type" => (
            is_type(value) || value.as_array().is_some_and(|list| list.iter().all(is_type)),
            "a type of JSON",
        ),
        "enum" => (value.is_array(), "a list"),
        "required" => {
            (value.as_array().is_some_and(|list| list.iter().all(Value::is_string)), "a list of names")
        }
        "dependentRequired" => (value.is_object(), "an object of lists of names"),
        "uniqueItems" | "nullable" => (value.is_boolean(), "true or false"),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => (value.is_number(), "a number"),
        "multipleOf" => (value.as_f64().is_some_and(|number| number > 0.0), "a number above 0"),
        name if name.starts_with("min") || name.starts_with("max") => (value.is_u64(), "a whole number"),
        "const" => (true, ""),
        name if NOTES.contains(&name) => (true, ""),
        name => {
            return Err(format!(
                "`{path}` is a keyword that is not checked here: {}",
                nearest(name, &CHECKED)
            ));
        }
    };
    if good { Ok(()) } else { Err(format!("`{path}` must be {wanted}")) }
}
