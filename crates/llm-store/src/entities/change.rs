//! Entities that are made, changed and deleted, each with its entry in the log.

use llm_governance::entity::{AuditEntry, Entity, VirtualKey};
use llm_governance::{Audited, Change, KeyHash, StoreError};

use super::table::{Table, add, begin, conflict, entity, in_order, values};
use super::{MOST_IDS, list, spent};
#[cfg(feature = "postgres")]
use crate::database::Batch;
use crate::database::{Database, Transaction, Value};

/// How often a change is begun again because another one came between. Each time somebody else's went well.
const MOST_ATTEMPTS: usize = 50;

pub(super) async fn insert<E: Entity>(
    database: &Database,
    entities: &[E],
    audit: &[AuditEntry],
) -> Result<(), StoreError> {
    let mut transaction = begin(database).await?;
    add(&mut transaction, entities).await?;
    add(&mut transaction, audit).await?;
    transaction.commit().await.map_err(StoreError::from)
}

#[cfg(feature = "postgres")]
pub(super) async fn put<E: Entity>(database: &Database, entity: &E) -> Result<(), StoreError> {
    let (table, columns) = (Table::name::<E>(), Table::columns::<E>());
    let set: Vec<_> = columns.iter().skip(1).map(|column| format!("{column} = excluded.{column}")).collect();
    let conflict = format!("ON CONFLICT (id) DO UPDATE SET {}", set.join(", "));
    let mut transaction = begin(database).await?;
    let batch = Batch { table: &table, columns: &columns, conflict: &conflict };
    transaction.insert_many(batch, [values(entity)?]).await.map_err(StoreError::from)?;
    transaction.commit().await.map_err(StoreError::from)
}

pub(super) async fn update<E: Entity>(
    database: &Database,
    id: &str,
    change: Change<'_, E>,
) -> Result<E, StoreError> {
    let read = format!("SELECT document FROM {} WHERE id = $1", Table::name::<E>());
    for _ in 0..MOST_ATTEMPTS {
        let row = database.query_one(&read, &[id.into()]).await?;
        let row = row.ok_or_else(|| missing::<E>(id))?;
        let (changed, entry) = change(entity(&row)?)?;
        let before = row.get::<String>("document")?;
        if replace(database, id, before, &changed, entry).await? {
            return Ok(changed);
        }
    }
    Err(StoreError::Unavailable(format!("others change {} `{id}` all the time", E::TABLE)))
}

/// Writes an entity over what it was; `false`: it is something else by now.
async fn replace<E: Entity>(
    database: &Database,
    id: &str,
    before: String,
    changed: &E,
    entry: AuditEntry,
) -> Result<bool, StoreError> {
    if changed.id() != id {
        return Err(StoreError::Failed(format!("a change of {} must not change its id", E::TABLE)));
    }
    let mut values = values(changed)?;
    let columns = Table::columns::<E>();
    let set: Vec<_> =
        columns.iter().zip(1..).skip(1).map(|(column, place)| format!("{column} = ${place}")).collect();
    values.push(Value::Text(before));
    let text = format!(
        "UPDATE {} SET {} WHERE id = $1 AND document = ${}",
        Table::name::<E>(),
        set.join(", "),
        values.len()
    );
    let mut transaction = begin(database).await?;
    if transaction.execute(&text, &values).await.map_err(conflict::<E>)? == 0 {
        return Ok(false);
    }
    add(&mut transaction, &[entry]).await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn delete<E: Entity>(
    database: &Database,
    ids: &[String],
    audit: Audited<'_, E>,
) -> Result<Vec<E>, StoreError> {
    let mut transaction = begin(database).await?;
    let mut deleted: Vec<E> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MOST_IDS) {
        deleted.extend(take(&mut transaction, ids).await?);
    }
    let entries: Vec<_> = deleted.iter().map(&*audit).collect();
    add(&mut transaction, &entries).await?;
    if let Some(scope) = E::SCOPE {
        for one in &deleted {
            spent::forget(&mut transaction, scope, &one.id()).await?;
        }
    }
    transaction.commit().await?;
    Ok(deleted)
}

async fn take<E: Entity>(transaction: &mut Transaction, ids: &[String]) -> Result<Vec<E>, StoreError> {
    let places = list::places(1, ids.len());
    let text = format!("DELETE FROM {} WHERE id IN ({places}) RETURNING document", Table::name::<E>());
    let values: Vec<_> = ids.iter().map(Value::from).collect();
    let rows = transaction.query(&text, &values).await?;
    in_order(ids, &rows)
}

pub(super) async fn rotate(
    database: &Database,
    old: &KeyHash,
    new: &VirtualKey,
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    let mut transaction = begin(database).await?;
    let gone: Vec<VirtualKey> = take(&mut transaction, &[old.hex()]).await?;
    if gone.is_empty() {
        return Err(missing::<VirtualKey>(&old.hex()));
    }
    add(&mut transaction, std::slice::from_ref(new)).await?;
    spent::hand_over(&mut transaction, &old.hex(), &new.hash.hex()).await?;
    add(&mut transaction, std::slice::from_ref(audit)).await?;
    transaction.commit().await.map_err(StoreError::from)
}

fn missing<E: Entity>(id: &str) -> StoreError {
    StoreError::Missing(format!("there is no `{id}` among the {}", E::TABLE.replace('_', " ")))
}
