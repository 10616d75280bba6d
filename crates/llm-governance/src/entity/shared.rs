//! Budgets that several entities share the terms of, tags of requests, and settings.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Column, Entity};
use crate::subject::Scope;
use crate::terms::Terms;
use crate::time::Timestamp;

/// Terms that several entities name by their `budget_id`. Each of them spends for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// Its id.
    pub id: String,
    /// What those may do and spend who name it.
    #[serde(default)]
    pub terms: Terms,
    /// The id of the user who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The id of the user who changed it last.
    pub updated_by: Option<String>,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A tag of requests that has limits or a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What requests with it may do and spend.
    #[serde(default)]
    pub terms: Terms,
    /// The id of the user who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A setting of the gateway that is kept in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Entity for BudgetRow {
    const TABLE: &'static str = "budgets";
    const COLUMNS: &'static [&'static str] = &["created_at", "updated_at"];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![self.created_at.into(), self.updated_at.into()]
    }
}

impl Entity for Tag {
    const TABLE: &'static str = "tags";
    const SCOPE: Option<Scope> = Some(Scope::Tag);
    const COLUMNS: &'static [&'static str] = &["created_at", "updated_at"];

    fn id(&self) -> String {
        self.name.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![self.created_at.into(), self.updated_at.into()]
    }
}

impl Entity for Setting {
    const TABLE: &'static str = "settings";
    const COLUMNS: &'static [&'static str] = &["updated_at"];

    fn id(&self) -> String {
        self.name.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![self.updated_at.into()]
    }
}
