//! One SQL database, asked in one way whichever it is.
//!
//! One text serves SQLite and PostgreSQL. What keeps it so:
//! - Parameters are `$1` to `$n`. A parameter that stands in no column's place needs `CAST($1 AS BIGINT)`.
//! - Columns are `BIGINT` (money in nano-dollars, time in microseconds since 1970, truth as 0 and 1), `TEXT` (ids,
//!   JSON), `BYTEA` (which SQLite takes for any name) and `DOUBLE PRECISION`. Sums are cast: `CAST(SUM(cost) AS BIGINT)`.
//! - `LIKE` is used on `LOWER(…)` of both sides, because SQLite's ignores case and PostgreSQL's does not.
//! - What `SELECT` begins only reads; with SQLite it runs beside writes.
//!
//! A future that is dropped may leave its statement running: nobody then learns how it ended.

mod batch;
mod engine;
mod error;
mod migrations;
mod transaction;
mod value;
mod values;

use std::fmt;
use std::sync::Arc;

pub(crate) use crate::fitting::fitting;
use crate::settings::DatabaseSettings;
pub use batch::Batch;
pub(crate) use engine::{Engine, Outcome, Session, Statement};
pub use error::{DatabaseError, DatabaseErrorKind};
pub use transaction::Transaction;
pub use value::{FromValue, Row, Value};
pub(crate) use values::{Given, Values};

/// Which SQL a database speaks, where one text cannot serve both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file, or the memory of this process.
    Sqlite,
    /// A server.
    Postgres,
}

/// A handle on a database. Clones share its connections; the last one that goes closes them.
#[derive(Clone)]
pub struct Database {
    engine: Arc<dyn Engine>,
}

impl Database {
    /// Opens the database and brings its tables up to date; a SQLite file is made where there is none.
    ///
    /// # Errors
    /// When the address is none, the database cannot be reached, or its tables are of a newer gateway.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let database = Self::connect(settings)?;
        migrations::apply(&database).await?;
        Ok(database)
    }

    /// A database as it is, with whatever tables it has: one of another program. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn connect(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let url = settings.url.expose();
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Self { engine: Arc::new(crate::sqlite::Sqlite::new(settings)?) }),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                Ok(Self { engine: Arc::new(crate::postgres::Postgres::new(settings)?) })
            }
            known if ["sqlite", "postgres", "postgresql"].contains(&known) => Err(DatabaseError::settings(
                format!("this program was built without the database `{scheme}`: build it with that feature"),
            )),
            _ => Err(DatabaseError::settings(
                "`database_url` is no address of a database: write postgres://user:password@host:5432/name, or \
                 sqlite:path",
            )),
        }
    }

    /// Which SQL it speaks.
    pub fn kind(&self) -> DatabaseKind {
        self.engine.kind()
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// When the database cannot be reached, is busy, or refuses.
    pub async fn query(&self, text: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.engine.run(Statement::query(text, values)).await?.rows)
    }

    /// The first row of a statement.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn query_one(&self, text: &str, values: &[Value]) -> Result<Option<Row>, DatabaseError> {
        Ok(self.query(text, values).await?.into_iter().next())
    }

    /// How many rows a statement changed.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn execute(&self, text: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        Ok(self.engine.run(Statement::execute(text, values)).await?.affected)
    }

    /// Begins a transaction. With SQLite it is the only writer until it ends: other writes wait for it, so whoever holds
    /// one writes through it alone.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction::new(self.engine.begin().await?))
    }

    /// Closes the connections when what runs has ended. Statements are refused from now on.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("engine", &self.engine.kind()).finish_non_exhaustive()
    }
}
