//! What every kind of database does alike.

use std::time::Duration;

use llm_store::database::{Batch, DatabaseErrorKind};
use llm_store::{Database, DatabaseError, Value};

use crate::places::{Place, everywhere};

const TABLE: &str =
    "CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT, amount BIGINT, share DOUBLE PRECISION)";

async fn with_things(place: &Place) -> Database {
    let database = place.open().await;
    database.execute(TABLE, &[]).await.expect("a table");
    database
}

async fn add(database: &Database, id: &str, amount: i64) -> Result<u64, DatabaseError> {
    let text = "INSERT INTO things (id, amount) VALUES ($1, $2)";
    database.execute(text, &[id.into(), amount.into()]).await
}

async fn sum(database: &Database) -> i64 {
    let text = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS sum FROM things";
    let row = database.query_one(text, &[]).await.expect("an answer").expect("a row");
    row.get("sum").expect("a number")
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    for place in everywhere("values_come_back_as_they_went").await {
        let database = with_things(&place).await;
        let text = "INSERT INTO things (id, name, amount, share) VALUES ($2, $1, $4, $3)";
        let long = "snow \u{2603} and 'quotes' \"both\" \\ ".repeat(1_000);
        let rows = [
            [long.as_str().into(), "1".into(), 0.1.into(), i64::MAX.into()],
            [Value::Null, "2".into(), Value::Null, Value::Null],
            ["".into(), "3".into(), (-1e300).into(), i64::MIN.into()],
        ];
        for row in &rows {
            assert_eq!(database.execute(text, row).await.expect("a row"), 1, "{}", place.kind);
        }
        let found = database.query("SELECT name, id, share, amount FROM things ORDER BY id", &[]).await;
        let found = found.expect("rows");
        let found: Vec<_> = found.iter().map(|row| row.values().to_vec()).collect();
        assert_eq!(found, rows.map(Vec::from), "{}", place.kind);
    }
}

#[tokio::test]
async fn a_parameter_may_stand_twice_and_rows_can_be_returned() {
    for place in everywhere("a_parameter_may_stand_twice_and_rows_can_be_returned").await {
        let database = with_things(&place).await;
        add(&database, "a", 5).await.expect("a row");
        let text = "INSERT INTO things (id, name, amount) VALUES ($1, $1, $2) \
                    ON CONFLICT (id) DO UPDATE SET amount = things.amount + $2 RETURNING amount";
        for expected in [8, 11] {
            let row = database.query_one(text, &["a".into(), 3.into()]).await.expect("an answer");
            assert_eq!(
                row.expect("a row").get::<i64>("amount").expect("a number"),
                expected,
                "{}",
                place.kind
            );
        }
        let yes = database.query_one("SELECT 2 > 1 AS yes", &[]).await.expect("an answer").expect("a row");
        assert!(yes.get::<bool>("yes").expect("0 or 1"), "{}", place.kind);
    }
}

#[tokio::test]
async fn changes_are_counted() {
    for place in everywhere("changes_are_counted").await {
        let database = with_things(&place).await;
        for id in ["a", "b", "c"] {
            add(&database, id, 1).await.expect("a row");
        }
        let again = "INSERT INTO things (id) VALUES ($1) ON CONFLICT (id) DO NOTHING";
        assert_eq!(database.execute(again, &["a".into()]).await.expect("nothing"), 0, "{}", place.kind);
        let text = "UPDATE things SET amount = amount + 1 WHERE id <> $1";
        assert_eq!(database.execute(text, &["a".into()]).await.expect("rows"), 2, "{}", place.kind);
        assert_eq!(database.execute("DELETE FROM things", &[]).await.expect("rows"), 3, "{}", place.kind);
    }
}

#[tokio::test]
async fn a_key_that_is_there_is_a_conflict() {
    for place in everywhere("a_key_that_is_there_is_a_conflict").await {
        let database = with_things(&place).await;
        database.execute("CREATE UNIQUE INDEX things_name ON things (name)", &[]).await.expect("an index");
        add(&database, "secret-id", 1).await.expect("a row");
        let error = add(&database, "secret-id", 2).await.expect_err("it is there");
        assert!(error.is_conflict() && !error.may_pass(), "{}: {error}", place.kind);
        assert!(!error.to_string().contains("secret-id"), "{error}");
        let text = "INSERT INTO things (id, name) VALUES ($1, 'n')";
        database.execute(text, &["x".into()]).await.expect("a row");
        let error = database.execute(text, &["y".into()]).await.expect_err("the name is there");
        assert!(error.is_conflict(), "{}: {error}", place.kind);
    }
}

#[tokio::test]
async fn mistakes_are_told_apart_from_trouble_that_passes() {
    for place in everywhere("mistakes_are_told_apart_from_trouble_that_passes").await {
        let database = with_things(&place).await;
        for (text, values) in [
            ("SELECT nothing FROM nowhere", vec![]),
            ("SELEC 1", vec![]),
            ("SELECT id FROM things WHERE id = $1", vec![]),
        ] {
            let error = database.query(text, &values).await.expect_err("a mistake");
            assert_eq!(error.kind(), DatabaseErrorKind::Statement, "{}: {text}: {error}", place.kind);
        }
        assert_eq!(sum(&database).await, 0, "{}: it still answers", place.kind);
    }
}

