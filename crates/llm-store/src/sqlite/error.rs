//! What SQLite's errors mean.

use rusqlite::{Error, ErrorCode, ffi};

use crate::database::{DatabaseError, DatabaseErrorKind};

/// What an error means. SQLite's messages name tables and columns, and never what stands in them.
pub(super) fn explain(error: Error) -> DatabaseError {
    let (code, message) = match error {
        Error::SqliteFailure(code, message) => (code, message),
        Error::SqlInputError { error, msg, .. } => (error, Some(msg)),
        other => return DatabaseError::statement(format!("sqlite: {other}")),
    };
    let message = message.unwrap_or_else(|| code.to_string());
    let (kind, words) = match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (DatabaseErrorKind::Busy, "another program writes to the database".to_owned())
        }
        ErrorCode::OperationInterrupted => {
            (DatabaseErrorKind::Busy, "the statement took longer than it may".to_owned())
        }
        ErrorCode::DiskFull => (DatabaseErrorKind::Busy, "the disk of the database is full".to_owned()),
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => {
            (DatabaseErrorKind::Unreachable, format!("the database file cannot be used: {message}"))
        }
        ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
            (DatabaseErrorKind::Denied, format!("the database file may not be written: {message}"))
        }
        ErrorCode::ConstraintViolation if is_unique(code.extended_code) => {
            (DatabaseErrorKind::Conflict, message)
        }
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => (
            DatabaseErrorKind::Statement,
            "the database file is no SQLite database, or is damaged: restore it from a backup".to_owned(),
        ),
        _ => (DatabaseErrorKind::Statement, format!("sqlite: {message}")),
    };
    DatabaseError::new(kind, words)
}

fn is_unique(extended: i32) -> bool {
    [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_ROWID]
        .contains(&extended)
}
