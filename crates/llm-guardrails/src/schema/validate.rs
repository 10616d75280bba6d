//! Whether a value has the shape of a schema, and which keyword says that it has not.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::compile::Schema;

/// References may lead in circles that no value ends.
const DEEPEST: usize = 128;

/// Alternatives within alternatives multiply: so many steps are enough for any answer of a model.
const MOST_STEPS: usize = 1 << 20;

/// How far a check has come.
#[derive(Clone, Copy)]
struct At<'a> {
    depth: usize,
    steps: &'a Cell<usize>,
}

impl At<'_> {
    fn deeper(self) -> Self {
        self.steps.set(self.steps.get() + 1);
        Self { depth: self.depth + 1, ..self }
    }

    fn is_too_far(self) -> bool {
        self.depth > DEEPEST || self.steps.get() > MOST_STEPS
    }
}

type Fault = Option<&'static str>;

impl Schema {
    /// The first keyword that a value does not fit.
    pub(super) fn fault(&self, value: &Value) -> Fault {
        self.of(&self.root, value, At { depth: 0, steps: &Cell::new(0) })
    }

    fn of(&self, schema: &Value, value: &Value, at: At<'_>) -> Fault {
        let members = match schema {
            Value::Bool(true) => return None,
            Value::Object(members) => members,
            _ => return Some("false"),
        };
        if at.is_too_far() {
            return Some("depth");
        }
        if members.get("nullable") == Some(&Value::Bool(true)) && value.is_null() {
            return None;
        }
        general(members, value).or_else(|| self.combined(members, value, at)).or_else(|| match value {
            Value::Object(object) => self.object(members, object, at),
            Value::Array(list) => self.array(members, list, at),
            Value::String(text) => self.text(members, text),
            Value::Number(number) => numeric(members, number.as_f64().unwrap_or(0.0)),
            _ => None,
        })
    }

    fn fits(&self, schema: &Value, value: &Value, at: At<'_>) -> bool {
        self.of(schema, value, at.deeper()).is_none()
    }

    fn combined(&self, members: &Map<String, Value>, value: &Value, at: At<'_>) -> Fault {
        let list = |name: &str| members.get(name).and_then(Value::as_array);
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            let fault =
                self.referred(reference).map_or(Some("$ref"), |schema| self.of(schema, value, at.deeper()));
            if fault.is_some() {
                return fault;
            }
        }
        if let Some(fault) =
            list("allOf").and_then(|all| all.iter().find_map(|one| self.of(one, value, at.deeper())))
        {
            return Some(fault);
        }
        if list("anyOf").is_some_and(|any| !any.iter().any(|one| self.fits(one, value, at))) {
            return Some("anyOf");
        }
        if list("oneOf").is_some_and(|one| one.iter().filter(|one| self.fits(one, value, at)).count() != 1) {
            return Some("oneOf");
        }
        if members.get("not").is_some_and(|not| self.fits(not, value, at)) {
            return Some("not");
        }
        let branch = if self.fits(members.get("if")?, value, at) { "then" } else { "else" };
        self.of(members.get(branch)?, value, at.deeper())
    }

    fn object(&self, members: &Map<String, Value>, object: &Map<String, Value>, at: At<'_>) -> Fault {
        let names = |value: &Value| {
            value.as_array().is_some_and(|names| {
                names.iter().filter_map(Value::as_str).any(|name| !object.contains_key(name))
            })
        };
        if members.get("required").is_some_and(names) {
            return Some("required");
        }
        let depends = |(name, list): (&String, &Value)| object.contains_key(name) && names(list);
        if members
            .get("dependentRequired")
            .and_then(Value::as_object)
            .is_some_and(|all| all.iter().any(depends))
        {
            return Some("dependentRequired");
        }
        bounds(members, object.len(), "minProperties", "maxProperties")
            .or_else(|| object.iter().find_map(|(name, value)| self.member(members, name, value, at)))
    }

    fn member(&self, members: &Map<String, Value>, name: &str, value: &Value, at: At<'_>) -> Fault {
        let is_name = |schema: &Value| self.fits(schema, &Value::String(name.to_owned()), at);
        if members.get("propertyNames").is_some_and(|schema| !is_name(schema)) {
            return Some("propertyNames");
        }
        let mut known = false;
        if let Some(schema) = members.get("properties").and_then(|properties| properties.get(name)) {
            known = true;
            if let Some(fault) = self.of(schema, value, at.deeper()) {
                return Some(fault);
            }
        }
        for (pattern, schema) in
            members.get("patternProperties").and_then(Value::as_object).into_iter().flatten()
        {
            if self.patterns.get(pattern).is_some_and(|pattern| pattern.fits(name)) {
                known = true;
                if let Some(fault) = self.of(schema, value, at.deeper()) {
                    return Some(fault);
                }
            }
        }
        let others = members.get("additionalProperties").filter(|_| !known)?;
        (!self.fits(others, value, at)).then_some("additionalProperties")
    }

    fn array(&self, members: &Map<String, Value>, list: &[Value], at: At<'_>) -> Fault {
        let first = members.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rest = list.iter().skip(first.len());
        if members.get("uniqueItems") == Some(&Value::Bool(true)) && has_twins(list) {
            return Some("uniqueItems");
        }
        if members
            .get("contains")
            .is_some_and(|schema| !list.iter().any(|value| self.fits(schema, value, at)))
        {
            return Some("contains");
        }
        bounds(members, list.len(), "minItems", "maxItems")
            .or_else(|| {
                first.iter().zip(list).find_map(|(schema, value)| self.of(schema, value, at.deeper()))
            })
            .or_else(|| {
                let schema = members.get("items")?;
                rest.into_iter().find_map(|value| self.of(schema, value, at.deeper()))
            })
    }

    fn text(&self, members: &Map<String, Value>, text: &str) -> Fault {
        let pattern =
            members.get("pattern").and_then(Value::as_str).and_then(|pattern| self.patterns.get(pattern));
        if pattern.is_some_and(|pattern| !pattern.fits(text)) {
            return Some("pattern");
        }
        let is_bounded = members.contains_key("minLength") || members.contains_key("maxLength");
        let length = if is_bounded { text.chars().count() } else { 0 };
        bounds(members, length, "minLength", "maxLength").filter(|_| is_bounded)
    }
}

