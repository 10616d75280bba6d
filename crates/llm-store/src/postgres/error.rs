//! What PostgreSQL's errors mean.

use std::error::Error as _;
use std::time::Duration;

use deadpool_postgres::{Object, PoolError, TimeoutType};
use tokio_postgres::error::{DbError, SqlState};

use super::value::NoPlace;
use crate::database::{DatabaseError, DatabaseErrorKind, Statement};

/// Why a statement gave nothing.
pub(super) enum Failure {
    /// What the server said, or that it went away.
    Server(tokio_postgres::Error),
    /// It said nothing for this long.
    Silent(Duration),
    /// What it gave cannot be read.
    Ours(DatabaseError),
}

impl Failure {
    /// Whether the connection was out of date, and nothing happened: the same on another one goes well.
    pub(super) fn is_stale(&self, statement: &Statement) -> bool {
        let Self::Server(error) = self else { return false };
        let reads =
            statement.text.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        let stale_plan = [
            SqlState::FEATURE_NOT_SUPPORTED,
            SqlState::INVALID_SQL_STATEMENT_NAME,
            SqlState::UNDEFINED_PSTATEMENT,
        ];
        error.code().is_some_and(|code| stale_plan.contains(code)) || (reads && lost(error))
    }

    /// What to say of it. A connection that does not answer is not used again.
    pub(super) fn explain(self, client: Object) -> DatabaseError {
        match self {
            Self::Server(error) => explain(&error),
            Self::Ours(error) => error,
            Self::Silent(patience) => {
                drop(Object::take(client));
                DatabaseError::busy(format!("the database did not answer within {patience:?}"))
            }
        }
    }
}

/// Whether the connection is gone.
fn lost(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(error) => kind(error.code()) == DatabaseErrorKind::Unreachable,
        None => error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>()),
    }
}

pub(super) fn explain(error: &tokio_postgres::Error) -> DatabaseError {
    if let Some(error) = error.as_db_error() {
        return of_server(error);
    }
    if let Some(place) = error.source().and_then(|source| source.downcast_ref::<NoPlace>()) {
        return DatabaseError::statement(place.to_string());
    }
    // Without the server's words these are about sockets, TLS and the way to log in.
    DatabaseError::unreachable(format!("the database cannot be reached: {error}"))
}

pub(super) fn explain_pool(error: PoolError) -> DatabaseError {
    match error {
        PoolError::Backend(error) => explain(&error),
        PoolError::Timeout(TimeoutType::Wait) => {
            DatabaseError::busy("all connections to the database are in use: raise the limit of connections")
        }
        PoolError::Timeout(_) => {
            DatabaseError::unreachable("the database cannot be reached: it does not answer")
        }
        PoolError::Closed => DatabaseError::unreachable("the database was closed"),
        other => DatabaseError::statement(format!("postgresql: {other}")),
    }
}

/// The server's message where it can only name tables, columns and accounts. Where it may repeat values, only its code.
fn of_server(error: &DbError) -> DatabaseError {
    let code = error.code();
    let kind = kind(code);
    let repeats_values = code.code().starts_with("22") || code == &SqlState::RAISE_EXCEPTION;
    let message = match kind {
        DatabaseErrorKind::Conflict => {
            format!("a row with this key is there already ({})", error.constraint().unwrap_or("unique"))
        }
        _ if repeats_values => format!("postgresql refused a value (code {})", code.code()),
        _ => format!("postgresql: {} (code {})", error.message(), code.code()),
    };
    DatabaseError::new(kind, message)
}

fn kind(code: &SqlState) -> DatabaseErrorKind {
    match code.code() {
        "23505" => DatabaseErrorKind::Conflict,
        // Stopping, crashed, starting; a standby that was the server before a failover.
        "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "25P03" => DatabaseErrorKind::Unreachable,
        // Statements that were cancelled; locks; deadlocks and serialisation.
        "57014" | "55P03" | "55006" | "40001" | "40P01" => DatabaseErrorKind::Busy,
        "42501" | "3D000" => DatabaseErrorKind::Denied,
        other => match other.get(..2) {
            Some("08") => DatabaseErrorKind::Unreachable,
            Some("53" | "58") => DatabaseErrorKind::Busy,
            Some("28") => DatabaseErrorKind::Denied,
            _ => DatabaseErrorKind::Statement,
        },
    }
}
