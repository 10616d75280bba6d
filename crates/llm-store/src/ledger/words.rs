//! What was asked and answered in calls, where the operator has it kept: beside their rows, and gone with them.

use llm_governance::{LedgerRow, StoreError, Timestamp};
use serde_json::Value as Json;

use super::Books;
use crate::database::{Batch, Database, DatabaseError, Transaction, Value, fitting};

/// What was said in one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The id of the call's row.
    pub id: String,
    /// When the call came.
    pub started: Timestamp,
    /// The request, as JSON; `None`: it is not kept.
    pub request: Option<String>,
    /// The answer, as JSON; `None`: there is none, or it is not kept.
    pub response: Option<String>,
}

const WORDS: Batch<'_> = Batch {
    table: "llm_ledger_words",
    columns: &["id", "started", "request", "response"],
    conflict: "ON CONFLICT (id) DO NOTHING",
};

impl Books {
    /// Keeps what was said in calls. What is there already stays as it is.
    ///
    /// # Errors
    /// When the database cannot be used; then nothing of it is kept.
    pub async fn keep_words(&self, words: &[Words]) -> Result<(), StoreError> {
        let values = words.iter().flat_map(|one| {
            // JSON spells what a database cannot hold, and is as long as it is.
            let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
            let (request, response) = (text(&one.request), text(&one.response));
            [Value::from(&*fitting(&one.id)), one.started.0.into(), request, response]
        });
        let mut transaction = self.database.begin().await?;
        transaction.insert(WORDS, values.collect::<Vec<_>>().into()).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Puts what was said into a row.
pub(super) async fn put_into(database: &Database, row: &mut LedgerRow) -> Result<(), DatabaseError> {
    let text = "SELECT request, response FROM llm_ledger_words WHERE id = $1";
    let Some(found) = database.query_one(text, &[Value::from(&*fitting(&row.id))]).await? else {
        return Ok(());
    };
    let read = |name| -> Result<Option<Json>, DatabaseError> {
        let text: Option<&str> = found.get(name)?;
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    };
    row.request = read("request")?.or(row.request.take());
    row.response = read("response")?.or(row.response.take());
    Ok(())
}

/// Lets go of what was said in these calls.
pub(super) async fn forget(
    transaction: &mut Transaction,
    ids: &[Value],
    places: &str,
) -> Result<(), DatabaseError> {
    let text = format!("DELETE FROM llm_ledger_words WHERE id IN ({places})");
    transaction.execute(&text, ids).await.map(|_| ())
}

/// Lets go of what was said before a moment in calls whose rows are gone, or never came.
pub(super) async fn forget_lost(database: &Database, before: Timestamp) -> Result<(), DatabaseError> {
    let mut transaction = database.begin().await?;
    transaction.execute("DELETE FROM llm_ledger_words WHERE started < $1", &[before.0.into()]).await?;
    transaction.commit().await
}
