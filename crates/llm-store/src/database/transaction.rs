//! Statements that happen together or not at all.

use std::fmt;

use super::{Batch, DatabaseError, Outcome, Row, Session, Statement, Value, Values};

/// An open transaction. Dropped without [`Transaction::commit`], nothing of it remains.
pub struct Transaction {
    session: Box<dyn Session>,
    /// Whether a statement failed: PostgreSQL then takes no further ones, and would take a commit for a rollback.
    failed: bool,
}

impl Transaction {
    pub(super) fn new(session: Box<dyn Session>) -> Self {
        Self { session, failed: false }
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// When the database cannot be reached, is busy, or refuses; then the transaction can only be dropped.
    pub async fn query(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.run(Statement::query(text, values)).await?.rows)
    }

    /// The first row of a statement.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn query_one(&mut self, text: &str, values: &[Value]) -> Result<Option<Row>, DatabaseError> {
        Ok(self.query(text, values).await?.into_iter().next())
    }

    /// How many rows a statement changed.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn execute(&mut self, text: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        Ok(self.run(Statement::execute(text, values)).await?.affected)
    }

    /// Makes it last. When the answer is lost on the way, whether it lasts is unknown.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn commit(self) -> Result<(), DatabaseError> {
        self.stands()?;
        self.session.commit().await
    }

    /// Several statements without values.
    pub(super) async fn script(&mut self, text: &str) -> Result<(), DatabaseError> {
        self.stands()?;
        let done = self.session.script(text).await;
        self.failed |= done.is_err();
        done
    }

    /// Inserts rows, whose values stand one behind the other. How many were made or changed.
    pub(crate) async fn insert(&mut self, batch: Batch<'_>, values: Values) -> Result<u64, DatabaseError> {
        self.stands()?;
        let outcome = self.session.insert(batch, values).await;
        self.failed |= outcome.is_err();
        outcome
    }

    pub(super) async fn run(&mut self, statement: Statement) -> Result<Outcome, DatabaseError> {
        self.stands()?;
        let outcome = self.session.run(statement).await;
        self.failed |= outcome.is_err();
        outcome
    }

    fn stands(&self) -> Result<(), DatabaseError> {
        if self.failed {
            return Err(DatabaseError::statement(
                "a statement of this transaction failed: begin another one",
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Transaction")
    }
}