#[tokio::test]
async fn a_transaction_happens_whole_or_not_at_all() {
    for place in everywhere("a_transaction_happens_whole_or_not_at_all").await {
        let database = with_things(&place).await;
        let insert = "INSERT INTO things (id, amount) VALUES ($1, $2)";
        let mut dropped = database.begin().await.expect("a transaction");
        dropped.execute(insert, &["a".into(), 1.into()]).await.expect("a row");
        let inside = dropped.query("SELECT id FROM things", &[]).await.expect("rows");
        assert_eq!(inside.len(), 1, "{}: it sees its own", place.kind);
        drop(dropped);
        assert_eq!(sum(&database).await, 0, "{}", place.kind);

        let mut kept = database.begin().await.expect("a transaction");
        kept.execute(insert, &["a".into(), 1.into()]).await.expect("a row");
        kept.execute(insert, &["b".into(), 2.into()]).await.expect("a row");
        kept.commit().await.expect("it lasts");
        assert_eq!(sum(&database).await, 3, "{}", place.kind);

        let mut failed = database.begin().await.expect("a transaction");
        failed.execute(insert, &["c".into(), 4.into()]).await.expect("a row");
        let error = failed.execute(insert, &["a".into(), 1.into()]).await.expect_err("it is there");
        assert!(error.is_conflict(), "{}: {error}", place.kind);
        failed.execute(insert, &["d".into(), 8.into()]).await.expect_err("nothing comes after");
        failed.commit().await.expect_err("half of it must not last");
        assert_eq!(sum(&database).await, 3, "{}", place.kind);
    }
}

#[tokio::test]
async fn others_do_not_see_what_is_not_committed() {
    for place in everywhere("others_do_not_see_what_is_not_committed").await {
        if !place.lasts() {
            continue;
        }
        let database = with_things(&place).await;
        let mut open = database.begin().await.expect("a transaction");
        open.execute("INSERT INTO things (id, amount) VALUES ('a', 1)", &[]).await.expect("a row");
        assert_eq!(sum(&database).await, 0, "{}: reads go on beside it", place.kind);
        open.commit().await.expect("it lasts");
        assert_eq!(sum(&database).await, 1, "{}", place.kind);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_many_write_at_once() {
    for place in everywhere("nothing_is_lost_when_many_write_at_once").await {
        let database = with_things(&place).await;
        add(&database, "shared", 0).await.expect("a row");
        let writers = (0..20).map(|number| {
            let database = database.clone();
            tokio::spawn(async move {
                for step in 0..10 {
                    let text = "UPDATE things SET amount = amount + 1 WHERE id = 'shared'";
                    database.execute(text, &[]).await.expect("a change");
                    let mut both = database.begin().await.expect("a transaction");
                    both.execute(text, &[]).await.expect("a change");
                    let id = format!("{number}-{step}");
                    let text = "INSERT INTO things (id, amount) VALUES ($1, 1)";
                    both.execute(text, &[id.into()]).await.expect("a row");
                    both.commit().await.expect("it lasts");
                }
            })
        });
        futures_util::future::join_all(writers).await.into_iter().for_each(|one| one.expect("none failed"));
        assert_eq!(sum(&database).await, 600, "{}", place.kind);
    }
}

#[tokio::test]
async fn many_rows_go_in_at_once() {
    for place in everywhere("many_rows_go_in_at_once").await {
        let database = with_things(&place).await;
        let batch = Batch {
            table: "things",
            columns: &["id", "name", "amount"],
            conflict: "ON CONFLICT (id) DO NOTHING",
        };
        let rows = |from: i64| {
            (from..from + 5_000).map(|number| vec![format!("{number:06}").into(), Value::Null, 1.into()])
        };
        assert_eq!(database.insert_many(batch, rows(0)).await.expect("rows"), 5_000, "{}", place.kind);
        assert_eq!(database.insert_many(batch, rows(2_500)).await.expect("rows"), 2_500, "{}", place.kind);
        assert_eq!(sum(&database).await, 7_500, "{}", place.kind);
        let strict = Batch { conflict: "", ..batch };
        let error = database.insert_many(strict, rows(7_000)).await.expect_err("some are there");
        assert!(error.is_conflict(), "{}: {error}", place.kind);
        assert_eq!(sum(&database).await, 7_500, "{}: none of them", place.kind);
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) \
                   SELECT COUNT(*) AS c FROM n";
    for mut place in everywhere("a_statement_that_takes_too_long_is_stopped").await {
        place.settings.statement_timeout = Duration::from_millis(300);
        let database = place.open().await;
        for text in [forever.to_owned(), format!("SELECT c FROM ({forever}) AS t")] {
            let began = std::time::Instant::now();
            let error = database.query(&text, &[]).await.expect_err("it would run for minutes");
            assert_eq!(error.kind(), DatabaseErrorKind::Busy, "{}: {error}", place.kind);
            assert!(began.elapsed() < Duration::from_secs(10), "{}: {:?}", place.kind, began.elapsed());
        }
        database.query("SELECT 1 AS one", &[]).await.expect("it still answers");
    }
}

#[tokio::test]
async fn what_is_closed_says_so() {
    for place in everywhere("what_is_closed_says_so").await {
        let database = with_things(&place).await;
        add(&database, "a", 7).await.expect("a row");
        database.close().await;
        let error = add(&database, "b", 1).await.expect_err("it is closed");
        assert_eq!(error.kind(), DatabaseErrorKind::Unreachable, "{}: {error}", place.kind);
        if place.lasts() {
            assert_eq!(sum(&place.open().await).await, 7, "{}", place.kind);
        }
    }
}
