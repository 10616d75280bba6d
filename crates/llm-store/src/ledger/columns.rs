//! A row of the ledger as it stands in its table: columns for lists, and the whole of it as its journal has it.

use llm_governance::{Ending, LedgerRow, RowField, RowRef};
use serde_json::{Map, Value as Json};

use crate::database::{DatabaseError, Row, Values, fitting};

/// The columns of `llm_ledger`, in the order of [`values`] and of the table: so SQLite takes them as they come.
pub(super) const COLUMNS: [&str; 26] = [
    "id",
    "vendor_id",
    "started",
    "ended",
    "key",
    "team_id",
    "user_id",
    "organization_id",
    "customer",
    "session_id",
    "model",
    "model_group",
    "deployment",
    "provider",
    "call_type",
    "ending",
    "failed",
    "error",
    "cache_hit",
    "cost",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "took_micros",
    "document",
    "packed",
];

/// Members of a row's JSON that are whole numbers in columns of the same name.
const NUMBERS: [&str; 5] = ["started", "cost", "prompt_tokens", "completion_tokens", "took_micros"];

/// Members of a row's JSON that are text in columns of the same name; NULL where they are empty.
const TEXTS: [&str; 13] = [
    "vendor_id",
    "key",
    "team_id",
    "user_id",
    "organization_id",
    "customer",
    "session_id",
    "model",
    "model_group",
    "deployment",
    "provider",
    "call_type",
    "error",
];

/// The column of a field.
pub(super) fn column(field: RowField) -> &'static str {
    match field {
        RowField::Key => "key",
        RowField::Team => "team_id",
        RowField::User => "user_id",
        RowField::Organization => "organization_id",
        RowField::Customer => "customer",
        RowField::Session => "session_id",
        RowField::Model => "model",
        RowField::ModelGroup => "model_group",
        RowField::Deployment => "deployment",
        RowField::Provider => "provider",
        RowField::CallType => "call_type",
        RowField::Ending => "ending",
        RowField::Error => "error",
    }
}

/// Whether a call failed.
pub(super) fn failed(row: &RowRef<'_>) -> bool {
    row.ending == Ending::Failed
}

/// The moment when a call ended, in microseconds since 1970.
fn ended(row: &RowRef<'_>) -> i64 {
    row.started.0.saturating_add(number(row.took_micros))
}

pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Adds the values of a row, in the order of [`COLUMNS`], and the row as its journal has it.
pub(super) fn values(row: &RowRef<'_>, packed: &[u8], values: &mut Values) {
    values.text(&fitting(row.id));
    text(row.vendor_id, values);
    values.number(row.started.0);
    values.number(ended(row));
    match &row.key {
        Some(key) => values.text(std::str::from_utf8(&key.digits()).unwrap_or_default()),
        None => values.null(),
    }
    for one in [row.team_id, row.user_id, row.organization_id, row.customer, row.session_id] {
        text(one, values);
    }
    for one in [row.model, row.model_group, row.deployment, row.provider, row.call_type] {
        text(Some(one), values);
    }
    values.text(row.ending.name());
    values.number(failed(row));
    text(row.error, values);
    values.number(row.cache_hit);
    values.number(row.cost.0);
    values.number(number(row.prompt_tokens));
    values.number(number(row.completion_tokens));
    values.number(number(row.prompt_tokens.saturating_add(row.completion_tokens)));
    values.number(number(row.took_micros));
    // Rows of earlier programs have one.
    values.text("");
    values.bytes(packed);
}

/// A text as its column has it; NULL where it is empty.
fn text(text: Option<&str>, values: &mut Values) {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => values.text(&fitting(text)),
        None => values.null(),
    }
}

fn unreadable(why: &str) -> DatabaseError {
    DatabaseError::statement(format!("a row of the ledger: {why}"))
}

/// The row that stands in a table.
pub(super) fn read(row: &Row) -> Result<LedgerRow, DatabaseError> {
    if let Some(packed) = row.get::<Option<&[u8]>>("packed")? {
        let row = RowRef::unpack_known(packed).map(|row| row.to_row());
        return row.ok_or_else(|| unreadable("it is damaged"));
    }
    read_document(row, row.get("document")?)
}