fn general(members: &Map<String, Value>, value: &Value) -> Fault {
    let is = |name: &Value| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        _ => value.as_f64().is_some_and(|number| number.fract() == 0.0),
    };
    let fits = |types: &Value| types.as_array().map_or_else(|| is(types), |list| list.iter().any(is));
    if members.get("type").is_some_and(|types| !fits(types)) {
        return Some("type");
    }
    if members.get("const").is_some_and(|wanted| !same(wanted, value)) {
        return Some("const");
    }
    let listed = |list: &Vec<Value>| list.iter().any(|one| same(one, value));
    members.get("enum").and_then(Value::as_array).is_some_and(|list| !listed(list)).then_some("enum")
}

/// `1` and `1.0` are the same number.
fn same(first: &Value, second: &Value) -> bool {
    match (first, second) {
        (Value::Number(first), Value::Number(second)) => first.as_f64() == second.as_f64(),
        _ => first == second,
    }
}

/// Two items that are the same: compared as they are written, so that long lists stay quick.
fn has_twins(list: &[Value]) -> bool {
    let mut seen = std::collections::HashSet::new();
    list.iter().any(|value| !seen.insert(value.to_string()))
}

fn numeric(members: &Map<String, Value>, number: f64) -> Fault {
    let breaks = |name: &str, good: fn(f64, f64) -> bool| {
        members.get(name).and_then(Value::as_f64).is_some_and(|bound| !good(number, bound))
    };
    let is_multiple = |number: f64, step: f64| (number / step - (number / step).round()).abs() < 1e-9;
    match () {
        () if breaks("minimum", |number, bound| number >= bound) => Some("minimum"),
        () if breaks("maximum", |number, bound| number <= bound) => Some("maximum"),
        () if breaks("exclusiveMinimum", |number, bound| number > bound) => Some("exclusiveMinimum"),
        () if breaks("exclusiveMaximum", |number, bound| number < bound) => Some("exclusiveMaximum"),
        () if breaks("multipleOf", is_multiple) => Some("multipleOf"),
        () => None,
    }
}

fn bounds(members: &Map<String, Value>, count: usize, least: &'static str, most: &'static str) -> Fault {
    let bound = |name: &str| members.get(name).and_then(Value::as_u64);
    if bound(least).is_some_and(|least| (count as u64) < least) {
        return Some(least);
    }
    bound(most).is_some_and(|most| count as u64 > most).then_some(most)
}
