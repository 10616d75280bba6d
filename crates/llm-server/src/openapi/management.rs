//! The routes of the management API, as their table declares them.

use llm_core::json::object_of;
use llm_management::{Declared, Field, Gives, Kind, Route, TERMS};
use serde_json::{Map, Value, json};

use super::document::Paths;
use super::given::{answers, content};
use super::schema::named;

/// The name of the schema of [`TERMS`], which most bodies have.
const LIMITS: &str = "Limits";

/// All of them.
pub(super) fn describe(paths: &mut Paths, schemas: &mut Map<String, Value>) {
    let terms =
        json!({"type": "object", "description": "Models, limits and money", "properties": properties(TERMS)});
    schemas.insert(LIMITS.to_owned(), terms);
    for route in llm_management::routes() {
        paths.put(route.path, route.method.name(), operation(route));
    }
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "summary": route.about,
        "tags": [tag(route.path)],
        "responses": answers(&given(route.gives), "Error"),
    });
    let fields = route.query.iter().copied().flatten();
    let query: Vec<Value> = fields.map(parameter).collect();
    if !query.is_empty() {
        operation["parameters"] = json!(query);
    }
    if !route.body.is_empty() {
        let example: Value = serde_json::from_str(route.example).unwrap_or_default();
        let content = json!({"application/json": {"schema": body(route.body), "example": example}});
        let needed = route.body.iter().copied().flatten().any(|field| field.needed);
        operation["requestBody"] = json!({"required": needed, "content": content});
    }
    operation
}

/// The group of a path: what stands first in it, or behind a version.
fn tag(path: &str) -> &'static str {
    let mut parts = path.split('/').skip(1).skip_while(|part| matches!(*part, "v1" | "v2"));
    let first = parts.next().unwrap_or_default();
    if path.contains("/daily/") {
        return "Spend";
    }
    match first {
        "key" => "Keys",
        "team" => "Teams",
        "user" => "Users",
        "organization" => "Organisations",
        "budget" => "Budgets",
        "customer" | "end_user" => "Customers",
        "tag" => "Tags",
        "model" | "model_group" => "Models",
        "audit" => "Audit",
        _ => "Spend",
    }
}

fn given(gives: Gives) -> Value {
    content(
        match gives {
            Gives::Object => "object",
            Gives::List => "array",
            Gives::Number => "number",
            Gives::Rows => "csv jsonl parquet",
        },
        None,
    )
}

fn body(groups: Declared) -> Value {
    let own: Vec<Field> =
        groups.iter().filter(|group| **group != TERMS).copied().flatten().copied().collect();
    let needed: Vec<&str> = own.iter().filter(|field| field.needed).map(|field| field.name).collect();
    let mut schema = json!({"type": "object", "properties": properties(&own)});
    if !needed.is_empty() {
        schema["required"] = json!(needed);
    }
    if groups.contains(&TERMS) {
        schema["allOf"] = json!([named(LIMITS)]);
    }
    schema
}

fn properties(fields: &[Field]) -> Map<String, Value> {
    let property = |field: &Field| {
        let mut schema = of(field.kind, !field.needed);
        schema["description"] = json!(field.about);
        (field.name.to_owned(), schema)
    };
    object_of(fields.iter().map(property))
}

fn parameter(field: &Field) -> Value {
    let (name, about) = (field.name, field.about);
    let mut schema = of(field.kind, false);
    if field.kind == Kind::Whole {
        schema["minimum"] = json!(1);
    }
    json!({"name": name, "in": "query", "required": field.needed, "description": about, "schema": schema})
}

fn of(kind: Kind, nullable: bool) -> Value {
    let (name, rest) = match kind {
        Kind::Text => ("string", None),
        Kind::Whole => ("integer", Some(("minimum", json!(0)))),
        Kind::Money => ("number", Some(("minimum", json!(0)))),
        Kind::Switch => ("boolean", None),
        Kind::Texts => ("array", Some(("items", json!({"type": "string"})))),
        Kind::Object => ("object", None),
        Kind::Objects => {
            return json!({"anyOf": [{"type": "array", "items": {"type": "object"}}, {"type": "object"}]});
        }
        Kind::Wholes => ("object", Some(("additionalProperties", json!({"type": "integer", "minimum": 0})))),
        Kind::Any => return json!({}),
    };
    let mut schema = if nullable { json!({"type": [name, "null"]}) } else { json!({"type": name}) };
    if let Some((key, value)) = rest {
        schema[key] = value;
    }
    schema
}
