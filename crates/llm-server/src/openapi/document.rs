//! The document, put together from the tables that requests are routed by.

use llm_core::DialectId;
use llm_core::inquiry::About;
use llm_core::operation::{Endpoint, Operation};
use llm_core::order;
use llm_gateway::Gateway;
use serde_json::{Map, Value, json};

use super::given::{answers, content};
use super::management;
use super::operations::{self, Row};
use super::schema::{self, Field, named};

const ABOUT: &str = "One gateway, many models: the formats of all large vendors at one address, and the management of whoever asks. Models called `mock/…` are built in and need no vendor.";

/// Methods of requests that pass to a vendor.
const RELAYED: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Everything that the gateway serves.
pub(super) fn document(gateway: &Gateway) -> Value {
    let mut paths = Paths(Map::new());
    let mut schemas = schema::all();
    let rows = operations::all();
    for row in &rows {
        if let Some((method, path)) = row.own() {
            paths.put(path, method, described(row, "Error", path, None));
        }
    }
    for (dialect, endpoint) in gateway.endpoints() {
        let method = if endpoint.operation == Operation::Realtime { "get" } else { "post" };
        paths.put(endpoint.path, method, of_endpoint(&rows, dialect, &endpoint));
    }
    for (dialect, inquiry) in gateway.inquiries() {
        let method = if inquiry.about.is_posted() { "post" } else { "get" };
        let row = found(&rows, dialect, asked(inquiry.about), inquiry.path);
        let operation = row.map_or_else(unknown, |row| {
            described(row, operations::error(dialect.name()), inquiry.path, None)
        });
        paths.put(inquiry.path, method, operation);
    }
    for prefix in gateway.relayed() {
        for method in RELAYED {
            paths.put(&format!("{prefix}/{{path}}"), method, relayed(prefix));
        }
    }
    management::describe(&mut paths, &mut schemas);
    let schemes = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key of the gateway, or its master key."},
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same."},
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "llm-server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "tags": paths.tags(),
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths.0,
        "components": {"schemas": schemas, "securitySchemes": schemes},
    })
}

/// Operations by path and method.
pub(super) struct Paths(Map<String, Value>);

impl Paths {
    /// Puts an operation there, with a name of its own and the parameters of its path.
    pub(super) fn put(&mut self, path: &str, method: &str, mut operation: Value) {
        let method = method.to_ascii_lowercase();
        operation["operationId"] = json!(name(&method, path));
        let mut parameters: Vec<Value> = in_path(path).map(parameter).collect();
        if let Some(Value::Array(others)) = operation.get_mut("parameters") {
            parameters.append(others);
        }
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        let item = self.0.entry(path.to_owned()).or_insert_with(|| json!({}));
        item[method] = operation;
    }

    /// The groups, each once.
    fn tags(&self) -> Vec<Value> {
        let operations = self.0.values().filter_map(Value::as_object).flat_map(Map::values);
        let tags = operations.filter_map(|operation| operation.pointer("/tags/0")?.as_str());
        order::set_of(tags).into_iter().map(|name| json!({"name": name})).collect()
    }
}

/// `post_v1_models_model_generateContent`.
fn name(method: &str, path: &str) -> String {
    let parts = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let parts: Vec<&str> = [method].into_iter().chain(parts).collect();
    parts.join("_")
}

/// The names in braces.
fn in_path(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

fn parameter(name: &str) -> Value {
    let about = match name {
        "model" => "The public name of a model; one with slashes may have them as they are.",
        "path" => "The path of the vendor's own API.",
        "project" | "location" => "Any: it does not matter here.",
        _ => "Which one.",
    };
    let schema = json!({"type": "string", "minLength": 1});
    let mut parameter =
        json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema});
    if name == "model" {
        parameter["example"] = json!("mock/echo");
    }
    parameter
}

fn found<'a>(rows: &'a [Row], dialect: DialectId, operation: &str, path: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.is(dialect.name(), operation, path))
}

fn of_endpoint(rows: &[Row], dialect: DialectId, endpoint: &Endpoint) -> Value {
    let row = found(rows, dialect, endpoint.operation.name(), endpoint.path);
    row.map_or_else(unknown, |row| {
        described(row, operations::error(dialect.name()), endpoint.path, endpoint.stream)
    })
}

/// The operation of a row, on a path.
fn described(row: &Row, error: &str, path: &str, stream: Option<bool>) -> Value {
    let mut operation = json!({"summary": row.about, "tags": [row.tag]});
    operation["responses"] = match row.gives {
        "socket" => json!({
            "101": {"description": "The conversation begins."},
            "default": answers(&Value::Null, error)["default"],
        }),
        "nothing" => json!({"default": answers(&Value::Null, error)["default"]}),
        gives => answers(&content(gives, stream), error),
    };
    if row.open {
        operation["security"] = json!([]);
    }
    let query: Vec<Value> = row.query.iter().filter_map(|line| Field::read(line)).map(in_query).collect();
    if !query.is_empty() {
        operation["parameters"] = json!(query);
    }
    if let (Some(example), false) = (row.example, row.takes == "-") {
        operation["requestBody"] = body(row.takes, example, path);
    }
    operation
}

#[expect(clippy::needless_pass_by_value, reason = "handed to `map`")]
fn in_query(field: Field<'_>) -> Value {
    json!({"name": field.name, "in": "query", "required": field.needed, "schema": field.schema()})
}

/// The body of a request. Paths that name the model have it in their place.
fn body(takes: &str, example: &str, path: &str) -> Value {
    let (kind, name) = match takes.strip_prefix("form ") {
        Some(name) => ("multipart/form-data", name),
        None => ("application/json", takes),
    };
    let mut example: Value = serde_json::from_str(example).unwrap_or_default();
    let has_model = example.as_object().is_some_and(|fields| fields.contains_key("model"));
    let name = match example.as_object_mut() {
        Some(fields) if has_model && path.contains("{model}") => {
            fields.remove("model");
            schema::in_path(name)
        }
        _ => name.to_owned(),
    };
    let mut content = json!({"schema": named(&name)});
    if kind == "application/json" {
        content["example"] = example;
    }
    json!({"required": true, "content": {kind: content}})
}

/// What passes to a vendor as it is.
fn relayed(prefix: &str) -> Value {
    json!({
        "summary": format!("Passes to the vendor behind `{prefix}` as it is, with the gateway's credentials."),
        "tags": ["Vendors' own APIs"],
        "responses": {"default": {"description": "What the vendor answers."}},
    })
}

/// An operation that nobody described: a test finds it.
fn unknown() -> Value {
    json!({"responses": {}})
}

fn asked(about: About) -> &'static str {
    match about {
        About::Models => "models",
        About::Running => "running",
        About::Version => "version",
        About::Model => "model",
        _ => "",
    }
}
