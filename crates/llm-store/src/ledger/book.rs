//! Rows are booked: in one transaction they are written, and those that were not there yet are added to all sums.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use llm_governance::{IdRef, KeyHash, RowRef};

use super::columns::{COLUMNS, values};
use super::{daily, kinds, seconds, spent};

use crate::database::{Batch, Database, DatabaseError, DatabaseKind, Transaction, Value, Values, fitting};

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

/// A row, and what is kept of it.
#[derive(Clone, Debug)]
pub(super) struct Kept<'a> {
    pub row: RowRef<'a>,
    /// The row as bytes.
    pub packed: Cow<'a, [u8]>,
}

impl<'a> Kept<'a> {
    /// A row that no journal has as bytes.
    pub(super) fn new(row: RowRef<'a>) -> Self {
        let mut packed = Vec::new();
        row.pack(&mut packed);
        Self { row, packed: Cow::Owned(packed) }
    }
}

/// Books rows, all or none. A row that is there already is passed over. How many were new.
pub(super) async fn book(database: &Database, rows: &[Kept<'_>]) -> Result<usize, DatabaseError> {
    let mut transaction = begin(database).await?;
    let rows = renamed(&mut transaction, rows).await?;
    if transaction.insert(ROWS, values_of(&rows)).await? == rows.len() as u64 {
        add(&mut transaction, &rows.iter().map(|kept| &kept.row).collect::<Vec<_>>()).await?;
        transaction.commit().await?;
        return Ok(rows.len());
    }
    // Some were there. That is seldom, and so is done anew, in the way that tells which.
    drop(transaction);
    book_new(database, &rows).await
}

/// The same where some rows may be there already.
async fn book_new(database: &Database, rows: &[Kept<'_>]) -> Result<usize, DatabaseError> {
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

/// How many keys one statement asks for at most.
const MOST_KEYS: usize = 500;

/// Calls that began with a key that was replaced before they ended are the new key's.
async fn renamed<'a, 'b>(
    transaction: &mut Transaction,
    rows: &'a [Kept<'b>],
) -> Result<Cow<'a, [Kept<'b>]>, DatabaseError> {
    let mut keys: Vec<KeyHash> = rows.iter().filter_map(|kept| kept.row.key).collect();
    // Calls of a key often stand together.
    keys.dedup();
    keys.sort_unstable();
    keys.dedup();
    let mut new: BTreeMap<KeyHash, KeyHash> = BTreeMap::new();
    for some in keys.chunks(MOST_KEYS) {
        let places: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
        let text = format!(
            "SELECT id, replaced_hash FROM llm_virtual_keys WHERE replaced_hash IN ({})",
            places.join(", ")
        );
        let values: Vec<Value> = some.iter().map(|key| key.hex().into()).collect();
        for row in transaction.query(&text, &values).await? {
            let hashes = (KeyHash::parse(row.get("replaced_hash")?), KeyHash::parse(row.get("id")?));
            if let (Some(replaced), Some(hash)) = hashes {
                new.insert(replaced, hash);
            }
        }
    }
    if new.is_empty() {
        return Ok(Cow::Borrowed(rows));
    }
    Ok(Cow::Owned(rows.iter().map(|kept| of_new_key(kept, &new)).collect()))
}

fn of_new_key<'b>(kept: &Kept<'b>, new: &BTreeMap<KeyHash, KeyHash>) -> Kept<'b> {
    let mut row = kept.row.clone();
    if let Some(key) = row.key.and_then(|key| new.get(&key)) {
        row.key = Some(*key);
    }
    for charge in &mut row.charges {
        if let IdRef::Key(key) = &mut charge.id {
            *key = *new.get(key).unwrap_or(key);
        }
    }
    Kept::new(row)
}

/// The values of all rows, one behind the other.
fn values_of(rows: &[Kept<'_>]) -> Values {
    // What is text in columns is in the packed row, too, and seldom longer there than here.
    let packed = rows.iter().map(|kept| kept.packed.len()).sum();
    let mut all = Values::with_room(rows.len() * COLUMNS.len(), packed, packed);
    rows.iter().for_each(|kept| values(&kept.row, &kept.packed, &mut all));
    all
}

/// Writes rows. Those that were not there yet.
async fn insert<'a, 'b>(
    transaction: &mut Transaction,
    rows: &'a [Kept<'b>],
) -> Result<Vec<&'a RowRef<'b>>, DatabaseError> {
    let conflict = format!("{} RETURNING id", ROWS.conflict);
    let batch = Batch { conflict: &conflict, ..ROWS };
    let written = transaction.insert_returning(batch, values_of(rows)).await?;
    let mut written: BTreeSet<&str> = written.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
    // Of two with the same id the first one was written.
    Ok(rows.iter().map(|kept| &kept.row).filter(|row| written.remove(&*fitting(row.id))).collect())
}

/// Adds rows that were written to everything that is made of rows.
async fn add(transaction: &mut Transaction, new: &[&RowRef<'_>]) -> Result<(), DatabaseError> {
    let tags = new.iter().flat_map(|row| tags(row));
    transaction.insert_many(TAGS, tags).await?;
    let kinds = kinds::of(new);
    daily::add(transaction, &kinds).await?;
    seconds::add(transaction, new, &kinds).await?;
    spent::add(transaction, &kinds).await
}

fn tags(row: &RowRef<'_>) -> impl Iterator<Item = Vec<Value>> {
    let id = fitting(row.id);
    let tags = row.tags.iter().filter(|tag| !tag.is_empty());
    tags.map(move |tag| vec![Value::from(&*id), Value::from(&*fitting(tag)), row.started.0.into()])
}

/// Whether the database takes a row as it should be: then one that it refuses is at fault itself.
///
/// # Errors
/// What the database says.
pub(super) async fn takes_rows(database: &Database) -> Result<(), DatabaseError> {
    let mut transaction = database.begin().await?;
    let row = RowRef { id: "trial", ..RowRef::default() };
    let kept = Kept::new(row);
    insert(&mut transaction, std::slice::from_ref(&kept)).await?;
    add(&mut transaction, &[&kept.row]).await
    // Nothing is committed.
}
