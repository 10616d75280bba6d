//! What a kind of database must be able to do.

use llm_core::BoxFuture;

use super::{Batch, DatabaseError, DatabaseKind, Row, Value, Values};

/// A statement and what it is given.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
    /// Whether its rows are wanted, or only how many it changed.
    pub(crate) rows: bool,
}

impl Statement {
    pub(crate) fn query(text: &str, values: &[Value]) -> Self {
        Self { text: text.to_owned(), values: values.to_vec(), rows: true }
    }

    pub(crate) fn execute(text: &str, values: &[Value]) -> Self {
        Self { text: text.to_owned(), values: values.to_vec(), rows: false }
    }
}

/// What came of a statement.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    pub(crate) affected: u64,
}

/// A kind of database.
///
/// # Behavior
/// - Statements outside a transaction are each one of their own.
/// - Nothing blocks the thread that polls, and no future waits longer than the settings allow.
pub(crate) trait Engine: Send + Sync {
    fn kind(&self) -> DatabaseKind;
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Outcome, DatabaseError>>;
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Session>, DatabaseError>>;
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A transaction that is open.
///
/// # Behavior
/// - Dropped without [`Session::commit`], nothing of it remains.
/// - After a statement failed, it can only be dropped.
pub(crate) trait Session: Send {
    fn run(&mut self, statement: Statement) -> BoxFuture<'_, Result<Outcome, DatabaseError>>;
    /// Inserts rows, whose values stand one behind the other. How many were made or changed.
    fn insert<'a>(
        &'a mut self,
        batch: Batch<'a>,
        values: Values,
    ) -> BoxFuture<'a, Result<u64, DatabaseError>>;
    /// Several statements without values, as a migration is written.
    fn script<'a>(&'a mut self, text: &'a str) -> BoxFuture<'a, Result<(), DatabaseError>>;
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), DatabaseError>>;
}
