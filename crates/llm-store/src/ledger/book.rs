//! Rows are booked: in one transaction they are written, and those that were not there yet are added to all sums.

use std::collections::BTreeSet;

use llm_governance::LedgerRow;

use super::columns::{COLUMNS, values};
use super::{daily, kinds, spent};

use crate::database::{Batch, Database, DatabaseError, DatabaseKind, Transaction, Value, fitting};

const ROWS: Batch<'_> =
    Batch { table: "llm_ledger", columns: &COLUMNS, conflict: "ON CONFLICT (id) DO NOTHING" };

const TAGS: Batch<'_> = Batch {
    table: "llm_ledger_tags",
    columns: &["id", "tag", "started"],
    conflict: "ON CONFLICT DO NOTHING",
};

/// A server that tells of a commit before it is on its disk would lose what the journal then no longer has.
const LASTING: &str = "SELECT set_config('synchronous_commit', 'local', true) AS set_to \
                       WHERE current_setting('synchronous_commit') = 'off'";

/// Books rows, all or none. A row that is there already is passed over. How many were new.
pub(super) async fn book(database: &Database, rows: &[LedgerRow]) -> Result<usize, DatabaseError> {
    let values = rows.iter().map(values).collect::<Result<Vec<_>, _>>()?;
    let mut transaction = begin(database).await?;
    if transaction.insert_many(ROWS, values).await? == rows.len() as u64 {
        add(&mut transaction, &rows.iter().collect::<Vec<_>>()).await?;
        transaction.commit().await?;
        return Ok(rows.len());
    }
    // Some were there. That is seldom, and so is done anew, in the way that tells which.
    drop(transaction);
    book_new(database, rows).await
}

/// The same where some rows may be there already.
async fn book_new(database: &Database, rows: &[LedgerRow]) -> Result<usize, DatabaseError> {
    let mut transaction = begin(database).await?;
    let new = insert(&mut transaction, rows).await?;
    if !new.is_empty() {
        add(&mut transaction, &new).await?;
    }
    transaction.commit().await?;
    Ok(new.len())
}

async fn begin(database: &Database) -> Result<Transaction, DatabaseError> {
    let mut transaction = database.begin().await?;
    if database.kind() == DatabaseKind::Postgres {
        transaction.query(LASTING, &[]).await?;
    }
    Ok(transaction)
}

/// Writes rows. Those that were not there yet.
async fn insert<'a>(
    transaction: &mut Transaction,
    rows: &'a [LedgerRow],
) -> Result<Vec<&'a LedgerRow>, DatabaseError> {
    let conflict = format!("{} RETURNING id", ROWS.conflict);
    let all = rows.iter().map(values).collect::<Result<Vec<_>, _>>()?;
    let written = transaction.insert_many_returning(Batch { conflict: &conflict, ..ROWS }, all).await?;
    let mut written: BTreeSet<&str> = written.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
    // Of two with the same id the first one was written.
    Ok(rows.iter().filter(|row| written.remove(&*fitting(&row.id))).collect())
}

/// Adds rows that were written to everything that is made of rows.
async fn add(transaction: &mut Transaction, new: &[&LedgerRow]) -> Result<(), DatabaseError> {
    let tags = new.iter().flat_map(|row| tags(row));
    transaction.insert_many(TAGS, tags).await?;
    let kinds = kinds::of(new);
    daily::add(transaction, &kinds).await?;
    spent::add(transaction, &kinds).await
}

fn tags(row: &LedgerRow) -> impl Iterator<Item = Vec<Value>> {
    let id = fitting(&row.id);
    let tags = row.tags.iter().filter(|tag| !tag.is_empty());
    tags.map(move |tag| vec![Value::from(&*id), Value::from(&*fitting(tag)), row.started.0.into()])
}

/// Whether the database takes a row as it should be: then one that it refuses is at fault itself.
///
/// # Errors
/// What the database says.
pub(super) async fn takes_rows(database: &Database) -> Result<(), DatabaseError> {
    let mut transaction = database.begin().await?;
    let row = LedgerRow { id: "trial".to_owned(), ..LedgerRow::default() };
    insert(&mut transaction, std::slice::from_ref(&row)).await?;
    add(&mut transaction, &[&row]).await
    // Nothing is committed.
}