/// The row that an earlier program wrote: a document has what no column does.
fn read_document(row: &Row, document: &str) -> Result<LedgerRow, DatabaseError> {
    let mut document: Map<String, Json> =
        serde_json::from_str(document).map_err(|_| unreadable("its document is damaged"))?;
    for name in NUMBERS {
        document.insert(name.to_owned(), row.get::<i64>(name)?.max(least(name)).into());
    }
    document.insert("cache_hit".to_owned(), row.get::<bool>("cache_hit")?.into());
    for name in ["id", "ending"] {
        document.insert(name.to_owned(), row.get::<&str>(name)?.into());
    }
    for name in TEXTS {
        if let Some(text) = row.get::<Option<&str>>(name)? {
            document.entry(name).or_insert_with(|| text.into());
        }
    }
    serde_json::from_value(Json::Object(document)).map_err(|_| unreadable("its document is damaged"))
}

/// Counts are never negative; times and money may be.
fn least(name: &str) -> i64 {
    if matches!(name, "started" | "cost") { i64::MIN } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use llm_core::money::NanoDollars;
    use llm_governance::{KeyHash, Timestamp};
    use serde_json::json;

    use super::*;
    use crate::database::Value;

    fn there_and_back(row: &LedgerRow) -> LedgerRow {
        let columns: Arc<[String]> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        let (mut packed, mut written) = (Vec::new(), Values::default());
        row.borrowed().pack(&mut packed);
        values(&row.borrowed(), &packed, &mut written);
        read(&Row::new(columns, written.some(0..COLUMNS.len()))).expect("it is read")
    }

    #[test]
    fn rows_come_back_as_they_were() {
        assert_eq!(there_and_back(&LedgerRow::default()), LedgerRow::default());
        let row = LedgerRow {
            id: "0194f5c4-1b6e-7c3a-9e51-3a1b2c4d5e6f".to_owned(),
            key: Some(KeyHash::of(b"sk-1")),
            customer: Some(String::new()),
            user_id: Some("a\0b".to_owned()),
            session_id: Some("ß".repeat(1_000)),
            model: "gpt-4o".to_owned(),
            prompt_tokens: 12,
            cost: NanoDollars(-5),
            started: Timestamp(1_700_000_000_000_000),
            ending: Ending::Cancelled,
            cache_hit: true,
            tags: vec!["one".to_owned()],
            metadata: json!({"a": "\u{0}"}).as_object().cloned().unwrap_or_default(),
            ..LedgerRow::default()
        };
        assert_eq!(there_and_back(&row), row);
    }

    #[test]
    fn rows_that_have_everything_come_back_whole() {
        // Every member of a row, with something in it that no empty row has.
        let Json::Object(empty) = json!(LedgerRow::default()) else { panic!("an object") };
        let full = |(name, value): (String, Json)| {
            let value = match (&*name, value) {
                ("key", _) => json!(KeyHash::of(b"sk-1")),
                ("ending", _) => json!("drained"),
                ("usage", _) => json!({"input": 3}),
                ("prices" | "metadata" | "request" | "response", _) => json!({"in\"put": 3.5}),
                ("tags", _) => json!(["a", "b"]),
                ("trail", _) => json!([{"step": "failed"}]),
                ("charges", _) => json!([{
                    "subject": {"scope": "team", "id": "t"},
                    "model": "m",
                    "period": {"start": 1, "end": null},
                    "amount": 7
                }]),
                ("first_content_micros", _) | (_, Json::Number(_)) => json!(11),
                (_, Json::Bool(_)) => json!(true),
                (name, _) => json!(format!("{name}!")),
            };
            (name, value)
        };
        let full: Map<String, Json> = empty.into_iter().map(full).collect();
        let row: LedgerRow = serde_json::from_value(Json::Object(full.clone())).expect("a row");
        assert_eq!(json!(there_and_back(&row)), Json::Object(full));
    }

    #[test]
    fn rows_of_earlier_programs_are_read_of_their_documents() {
        let row = LedgerRow {
            id: "a".to_owned(),
            model: "m".to_owned(),
            user_id: Some("u\0".to_owned()),
            ending: Ending::Failed,
            cost: NanoDollars(-7),
            attempts: 2,
            ..LedgerRow::default()
        };
        let mut written = Values::default();
        values(&row.borrowed(), &[], &mut written);
        let mut written = written.some(0..COLUMNS.len());
        written[COLUMNS.len() - 2] = Value::from(r#"{"user_id":"u\u0000","attempts":2}"#);
        written[COLUMNS.len() - 1] = Value::Null;
        let columns: Arc<[String]> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(read(&Row::new(columns, written)).expect("it is read"), row);
    }
}
