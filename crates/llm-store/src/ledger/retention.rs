//! Old rows are let go of, a few at a time. Their sums stay.

use llm_governance::{StoreError, Timestamp};

use super::Books;
use crate::database::{Database, DatabaseError};

/// How many rows go in one transaction: others write between two of them.
const AT_ONCE: i64 = 1_000;

impl Books {
    /// Deletes the rows of calls that came before a moment. How many there were.
    ///
    /// # Errors
    /// When the database cannot be asked; what was deleted until then is deleted.
    pub async fn forget_before(&self, moment: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let now = some(&self.database, moment).await?;
            if now == 0 {
                return Ok(deleted);
            }
            deleted += now;
        }
    }
}

async fn some(database: &Database, before: Timestamp) -> Result<u64, DatabaseError> {
    let mut transaction = database.begin().await?;
    // Sorted, and with tags first, so that two gateways that do this at a time do it in the same order.
    let oldest = "SELECT id FROM llm_ledger WHERE started < $1 ORDER BY started, id LIMIT $2";
    let values = [before.0.into(), AT_ONCE.into()];
    let tags = format!("DELETE FROM llm_ledger_tags WHERE id IN ({oldest})");
    transaction.execute(&tags, &values).await?;
    let deleted =
        transaction.execute(&format!("DELETE FROM llm_ledger WHERE id IN ({oldest})"), &values).await?;
    transaction.commit().await?;
    Ok(deleted)
}
