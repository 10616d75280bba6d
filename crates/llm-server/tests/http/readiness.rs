//! What readiness says of the database, and what a clean stop leaves behind.

use std::time::{Duration, Instant};

use llm_testkit::postgres::PostgresServer;
use serde_json::{Value, json};

use crate::hooks::pause;
use crate::money::{Node, folder};

fn database(node: &Node) -> Value {
    let answer = node.get("/health/readiness", "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["db"].clone()
}

#[test]
fn a_clean_stop_folds_the_log_of_sqlite_into_its_file() {
    let folder = folder("folded");
    let mut node = Node::start_with(&folder, "general_settings: {master_key: sk-master-of-the-tests}\n");
    assert_eq!(database(&node), "connected");
    for _ in 0..3 {
        node.key(&json!({}));
    }
    let log = folder.join("data/llm-server.db-wal");
    assert!(std::fs::metadata(&log).is_ok_and(|about| about.len() > 0), "keys are in the log first");
    let rest = node.run.rest();
    assert!(rest.contains("ended"), "{rest}");
    assert!(std::fs::metadata(&log).map_or(0, |about| about.len()) == 0, "the log is still there");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn readiness_says_when_the_database_is_gone_and_back() {
    let Some(mut postgres) = PostgresServer::start("readiness_says_when_the_database_is_gone_and_back")
    else {
        return;
    };
    let folder = folder("ready");
    let node = Node::with(&folder, &[("DATABASE_URL", postgres.url())]);
    let becomes = |wanted: &str| {
        let patience = Instant::now() + Duration::from_secs(40);
        while database(&node) != wanted {
            assert!(Instant::now() < patience, "it never becomes {wanted}");
            pause();
        }
    };
    becomes("connected");
    postgres.kill();
    becomes("disconnected");
    postgres.resume();
    becomes("connected");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn without_a_database_none_is_connected() {
    let folder = folder("no-database");
    let node = Node::with(&folder, &[("LLM_DATA_DIRECTORY", ":memory:".to_owned())]);
    assert_eq!(database(&node), "Not connected");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
