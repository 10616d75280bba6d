//! Rows, and what must be true of a database after they were booked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use llm_core::money::NanoDollars;
use llm_governance::{Charge, Ending, KeyHash, Ledger, LedgerRow, Period, Scope, Subject, Timestamp};
use llm_store::{Database, Drain, DrainSettings, Journal, JournalSettings};
use serde_json::json;

/// Midnight of 21 November 2026.
pub(crate) const MIDNIGHT: i64 = 1_795_219_200_000_000;

pub(crate) const MONTH: Period =
    Period { start: Timestamp(1_793_491_200_000_000), end: Some(Timestamp(1_796_083_200_000_000)) };

/// A row whose content follows from a number.
pub(crate) fn row(id: &str, number: i64) -> LedgerRow {
    let key = KeyHash::of(format!("sk-{}", number % 3).as_bytes());
    let cost = NanoDollars(number % 7 * 1_000);
    let charge = |scope, id: &str, period| Charge {
        subject: Subject::new(scope, id),
        model: None,
        period,
        amount: cost,
    };
    let count = u64::try_from(number).expect("it is positive");
    LedgerRow {
        id: id.to_owned(),
        vendor_id: Some(format!("vendor-{id}")),
        call_type: "acompletion".to_owned(),
        key: Some(key),
        team_id: (number % 2 == 0).then(|| "team".to_owned()),
        user_id: Some(format!("user-{}", number % 4)),
        customer: (number % 5 == 0).then(|| "customer".to_owned()),
        tags: if number % 3 == 0 { vec!["a".to_owned(), "b".to_owned()] } else { Vec::new() },
        model: format!("model-{}", number % 2),
        model_group: format!("model-{}", number % 2),
        upstream_model: "vendor/model".to_owned(),
        provider: "vendor".to_owned(),
        prompt_tokens: count,
        completion_tokens: 2 * count,
        usage: json!({"cache_read": 1}).as_object().cloned().unwrap_or_default(),
        cost,
        started: Timestamp(MIDNIGHT + number * 1_000_000),
        took_micros: 1_000 + count,
        first_content_micros: (number % 2 == 0).then_some(500),
        status: if number % 10 == 9 { 500 } else { 200 },
        ending: if number % 10 == 9 { Ending::Failed } else { Ending::Complete },
        charges: vec![charge(Scope::Key, &key.hex(), MONTH), charge(Scope::Global, "", Period::EVER)],
        ..LedgerRow::default()
    }
}

pub(crate) fn journal(folder: &Path) -> Arc<Journal> {
    Arc::new(Journal::open(JournalSettings::new(folder)).expect("the journal opens"))
}

pub(crate) fn drain(journal: &Arc<Journal>, database: &Database) -> Arc<Drain> {
    Arc::new(Drain::new(Arc::clone(journal), database.clone(), DrainSettings::default()))
}

/// Writes rows to a journal and books them.
pub(crate) async fn book(database: &Database, rows: &[LedgerRow]) -> u64 {
    let folder = crate::places::Folder::new();
    let journal = journal(&folder.file("journal"));
    for row in rows {
        journal.record(&row.borrowed()).expect("there is room");
    }
    drain(&journal, database).recover().await.expect("it is booked")
}

pub(crate) async fn number(database: &Database, text: &str) -> i64 {
    let row = database.query_one(text, &[]).await.expect("an answer").expect("a row");
    row.get("n").expect("a number")
}

/// The ids of all rows.
pub(crate) async fn ids(database: &Database) -> Vec<String> {
    let rows = database.query("SELECT id FROM llm_ledger ORDER BY id", &[]).await.expect("an answer");
    rows.iter().map(|row| row.get("id").expect("an id")).collect()
}

const COUNTS: [&str; 11] = [
    "requests",
    "failures",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost",
    "took_micros",
    "first_content_micros",
    "first_contents",
];

/// That what is kept of subjects as a whole is what is kept of their keys and models, column by column.
pub(crate) async fn subjects_are_those_of_the_sums(database: &Database) {
    let sums = COUNTS.map(|name| format!("CAST(SUM({name}) AS BIGINT) AS {name}")).join(", ");
    for (span, day) in [(1, "day"), (8, "day / 8 * 8")] {
        let wanted = format!(
            "SELECT scope, subject, {day} AS first, {sums} FROM llm_daily WHERE scope <> 'global' \
             GROUP BY scope, subject, {day} ORDER BY scope, subject, {day}"
        );
        let columns = COUNTS.join(", ");
        let kept = format!(
            "SELECT scope, subject, day AS first, {columns} FROM llm_daily_subjects WHERE span = {span} \
             ORDER BY scope, subject, day"
        );
        let wanted = database.query(&wanted, &[]).await.expect("an answer");
        let kept = database.query(&kept, &[]).await.expect("an answer");
        let shown = |rows: &[llm_store::Row]| rows.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>();
        assert_eq!(shown(&wanted), shown(&kept), "{span}");
    }
}

/// That the sums by day and the counters of what was spent are those of the rows, to the last nano-dollar.
pub(crate) async fn sums_are_those_of_the_rows(database: &Database) {
    let by = async |text: String| {
        let rows = database.query(&text, &[]).await.expect("an answer");
        let pair = |row: &llm_store::Row| {
            let count = |name| row.get::<i64>(name).expect("a number");
            (row.get::<String>("id").expect("text"), (count("calls"), count("cost")))
        };
        rows.iter().map(pair).collect::<BTreeMap<_, _>>()
    };
    for (scope, column) in
        [("key", "key"), ("team", "team_id"), ("user", "user_id"), ("customer", "customer")]
    {
        let rows = by(format!(
            "SELECT {column} AS id, COUNT(*) AS calls, CAST(SUM(cost) AS BIGINT) AS cost FROM llm_ledger \
             WHERE {column} IS NOT NULL GROUP BY {column}"
        ));
        let rows = rows.await;
        for table in [
            "llm_daily WHERE",
            "llm_daily_subjects WHERE span = 1 AND",
            "llm_daily_subjects WHERE span = 8 AND",
        ] {
            let daily = by(format!(
                "SELECT subject AS id, CAST(SUM(requests) AS BIGINT) AS calls, CAST(SUM(cost) AS BIGINT) AS cost \
                 FROM {table} scope = '{scope}' GROUP BY subject"
            ));
            assert_eq!(rows, daily.await, "{table} {scope}");
        }
    }
    subjects_are_those_of_the_sums(database).await;
    let cost = number(database, "SELECT CAST(COALESCE(SUM(cost), 0) AS BIGINT) AS n FROM llm_ledger").await;
    for table in ["llm_daily WHERE scope = 'global'", "llm_daily WHERE scope = 'key'"] {
        let text = format!("SELECT CAST(COALESCE(SUM(cost), 0) AS BIGINT) AS n FROM {table}");
        assert_eq!(number(database, &text).await, cost, "{table}");
    }
    for which in ["scope = 'global'", "scope = 'key' AND period_end = 0", "scope = 'key' AND period_end <> 0"]
    {
        let text =
            format!("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS n FROM llm_spent WHERE {which}");
        assert_eq!(number(database, &text).await, cost, "{which}");
    }
}
