//! Stored models as replies show them: without secrets.

use llm_core::json::object_of;
use llm_governance::entity::StoredModel;
use serde_json::{Map, Value, json};

use crate::change::HIDDEN;

/// Parameters whose text is no secret. Whatever is not here is hidden: vendors invent new names for their secrets.
const PLAIN: [&str; 21] = [
    "api_version",
    "aws_region_name",
    "base_model",
    "budget_duration",
    "custom_llm_provider",
    "deployment_name",
    "litellm_credential_name",
    "mode",
    "model",
    "model_name",
    "organization",
    "project",
    "reasoning_effort",
    "region_name",
    "tenant_id",
    "tier",
    "vertex_location",
    "vertex_project",
    "watsonx_region_name",
    "api_base",
    "base_url",
];

/// A stored model with its parameters.
pub(super) fn row(model: &StoredModel, params: &Map<String, Value>) -> Value {
    let mut info = model.model_info.clone();
    info.insert("id".to_owned(), json!(model.id));
    info.insert("db_model".to_owned(), json!(true));
    let params = params.iter().map(|(name, value)| (name.clone(), shown(name, value)));
    json!({
        "model_id": model.id,
        "model_name": model.model_name,
        "litellm_params": object_of(params),
        "model_info": info,
        "created_at": model.created_at.iso(),
        "created_by": model.created_by,
        "updated_at": model.updated_at.iso(),
        "updated_by": model.updated_by,
    })
}

/// Numbers and switches are no secrets; texts are where they are not known, and so is whatever holds texts.
fn shown(name: &str, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) if is_reference(text) || (PLAIN.contains(&name) && is_plain(text)) => {
            value.clone()
        }
        _ => Value::from(HIDDEN),
    }
}

/// An address, unless it may hold a secret.
pub(super) fn plain_address(address: &str) -> Value {
    shown("api_base", &Value::from(address))
}

/// The name of a variable of the environment, not what is in it.
fn is_reference(text: &str) -> bool {
    text.strip_prefix("os.environ/")
        .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// An address may carry a password, or a key behind its `?`.
fn is_plain(text: &str) -> bool {
    let is_key = text.starts_with("sk-");
    let has_more = text.contains("://") && text.contains(['@', '?', '#']);
    !is_key && !has_more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_hidden() {
        for (name, value, is_shown) in [
            ("model", json!("openai/gpt-4o"), true),
            ("rpm", json!(5), true),
            ("drop_params", json!(true), true),
            ("api_key", json!("os.environ/OPENAI_API_KEY"), true),
            ("api_base", json!("https://example.com/v1"), true),
            ("api_key", json!("sk-1234"), false),
            ("model", json!("sk-1234"), false),
            ("api_base", json!("https://me:secret@example.com"), false),
            ("api_base", json!("https://example.com?key=secret"), false),
            ("extra_headers", json!({"authorization": "Bearer x"}), false),
            ("vertex_credentials", json!("{}"), false),
            ("some_new_token", json!("x"), false),
            ("api_key", json!("os.environ/a b"), false),
        ] {
            assert_eq!(shown(name, &value) == value, is_shown, "{name} {value}");
        }
    }
}
