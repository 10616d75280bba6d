//! Whoever serves the models of the store: what the management API asks of a running gateway.

mod alerts;
mod callback;
mod guardrail;

use futures_util::future::BoxFuture;
use llm_core::Result;
use llm_governance::Timestamp;
use llm_governance::entity::StoredModel;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sealing::{Sealing, open_members};
pub use alerts::{ALERT_ADDRESSES, Alarms, STORED_ALERTS, StoredAlerts, shown as shown_alert_setting};
pub(crate) use callback::vars_of;
pub use callback::{CallsTold, OpenCallback, STORED_CALLBACK, StoredCallback, callback_kind, callback_kinds};
pub use guardrail::{OpenGuardrail, STORED_GUARDRAIL, StoredGuardrail};

/// A model of the store with its parameters, opened. It holds secrets: it is never shown or logged.
#[derive(Clone, PartialEq)]
pub struct OpenModel {
    /// The deployment's id.
    pub id: String,
    /// The public name.
    pub name: String,
    /// The `litellm_params`.
    pub params: Map<String, Value>,
    /// The `model_info`, without the id.
    pub info: Map<String, Value>,
    /// The team that alone may use it.
    pub team: Option<String>,
}

/// What the parameters of a model are sealed for.
pub(crate) fn sealed_for(id: &str) -> String {
    format!("model:{id}")
}

impl OpenModel {
    /// Opens a model of the store.
    ///
    /// # Errors
    /// When it was sealed under another key, or is damaged.
    pub fn of(model: &StoredModel, sealing: &dyn Sealing) -> Result<Self> {
        let damaged = "the stored model is damaged: add it again";
        let params = open_members(sealing, &sealed_for(&model.id), &model.sealed_params, damaged)?;
        Ok(Self::with(model, params))
    }

    /// A model of the store with these parameters.
    pub(crate) fn with(model: &StoredModel, params: Map<String, Value>) -> Self {
        let (info, team) = (model.model_info.clone(), model.team_id.clone());
        Self { id: model.id.clone(), name: model.model_name.clone(), params, info, team }
    }
}

/// What names of settings begin with that hold a prompt.
pub const STORED_PROMPT: &str = "prompt/";

/// The name of the setting that holds the router's settings of the store.
pub const STORED_ROUTER: &str = "config/router_settings";

/// A prompt of the store, with its versions in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredPrompt {
    /// What requests call it.
    pub id: String,
    /// Its versions.
    pub versions: Vec<StoredVersion>,
}

/// One version of a prompt of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredVersion {
    /// Its number.
    pub version: u64,
    /// What it says, as an entry of the configuration does.
    pub said: Map<String, Value>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl StoredVersion {
    /// The same as an entry of `prompts` in a configuration.
    pub fn entry(&self, id: &str) -> Value {
        let mut entry = self.said.clone();
        entry.insert("prompt_id".to_owned(), id.into());
        entry.insert("version".to_owned(), self.version.into());
        Value::Object(entry)
    }
}

/// A deployment as it is served, without secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// The deployment's id.
    pub id: String,
    /// The public name.
    pub name: String,
    /// The model with its vendor's prefix.
    pub model: String,
    /// The vendor.
    pub vendor: String,
    /// Another address than the vendor's own; shown where it cannot hold a secret.
    pub api_base: Option<String>,
    /// The team that alone may use it.
    pub team: Option<String>,
    /// The access groups that it is in.
    pub access_groups: Vec<String>,
    /// Whether it is of the store.
    pub stored: bool,
    /// What is known of it: prices, limits.
    pub info: Map<String, Value>,
}

/// A running gateway that serves the models of the store.
pub trait Serving: Send + Sync + 'static {
    /// Whether a deployment can be made of a model.
    ///
    /// # Errors
    /// What is wrong with it, in words without secrets.
    fn check(&self, model: &OpenModel) -> std::result::Result<(), String>;

    /// Serves what the store has now; ready when the next call finds it so, or when that takes too long.
    fn refresh(&self) -> BoxFuture<'_, ()>;

    /// Everything that is served, of files and of the store.
    fn served(&self) -> Vec<Served>;

    /// Whether requests could name a prompt, given as an entry of `prompts` in a configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_prompt(&self, entry: &Value) -> std::result::Result<(), String>;

    /// Whether the router could be set so: `router_settings` of the store, over those of the configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_router(&self, settings: &Map<String, Value>) -> std::result::Result<(), String>;

    /// The router's settings for people who change them: `fields`, the `source` of each, and what is `stored`.
    fn router(&self) -> Value;

    /// Whether a guardrail can be made of one of the store.
    ///
    /// # Errors
    /// What is wrong with it, in words without secrets.
    fn check_guardrail(&self, guardrail: &OpenGuardrail) -> std::result::Result<(), String>;

    /// Guardrails of the configuration's files, as replies show them.
    fn guardrails(&self) -> Vec<Value>;

    /// Whether alerts could be set so: settings of the store, over those of the configuration.
    ///
    /// # Errors
    /// What is wrong with them, without addresses.
    fn check_alerts(&self, settings: &Map<String, Value>) -> std::result::Result<(), String>;

    /// The settings of alerts for people who change them, in LiteLLM's form of fields.
    fn alerts(&self) -> Value;

    /// Whether a callback can be made of one of the store.
    ///
    /// # Errors
    /// What is wrong with it, in words without secrets.
    fn check_callback(&self, callback: &OpenCallback) -> std::result::Result<(), String>;

    /// Who is told of all calls: callbacks of the configuration's files and of the store, as replies show them. Those of the
    /// store that cannot be told have a `problem`.
    fn callbacks(&self) -> Vec<Value>;

    /// Prompts of the configuration's files, each with its versions in order.
    fn prompts(&self) -> Vec<(String, Vec<u64>)>;
}
