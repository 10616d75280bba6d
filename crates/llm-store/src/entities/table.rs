//! The table of a kind of entity, and its rows.

use std::collections::HashMap;

use llm_governance::StoreError;
use llm_governance::entity::{Column, Entity};

use crate::database::{Batch, Database, DatabaseError, Row, Transaction, Value};

/// What our tables begin with: the database may be another program's too.
const PREFIX: &str = "llm_";

/// The table of a kind of entity.
pub(super) struct Table;

impl Table {
    pub(super) fn name<E: Entity>() -> String {
        format!("{PREFIX}{}", E::TABLE)
    }

    /// All columns, in the order of [`values`].
    pub(super) fn columns<E: Entity>() -> Vec<&'static str> {
        ["id", "document"].into_iter().chain(E::COLUMNS.iter().copied()).collect()
    }
}

/// Adds entities within a transaction.
pub(super) async fn add<E: Entity>(transaction: &mut Transaction, entities: &[E]) -> Result<(), StoreError> {
    let rows = entities.iter().map(values).collect::<Result<Vec<_>, _>>()?;
    let (table, columns) = (Table::name::<E>(), Table::columns::<E>());
    let batch = Batch { table: &table, columns: &columns, conflict: "" };
    transaction.insert_many(batch, rows).await.map(|_| ()).map_err(conflict::<E>)
}

/// The values of a row.
pub(super) fn values<E: Entity>(entity: &E) -> Result<Vec<Value>, StoreError> {
    let columns = entity.columns();
    debug_assert_eq!(columns.len(), E::COLUMNS.len(), "a value for each column");
    let mut values = vec![Value::Text(entity.id()), Value::Text(document(entity)?)];
    values.extend(columns.iter().map(value));
    Ok(values)
}

pub(super) fn value(column: &Column) -> Value {
    match column {
        Column::Text(text) => text.as_ref().into(),
        Column::Whole(number) => (*number).into(),
    }
}

pub(super) fn document<E: Entity>(entity: &E) -> Result<String, StoreError> {
    serde_json::to_string(entity)
        .map_err(|error| StoreError::Failed(format!("{} cannot be written: {error}", E::TABLE)))
}

/// The entity in the column `document`.
pub(super) fn entity<E: Entity>(row: &Row) -> Result<E, StoreError> {
    let document = row.get::<&str>("document")?;
    // What a parser says may repeat what it read.
    serde_json::from_str(document).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        StoreError::Failed(format!(
            "a row of {} cannot be read ({place}): is it of another program?",
            E::TABLE
        ))
    })
}

/// The entities of rows, in the order of their ids.
pub(super) fn in_order<E: Entity>(ids: &[String], rows: &[Row]) -> Result<Vec<E>, StoreError> {
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let one = entity::<E>(row)?;
        found.insert(one.id(), one);
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// What an error of a write means: which field of whom is taken.
pub(super) fn conflict<E: Entity>(error: DatabaseError) -> StoreError {
    if !error.is_conflict() {
        return error.into();
    }
    let message = error.to_string();
    let names =
        |column: &&&str| message.contains(&format!(".{column}")) || message.contains(&format!("_{column})"));
    let column = E::COLUMNS.iter().find(names).copied().unwrap_or("id");
    StoreError::Conflict(format!("one of the {} has this {column} already", E::TABLE.replace('_', " ")))
}

/// Begins a transaction.
pub(super) async fn begin(database: &Database) -> Result<Transaction, StoreError> {
    database.begin().await.map_err(StoreError::from)
}
