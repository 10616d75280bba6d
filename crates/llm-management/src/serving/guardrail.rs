//! Guardrails of the store: as they are kept, and as they are served.

use llm_core::Result;
use llm_core::json::object_of;
use llm_governance::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::change::HIDDEN;
use crate::sealing::{Sealing, open_members, seal_members, served_members};

/// What names of settings begin with that hold a guardrail.
pub const STORED_GUARDRAIL: &str = "guardrail/";

/// Parameters that may hold secrets, whatever is in them.
const HOLDERS: [&str; 3] = ["headers", "extra_headers", "additional_provider_specific_params"];

/// Ends of names of parameters that are secrets.
const SECRETS: [&str; 7] =
    ["_key", "_key_id", "_token", "secret", "password", "credentials", "authorization"];

/// A guardrail of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredGuardrail {
    /// Its id.
    pub id: String,
    /// What requests, keys and people call it.
    pub name: String,
    /// Its `litellm_params`, without what may be a secret.
    pub shown: Map<String, Value>,
    /// All of them.
    pub sealed_params: String,
    /// What people are told of it: its `guardrail_info`.
    pub info: Option<Map<String, Value>>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A guardrail of the store with its parameters, opened. It holds secrets: it is never shown or logged.
#[derive(Clone, PartialEq)]
pub struct OpenGuardrail {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// As an element of `guardrails` in a configuration; with the parameters that are shown alone where the others cannot
    /// be opened.
    pub entry: Value,
    /// Why its parameters cannot be opened.
    pub damage: Option<String>,
}

impl StoredGuardrail {
    /// The same with these parameters.
    ///
    /// # Errors
    /// When they cannot be sealed.
    pub(crate) fn with_params(mut self, params: &Map<String, Value>, sealing: &dyn Sealing) -> Result<Self> {
        self.sealed_params = seal_members(sealing, &sealed_for(&self.id), params)?;
        self.shown = shown_of(params);
        Ok(self)
    }

    /// Its parameters.
    ///
    /// # Errors
    /// When they were sealed under another key, or are damaged.
    pub(crate) fn params(&self, sealing: &dyn Sealing) -> Result<Map<String, Value>> {
        let damaged = "the stored guardrail is damaged: make it again";
        open_members(sealing, &sealed_for(&self.id), &self.sealed_params, damaged)
    }

    /// It as it is served.
    pub fn open(&self, sealing: Option<&dyn Sealing>) -> OpenGuardrail {
        let (params, damage) = served_members(sealing, |sealing| self.params(sealing), || self.shown.clone());
        OpenGuardrail { damage, ..OpenGuardrail::of(self, &params) }
    }
}

impl OpenGuardrail {
    /// A guardrail of the store with these parameters.
    pub(crate) fn of(stored: &StoredGuardrail, params: &Map<String, Value>) -> Self {
        let mut entry = json!({"guardrail_name": stored.name, "litellm_params": params});
        if let Some(info) = &stored.info {
            entry["guardrail_info"] = Value::Object(info.clone());
        }
        Self { id: stored.id.clone(), name: stored.name.clone(), entry, damage: None }
    }
}

/// What the parameters of a guardrail are sealed for.
fn sealed_for(id: &str) -> String {
    format!("guardrail:{id}")
}

/// Parameters as replies and the audit log have them.
fn shown_of(params: &Map<String, Value>) -> Map<String, Value> {
    object_of(params.iter().map(|(name, value)| (name.clone(), shown(name, value))))
}

/// Judges take no parameters that they do not know, so those that are secrets are known, too.
pub(super) fn shown(name: &str, value: &Value) -> Value {
    let lower = name.to_ascii_lowercase();
    let is_secret = HOLDERS.contains(&lower.as_str()) || SECRETS.iter().any(|end| lower.ends_with(end));
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) if is_secret && !text.starts_with("os.environ/") => Value::from(HIDDEN),
        Value::String(text) if is_address_with_more(text) => Value::from(HIDDEN),
        _ if is_secret && !value.is_string() => Value::from(HIDDEN),
        Value::Object(members) => Value::Object(shown_of(members)),
        Value::Array(items) => items.iter().map(|item| shown("", item)).collect(),
        Value::String(_) => value.clone(),
    }
}

/// An address may carry a password, or a key behind its `?`.
fn is_address_with_more(text: &str) -> bool {
    text.starts_with("http") && text.contains("://") && text.contains(['@', '?', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown_and_everything_else_is() {
        let params = json!({
            "guardrail": "generic_guardrail_api", "mode": ["pre_call"], "default_on": true, "api_key": "x",
            "api_base": "https://guard.example.com", "headers": {"x-key": "y"}, "aws_access_key_id": "AKIA",
            "keywords": ["one"], "patterns": [{"name": "a", "pattern": "b"}], "max_tokens": 5, "allow": ["*@example.com"],
            "pii_entities_config": {"EMAIL_ADDRESS": "MASK"}, "presidio_analyzer_api_base": "https://me:pw@host",
            "aws_secret_access_key": "os.environ/KEY",
        });
        let shown = shown_of(params.as_object().expect("an object"));
        let mut wanted = params;
        for hidden in ["api_key", "headers", "aws_access_key_id", "presidio_analyzer_api_base"] {
            wanted[hidden] = json!("***");
        }
        assert_eq!(Value::Object(shown), wanted);
    }
}
