//! What administrators make: keys, teams and their members, users, organisations, customers, budgets, tags and models,
//! as a store keeps them.
//!
//! An entity is kept as one JSON document, with a column for each field that lists are filtered or sorted by
//! ([`Entity::columns`]). What was spent is not part of it: that is counted elsewhere ([`crate::Spent`]).

mod audit;
mod key;
mod model;
mod people;
mod shared;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use audit::AuditEntry;
pub use key::{KeyKind, VirtualKey};
pub use model::StoredModel;
pub use people::{Customer, Member, MemberRole, Organization, Team, User};
pub use shared::{BudgetRow, Setting, Tag};

use crate::subject::Scope;
use crate::time::Timestamp;

/// The value of a column that lists are filtered or sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Text; `None` is SQL's NULL.
    Text(Option<String>),
    /// A whole number, a time in microseconds, or a switch (0 or 1).
    Whole(Option<i64>),
}

impl From<&str> for Column {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&Option<String>> for Column {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Timestamp> for Column {
    fn from(time: Timestamp) -> Self {
        Self::Whole(Some(time.0))
    }
}

impl From<Option<Timestamp>> for Column {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Whole(time.map(|time| time.0))
    }
}

impl From<bool> for Column {
    fn from(switch: bool) -> Self {
        Self::Whole(Some(i64::from(switch)))
    }
}

/// What a store keeps.
pub trait Entity: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The table's name.
    const TABLE: &'static str;
    /// The columns besides `id` and `document`, in the order of [`Entity::columns`]; also the only names that filters
    /// and sorting may use.
    const COLUMNS: &'static [&'static str];
    /// Whose budgets it has; `None`: it spends nothing.
    const SCOPE: Option<Scope> = None;

    /// What tells it from all others of its kind.
    fn id(&self) -> String;

    /// The values of [`Entity::COLUMNS`].
    fn columns(&self) -> Vec<Column>;
}
