//! A SQLite file: who may read it, and what happens when it cannot be used.

use std::time::Duration;

use llm_store::Database;
use llm_store::database::DatabaseErrorKind;

use crate::places::{Folder, file, settings};

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.file("gateway.db");
    let _database = Database::open(&file(&path)).await.expect("it is made");
    for name in ["gateway.db", "gateway.db-wal"] {
        let mode = std::fs::metadata(folder.file(name)).expect("the file is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() {
    let folder = Folder::new();
    let nowhere = folder.file("missing/gateway.db");
    let error = Database::open(&file(&nowhere)).await.expect_err("there is no such folder");
    assert_eq!(error.kind(), DatabaseErrorKind::Unreachable);
    assert!(error.to_string().contains("missing/gateway.db"), "{error}");
    let other = folder.file("notes.txt");
    std::fs::write(&other, "this is a text and no database at all ".repeat(100)).expect("a file");
    let error = Database::open(&file(&other)).await.expect_err("it is a text");
    assert_eq!(error.kind(), DatabaseErrorKind::Statement, "{error}");
    assert!(error.to_string().contains("no SQLite database"), "{error}");
}

#[tokio::test]
async fn another_program_that_writes_makes_it_busy_for_a_while() {
    let folder = Folder::new();
    let path = folder.file("gateway.db");
    let mut impatient = file(&path);
    impatient.wait_timeout = Duration::from_millis(100);
    let database = Database::open(&impatient).await.expect("it is made");
    let other = Database::open(&file(&path)).await.expect("it is there");
    let write = "INSERT INTO llm_settings (id, document, updated_at) VALUES ('a', 'b', 0)";
    let held = other.begin().await.expect("a transaction");
    let error = database.execute(write, &[]).await.expect_err("the other one writes");
    assert_eq!(error.kind(), DatabaseErrorKind::Busy, "{error}");
    database.query("SELECT id FROM llm_settings", &[]).await.expect("reading goes on");
    drop(held);
    assert_eq!(database.execute(write, &[]).await.expect("a row"), 1);
}

#[tokio::test]
async fn what_is_in_memory_belongs_to_one_handle() {
    let one = Database::open(&settings("sqlite::memory:")).await.expect("it opens");
    let other = Database::open(&settings("sqlite::memory:")).await.expect("it opens");
    let write = "INSERT INTO llm_settings (id, document, updated_at) VALUES ('a', 'b', 0)";
    one.clone().execute(write, &[]).await.expect("a row");
    assert_eq!(one.query("SELECT id FROM llm_settings", &[]).await.expect("rows").len(), 1);
    assert!(other.query("SELECT id FROM llm_settings", &[]).await.expect("rows").is_empty());
}
