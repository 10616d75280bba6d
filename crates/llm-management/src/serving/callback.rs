//! Callbacks of the store, who are told of all calls beside those of the configuration: as they are kept, and as they are
//! served.

use llm_core::Result;
use llm_governance::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::guardrail;
use crate::change::HIDDEN;
use crate::sealing::{Sealing, open_members, seal_members, served_members};

/// What names of settings begin with that hold a callback.
pub const STORED_CALLBACK: &str = "callback/";

/// What every callback of the store may say of itself.
const OF_ALL: [&str; 4] = ["batch_size", "flush_interval", "message_logging", "turn_off_message_logging"];

/// Kinds of callbacks, their other names, and what each is made from. A file is none: it is of one machine.
const KINDS: [(&str, &[&str], &[&str]); 4] = [
    (
        "generic_api",
        &["webhook"],
        &["endpoint", "headers", "log_format", "generic_logger_endpoint", "generic_logger_headers"],
    ),
    (
        "langfuse",
        &[],
        &[
            "langfuse_public_key",
            "langfuse_secret_key",
            "langfuse_host",
            "langfuse_secret",
            "langfuse_base_url",
        ],
    ),
    (
        "otel",
        &["opentelemetry"],
        &[
            "endpoint",
            "headers",
            "service_name",
            "otel_endpoint",
            "otel_headers",
            "otel_exporter",
            "otel_exporter_otlp_endpoint",
            "otel_exporter_otlp_headers",
            "otel_exporter_otlp_protocol",
            "otel_service_name",
            "otel_resource_attributes",
        ],
    ),
    (
        "s3_v2",
        &["s3"],
        &[
            "s3_bucket_name",
            "s3_region_name",
            "s3_path",
            "s3_endpoint_url",
            "s3_aws_access_key_id",
            "s3_aws_secret_access_key",
            "s3_aws_session_token",
        ],
    ),
];

/// Of which calls a callback is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallsTold {
    /// Those that were answered.
    Success,
    /// Those that failed, or whose client went away.
    Failure,
    /// All.
    SuccessAndFailure,
}

/// A callback of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredCallback {
    /// Its name, for people, metrics and logs.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// What it is told of.
    pub calls: CallsTold,
    /// What it is made from, without what may be a secret.
    pub shown: Map<String, Value>,
    /// All of it.
    pub sealed_vars: String,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A callback of the store with what it is made from, opened. It holds secrets: it is never shown or logged.
#[derive(Clone, PartialEq)]
pub struct OpenCallback {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// What it is told of.
    pub calls: CallsTold,
    /// What it is made from: texts, under names in lower case.
    pub vars: Map<String, Value>,
    /// Why that cannot be opened.
    pub damage: Option<String>,
}

impl CallsTold {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::SuccessAndFailure];

    /// Its name in requests and replies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::SuccessAndFailure => "success_and_failure",
        }
    }

    /// What a callback is told of that is told of both.
    pub(crate) fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::SuccessAndFailure }
    }
}

impl StoredCallback {
    /// The same, made from this.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub(crate) fn with_vars(mut self, vars: &Map<String, Value>, sealing: &dyn Sealing) -> Result<Self> {
        self.sealed_vars = seal_members(sealing, &sealed_for(&self.name), vars)?;
        self.shown = vars.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect();
        Ok(self)
    }

    /// What it is made from.
    ///
    /// # Errors
    /// When it was sealed under another key, or is damaged.
    pub(crate) fn vars(&self, sealing: &dyn Sealing) -> Result<Map<String, Value>> {
        let damaged = "the stored callback is damaged: make it again";
        open_members(sealing, &sealed_for(&self.name), &self.sealed_vars, damaged)
    }

    /// It as it is served.
    pub fn open(&self, sealing: Option<&dyn Sealing>) -> OpenCallback {
        let (vars, damage) = served_members(sealing, |sealing| self.vars(sealing), Map::new);
        OpenCallback { damage, ..OpenCallback::of(self, vars) }
    }

    /// It as replies show it.
    pub fn row(&self) -> Value {
        json!({
            "name": self.name,
            "kind": self.kind,
            "type": self.calls.name(),
            "variables": self.shown,
            "source": "db",
            "created_by": self.created_by,
            "created_at": self.created_at.iso(),
            "updated_at": self.updated_at.iso(),
        })
    }
}

impl OpenCallback {
    /// A callback of the store that is made from this.
    pub(crate) fn of(stored: &StoredCallback, vars: Map<String, Value>) -> Self {
        let (name, kind, calls) = (stored.name.clone(), stored.kind.clone(), stored.calls);
        Self { name, kind, calls, vars, damage: None }
    }
}

/// What a kind is called here; `None`: there is none of that name.
pub fn callback_kind(name: &str) -> Option<&'static str> {
    KINDS.iter().find(|(kind, also, _)| *kind == name || also.contains(&name)).map(|(kind, ..)| *kind)
}

/// What kinds of callbacks the store may have.
pub fn callback_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, ..)| *kind)
}

/// What a callback of a kind may be made from.
pub(crate) fn vars_of(kind: &str) -> impl Iterator<Item = &'static str> {
    let own = KINDS.iter().find(|(known, ..)| *known == kind).map_or(&[][..], |(.., vars)| vars);
    own.iter().copied().chain(OF_ALL)
}

/// What its variables are sealed for. Those of keys and teams are sealed for `callback:` and the name of a variable.
fn sealed_for(name: &str) -> String {
    format!("callback of all:{name}")
}

/// Headers are credentials more often than not.
fn shown(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if name.ends_with("headers") && !text.starts_with("os.environ/") => {
            Value::from(HIDDEN)
        }
        _ => guardrail::shown(name, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (name, text, wanted) in [
            ("langfuse_secret_key", "sk-lf-1", "***"),
            ("langfuse_secret", "sk-lf-1", "***"),
            ("langfuse_host", "https://cloud.langfuse.com", "https://cloud.langfuse.com"),
            ("headers", "authorization=Bearer x", "***"),
            ("otel_exporter_otlp_headers", "x=y", "***"),
            ("headers", "os.environ/HEADERS", "os.environ/HEADERS"),
            ("endpoint", "https://me:pw@logs.example.com", "***"),
            ("endpoint", "https://logs.example.com/in?key=1", "***"),
            ("endpoint", "https://logs.example.com/in", "https://logs.example.com/in"),
            ("s3_aws_access_key_id", "AKIA", "***"),
            ("s3_bucket_name", "calls", "calls"),
        ] {
            assert_eq!(shown(name, &Value::from(text)), wanted, "{name} {text}");
        }
    }

    #[test]
    fn kinds_have_the_names_of_litellm_too() {
        assert_eq!(callback_kind("opentelemetry"), Some("otel"));
        assert_eq!(callback_kind("file"), None);
        assert!(vars_of("otel").any(|name| name == "batch_size") && vars_of("none").count() == OF_ALL.len());
    }
}
