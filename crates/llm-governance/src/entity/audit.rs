//! Who changed what, and when.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Column, Entity};
use crate::time::Timestamp;

/// One change through the management API. It is written in the same transaction as the change, and never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id, a UUID that sorts by time.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The id of the user who did it.
    pub changed_by: String,
    /// The hash of the key that it was done with, or the name of the master key.
    pub changed_by_key: String,
    /// `created`, `updated`, `deleted`, `blocked`, `unblocked` or `rotated`.
    pub action: String,
    /// The table of what was changed.
    pub table: String,
    /// The id of what was changed.
    pub object_id: String,
    /// What it was, without secrets.
    pub before: Option<Value>,
    /// What it is, without secrets.
    pub after: Option<Value>,
}

impl Entity for AuditEntry {
    const TABLE: &'static str = "audit_log";
    const COLUMNS: &'static [&'static str] =
        &["at", "changed_by", "changed_by_key", "action", "table_name", "object_id"];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            self.at.into(),
            self.changed_by.as_str().into(),
            self.changed_by_key.as_str().into(),
            self.action.as_str().into(),
            self.table.as_str().into(),
            self.object_id.as_str().into(),
        ]
    }
}
