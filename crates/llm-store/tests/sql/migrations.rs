//! Tables are brought up to date once, and never by a program that does not know them.

use llm_store::Database;
use llm_store::database::DatabaseErrorKind;

use crate::places::{everywhere, settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_start_together_make_the_tables_once() {
    for place in everywhere("gateways_that_start_together_make_the_tables_once").await {
        let opened = futures_util::future::join_all((0..8).map(|_| place.open())).await;
        let text = "SELECT COUNT(*) AS steps, MAX(version) AS latest FROM llm_migrations";
        let row = opened[0].query_one(text, &[]).await.expect("an answer").expect("a row");
        let steps = row.get::<i64>("steps").expect("a number");
        assert!(steps > 0, "{}", place.kind);
        assert_eq!(steps, row.get::<i64>("latest").expect("a number"), "{}", place.kind);
    }
}

#[tokio::test]
async fn a_database_of_a_newer_gateway_is_refused() {
    for place in everywhere("a_database_of_a_newer_gateway_is_refused").await {
        if !place.lasts() {
            continue;
        }
        let newer =
            "INSERT INTO llm_migrations (version, name, checksum, applied_at) VALUES (9999, 'future', '', 0)";
        place.open().await.execute(newer, &[]).await.expect("a row");
        let error = Database::open(&place.settings).await.expect_err("it is newer");
        assert_eq!(error.kind(), DatabaseErrorKind::Schema, "{}: {error}", place.kind);
        assert!(error.to_string().contains("newer") && error.to_string().contains("9999"), "{error}");
    }
}

#[tokio::test]
async fn a_step_that_was_changed_is_refused() {
    for place in everywhere("a_step_that_was_changed_is_refused").await {
        if !place.lasts() {
            continue;
        }
        let other = "UPDATE llm_migrations SET checksum = 'other' WHERE version = 1";
        place.open().await.execute(other, &[]).await.expect("a change");
        let error = Database::open(&place.settings).await.expect_err("it is another step");
        assert_eq!(error.kind(), DatabaseErrorKind::Schema, "{}: {error}", place.kind);
    }
}

#[tokio::test]
async fn addresses_of_no_database_are_refused_without_repeating_them() {
    for url in ["mysql://u:hunter2@h/d", "", "/var/lib/hunter2.db", "postgres://u:hunter2@h:port/d"] {
        let error = Database::connect(&settings(url)).expect_err("no database");
        assert_eq!(error.kind(), DatabaseErrorKind::Settings, "{url}");
        assert!(!error.to_string().contains("hunter2@"), "{error}");
    }
}
