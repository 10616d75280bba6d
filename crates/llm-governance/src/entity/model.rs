//! Models that were added while the gateway ran.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Column, Entity};
use crate::time::Timestamp;

/// An entry of the `model_list` that is kept in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredModel {
    /// The deployment's id.
    pub id: String,
    /// The public name.
    pub model_name: String,
    /// The `litellm_params` as JSON, sealed: they hold the vendor's key.
    pub sealed_params: String,
    /// The `model_info`.
    #[serde(default)]
    pub model_info: Map<String, Value>,
    /// The team that alone may use it.
    pub team_id: Option<String>,
    /// The id of the user who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The id of the user who changed it last.
    pub updated_by: Option<String>,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Entity for StoredModel {
    const TABLE: &'static str = "models";
    const COLUMNS: &'static [&'static str] = &["model_name", "team_id", "created_at", "updated_at"];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            self.model_name.as_str().into(),
            (&self.team_id).into(),
            self.created_at.into(),
            self.updated_at.into(),
        ]
    }
}
