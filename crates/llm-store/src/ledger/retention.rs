//! Old rows are let go of, a few at a time; where the operator wants it, into files. Their sums stay.

use llm_governance::{StoreError, Timestamp};

use super::columns::{COLUMNS, read};
use super::{Archive, Books, seconds, words};
use crate::database::{Database, DatabaseError, DatabaseKind, Value, fitting};

/// How many rows go in one transaction: others write between two of them.
const AT_ONCE: i64 = 500;

impl Books {
    /// Deletes the rows of calls that came before a moment. How many there were. What is written to an archive is on
    /// the disk before its row goes; a gateway that is killed in between writes some rows a second time.
    ///
    /// # Errors
    /// When the database or the archive cannot be used; what was deleted until then is deleted.
    pub async fn forget_before(
        &self,
        moment: Timestamp,
        archive: Option<&Archive>,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let now = some(&self.database, moment, archive).await?;
            if now == 0 {
                break;
            }
            deleted += now;
        }
        if let Some(archive) = archive {
            while archive.finish_a_day(moment)? {}
        }
        Ok(deleted)
    }
}

/// Deletes the oldest rows, a few of them. How many; 0: there are none left.
pub(super) async fn some(
    database: &Database,
    before: Timestamp,
    archive: Option<&Archive>,
) -> Result<u64, StoreError> {
    let mut transaction = database.begin().await?;
    let columns = match archive {
        Some(_) => COLUMNS.join(", "),
        None => format!("id, {}", seconds::columns().join(", ")),
    };
    // Of several gateways each takes rows of its own.
    let lock = if database.kind() == DatabaseKind::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let oldest =
        format!("SELECT {columns} FROM llm_ledger WHERE started < $1 ORDER BY started, id LIMIT $2 {lock}");
    let rows = transaction.query(&oldest, &[before.0.into(), AT_ONCE.into()]).await?;
    if rows.is_empty() {
        drop(transaction);
        words::forget_lost(database, before).await?;
        return Ok(0);
    }
    if let Some(archive) = archive {
        let rows = rows.iter().map(read).collect::<Result<Vec<_>, DatabaseError>>()?;
        archive.add(&rows)?;
    }
    let ids = rows.iter().map(|row| row.get::<&str>("id").map(|id| Value::from(&*fitting(id))));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let places = places.join(", ");
    transaction.execute(&format!("DELETE FROM llm_ledger_tags WHERE id IN ({places})"), &ids).await?;
    words::forget(&mut transaction, &ids, &places).await?;
    let deleted =
        transaction.execute(&format!("DELETE FROM llm_ledger WHERE id IN ({places})"), &ids).await?;
    seconds::forget(&mut transaction, &rows, before).await?;
    transaction.commit().await?;
    Ok(deleted)
}
