//! What a database could not do, and whether trying again can help.

use std::fmt;

use llm_core::{Error, ErrorKind, Fault, Retry};
use llm_governance::StoreError;

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatabaseErrorKind {
    /// It cannot be reached, or the connection broke.
    Unreachable,
    /// It is there and has no room or no time: locks, deadlocks, too many connections, a statement that took too long.
    Busy,
    /// A row with this key is there already.
    Conflict,
    /// The account may not.
    Denied,
    /// The tables are of another version of this program.
    Schema,
    /// The settings are wrong.
    Settings,
    /// The database understood and refused: a mistake of ours, or damage.
    Statement,
}

/// What a database could not do. It repeats no password and nothing that stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseError {
    kind: DatabaseErrorKind,
    message: String,
}

impl DatabaseError {
    pub(crate) fn new(kind: DatabaseErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn settings(message: impl Into<String>) -> Self {
        Self::new(DatabaseErrorKind::Settings, message)
    }

    pub(crate) fn statement(message: impl Into<String>) -> Self {
        Self::new(DatabaseErrorKind::Statement, message)
    }

    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(DatabaseErrorKind::Busy, message)
    }

    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(DatabaseErrorKind::Unreachable, message)
    }

    /// What kind of trouble it is.
    pub fn kind(&self) -> DatabaseErrorKind {
        self.kind
    }

    /// Whether the same may go well later. What was asked may have happened all the same, when the connection broke.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind, DatabaseErrorKind::Unreachable | DatabaseErrorKind::Busy)
    }

    /// Whether a row with this key was there already.
    pub fn is_conflict(&self) -> bool {
        self.kind == DatabaseErrorKind::Conflict
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for DatabaseError {}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        let may_pass = error.may_pass();
        let kind = match error.kind {
            DatabaseErrorKind::Unreachable | DatabaseErrorKind::Busy => ErrorKind::Overloaded,
            DatabaseErrorKind::Conflict | DatabaseErrorKind::Settings => ErrorKind::InvalidRequest,
            DatabaseErrorKind::Denied | DatabaseErrorKind::Schema | DatabaseErrorKind::Statement => {
                ErrorKind::Internal
            }
        };
        let public = Self::new(kind, error.message).with_fault(Fault::Gateway);
        if may_pass { public.with_retry(Retry::Later { after: None }) } else { public }
    }
}

/// What it means to whoever asked for an entity.
impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        match error.kind() {
            _ if error.may_pass() => Self::Unavailable(error.message),
            DatabaseErrorKind::Conflict => Self::Conflict(error.message),
            _ => Self::Failed(error.message),
        }
    }
}
