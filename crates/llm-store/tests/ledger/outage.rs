//! A database that is stopped, killed and started while calls are recorded.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use llm_governance::Ledger;
use llm_store::Database;
use llm_testkit::postgres::PostgresServer;

use crate::common::{drain, ids, journal, row, sums_are_those_of_the_rows};
use crate::places::{Folder, settings};

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_stopped_and_killed_has_every_row_once() {
    let Some(mut server) = PostgresServer::start("a_database_that_was_stopped_and_killed") else { return };
    let database = Database::open(&settings(&server.url())).await.expect("it is there");
    let folder = Folder::new();
    let journal = journal(&folder.file("journal"));
    let drain = drain(&journal, &database);
    let thread = drain.start().expect("a thread");
    let mut written = 0;
    let mut write = |rows: i64| {
        for _ in 0..rows {
            journal.record(&row(&format!("row {written:06}"), written).borrowed()).expect("there is room");
            written += 1;
        }
        written
    };
    for crash in [false, true, false] {
        write(300);
        until("rows are booked", || drain.status().booked > 0).await;
        write(1_000);
        if crash {
            server.kill();
        } else {
            server.stop();
        }
        write(500);
        until("it is noticed", || drain.status().failing.is_some()).await;
        assert!(journal.status().rows >= 500, "rows wait");
        server.resume();
        until("it books again", || drain.status().failing.is_none() && journal.status().rows == 0).await;
    }
    let written = write(10);
    drop(thread);
    assert_eq!(journal.status().rows, 0, "the last rows are booked when the thread ends");
    let found = ids(&database).await;
    let all: BTreeSet<_> = (0..written).map(|number| format!("row {number:06}")).collect();
    let once: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(all.difference(&once).next(), None, "nothing is lost");
    assert_eq!((found.len(), once.len()), (all.len(), all.len()), "nothing is doubled");
    sums_are_those_of_the_rows(&database).await;
}

#[tokio::test]
async fn a_database_that_is_away_at_the_start_gets_the_rows_later() {
    let Some(mut server) = PostgresServer::start("a_database_that_is_away_at_the_start") else { return };
    let database = Database::open(&settings(&server.url())).await.expect("it is there");
    server.stop();
    let folder = Folder::new();
    let journal = journal(&folder.file("journal"));
    journal.record(&row("one", 1).borrowed()).expect("there is room");
    let drain = drain(&journal, &database);
    drain.recover().await.expect_err("it is away");
    assert_eq!(journal.status().rows, 1);
    server.resume();
    assert_eq!(drain.recover().await.expect("it is there"), 1);
}
