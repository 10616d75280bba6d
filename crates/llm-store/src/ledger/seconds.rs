//! In which seconds there were calls of somebody: where lists of their calls are looked for.
//!
//! An index of its own for each column that lists are chosen by takes an entry for each call, in another place each time.
//! One entry for all calls of a second takes less than a tenth of the time where there are many, and rows are read in the
//! order of time anyway.

use std::collections::{BTreeMap, BTreeSet};

use llm_governance::{RowField, RowRef, Timestamp};

use super::columns::column;
use super::kinds::Kind;
use crate::database::{Batch, DatabaseError, Row, Transaction, Values, fitting};

/// The fields that have such entries, those first that usually choose the fewest calls.
pub(super) const FIELDS: [RowField; 6] = [
    RowField::Session,
    RowField::Customer,
    RowField::Key,
    RowField::User,
    RowField::Team,
    RowField::ModelGroup,
];

/// Microseconds.
pub(super) const SECOND: i64 = 1_000_000;

const BATCH: Batch<'_> = Batch {
    table: "llm_ledger_seconds",
    columns: &["field", "value", "second"],
    conflict: "ON CONFLICT DO NOTHING",
};

/// The second of a moment.
pub(super) fn second(moment: Timestamp) -> i64 {
    moment.0.div_euclid(SECOND)
}

/// Notes the seconds of calls. In one order, so that gateways never wait for each other in a circle.
pub(super) async fn add(
    transaction: &mut Transaction,
    rows: &[&RowRef<'_>],
    kinds: &[Kind<'_, '_>],
) -> Result<(), DatabaseError> {
    let mut entries = BTreeSet::new();
    let mut note = |field, text: Option<&str>, seconds: &[i64]| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let text = fitting(text);
            entries.extend(seconds.iter().map(|second| (column(field), text.clone().into_owned(), *second)));
        }
    };
    for kind in kinds {
        let Kind { row, seconds, .. } = kind;
        note(RowField::Customer, row.customer, seconds);
        note(RowField::Key, row.key.map(|key| key.hex()).as_deref(), seconds);
        note(RowField::User, row.user_id, seconds);
        note(RowField::Team, row.team_id, seconds);
        note(RowField::ModelGroup, Some(row.model_group), seconds);
    }
    // Calls of different sessions are of one kind.
    for row in rows {
        note(RowField::Session, row.session_id, &[second(row.started)]);
    }
    let mut values = Values::with_capacity(entries.len() * BATCH.columns.len());
    for (field, text, second) in entries {
        values.text(field);
        values.text(&text);
        values.number(second);
    }
    transaction.insert(BATCH, values).await.map(|_| ())
}

/// The columns of [`FIELDS`].
pub(super) fn columns() -> [&'static str; FIELDS.len()] {
    FIELDS.map(column)
}

/// Forgets the seconds before a moment of everybody whose calls these are: all calls before it go.
pub(super) async fn forget(
    transaction: &mut Transaction,
    rows: &[Row],
    before: Timestamp,
) -> Result<(), DatabaseError> {
    let mut whose: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        for name in columns() {
            if let Some(text) = row.get::<Option<&str>>(name)? {
                whose.entry(name).or_default().insert(text);
            }
        }
    }
    let text = "DELETE FROM llm_ledger_seconds WHERE field = $1 AND value = $2 AND second < $3";
    for (field, texts) in whose {
        for value in texts {
            transaction.execute(text, &[field.into(), value.into(), second(before).into()]).await?;
        }
    }
    Ok(())
}
