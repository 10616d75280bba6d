//! A row of the ledger as it stands in its table: columns for lists, and a document with the rest.

use llm_governance::{Ending, LedgerRow, RowField, RowRef};
use serde_json::{Map, Value as Json};

use super::document::Document;
use crate::database::{DatabaseError, Row, Value, fitting};

/// The columns of `llm_ledger`, in the order of [`values`].
pub(super) const COLUMNS: [&str; 25] = [
    "id",
    "started",
    "ended",
    "failed",
    "total_tokens",
    "cost",
    "prompt_tokens",
    "completion_tokens",
    "took_micros",
    "cache_hit",
    "ending",
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
    "document",
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

/// Adds a row's values, in the order of [`COLUMNS`].
pub(super) fn values(row: &RowRef<'_>, values: &mut Vec<Value>) -> Result<(), DatabaseError> {
    let total = row.prompt_tokens.saturating_add(row.completion_tokens);
    values.extend([
        Value::from(&*fitting(row.id)),
        row.started.0.into(),
        ended(row).into(),
        failed(row).into(),
        number(total).into(),
        row.cost.0.into(),
        number(row.prompt_tokens).into(),
        number(row.completion_tokens).into(),
        number(row.took_micros).into(),
        row.cache_hit.into(),
        row.ending.name().into(),
    ]);
    let key = row.key.map(|key| key.hex());
    let mut document = Document::new();
    for (name, text) in TEXTS.into_iter().zip(texts(row, key.as_deref())) {
        values.push(column_of(name, text, &mut document));
    }
    let document = document.of(row).map_err(|_| unreadable("it cannot be written as JSON"))?;
    values.push(Value::Text(document));
    Ok(())
}

/// The texts of [`TEXTS`]; `None` where a row has none.
fn texts<'a>(row: &'a RowRef<'_>, key: Option<&'a str>) -> [Option<&'a str>; TEXTS.len()] {
    let named = |text: &'a str| Some(text).filter(|text| !text.is_empty());
    [
        row.vendor_id,
        key,
        row.team_id,
        row.user_id,
        row.organization_id,
        row.customer,
        row.session_id,
        named(row.model),
        named(row.model_group),
        named(row.deployment),
        named(row.provider),
        named(row.call_type),
        row.error,
    ]
}

/// A text as its column has it. It stands in the document too where the column cannot hold it as it is.
fn column_of(name: &'static str, text: Option<&str>, document: &mut Document) -> Value {
    let Some(text) = text else { return Value::Null };
    let fitting = fitting(text);
    if text.is_empty() || fitting != text {
        document.text(name, text);
    }
    if text.is_empty() { Value::Null } else { Value::from(&*fitting) }
}

fn unreadable(why: &str) -> DatabaseError {
    DatabaseError::statement(format!("a row of the ledger: {why}"))
}

/// The row that stands in a table.
pub(super) fn read(row: &Row) -> Result<LedgerRow, DatabaseError> {
    let document: &str = row.get("document")?;
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

    fn there_and_back(row: &LedgerRow) -> LedgerRow {
        let columns: Arc<[String]> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        let mut written = Vec::new();
        values(&row.borrowed(), &mut written).expect("it is written");
        read(&Row::new(columns, written)).expect("it is read")
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
    fn a_document_holds_only_what_no_column_does() {
        let row =
            LedgerRow { id: "a".to_owned(), model: "m".to_owned(), attempts: 2, ..LedgerRow::default() };
        let mut written = Vec::new();
        values(&row.borrowed(), &mut written).expect("it is written");
        assert_eq!(written.last(), Some(&Value::from("{\"attempts\":2}")));
    }
}
