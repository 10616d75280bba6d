//! Stores of answers: a file, and a real Redis.
#![cfg(all(feature = "redis", feature = "sqlite"))]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use llm_core::{AnswerStore as _, Secret};
use llm_store::RedisSettings;
use llm_store::answers::{DiskAnswers, RedisAnswers};
use llm_testkit::answers::behaves;
use llm_testkit::redis::RedisServer;

/// A folder that no other test has.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn settings(redis: &RedisServer) -> RedisSettings {
    let (url, timeout) = (Some(Secret::new(redis.url())), Duration::from_millis(500));
    RedisSettings { url, timeout, ..RedisSettings::default() }
}

async fn connected(redis: &RedisServer) -> RedisAnswers {
    let answers = RedisAnswers::start(&settings(redis)).expect("a thread");
    let began = Instant::now();
    while !answers.is_connected() {
        assert!(began.elapsed() < Duration::from_secs(10), "redis does not answer");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    answers
}

#[tokio::test]
async fn a_file_behaves() {
    behaves(&DiskAnswers::new(folder("behaves"), 16 << 20)).await;
}

#[tokio::test]
async fn a_file_keeps_what_it_has_for_the_next_life() {
    let folder = folder("next-life");
    let first = DiskAnswers::new(&folder, 16 << 20);
    first.put("k", Bytes::from_static(b"v"), None).await.expect("a file");
    drop(first);
    let second = DiskAnswers::new(&folder, 16 << 20);
    assert_eq!(second.get("k").await.expect("a file").as_deref(), Some(&b"v"[..]));
}

#[tokio::test]
async fn a_file_lets_the_oldest_go() {
    let answers = DiskAnswers::new(folder("oldest"), 100 << 10);
    for number in 0..300 {
        answers.put(&format!("k{number}"), vec![1; 1_000].into(), None).await.expect("a file");
    }
    assert_eq!(answers.get("k0").await.expect("a file"), None);
    assert!(answers.get("k299").await.expect("a file").is_some());
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_an_error_and_no_wait() {
    let file = folder("no-folder");
    std::fs::write(&file, "a file").expect("a folder for files");
    let began = Instant::now();
    let error = DiskAnswers::new(file.join("below"), 1 << 20).get("k").await.expect_err("no folder");
    assert!(error.message().contains("cannot be used"), "{}", error.message());
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_behaves_and_clears_nothing_of_others() {
    let Some(redis) = RedisServer::start("redis_behaves_and_clears_nothing_of_others") else { return };
    let others = RedisSettings { prefix: "llm*".to_owned(), ..settings(&redis) };
    let others = RedisAnswers::start(&others).expect("a thread");
    let answers = connected(&redis).await;
    while !others.is_connected() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    answers.put("mine", Bytes::from_static(b"1"), None).await.expect("redis");
    others.clear().await.expect("redis");
    assert!(answers.get("mine").await.expect("redis").is_some(), "a star in a prefix is a star");
    others.put("theirs", Bytes::from_static(b"1"), None).await.expect("redis");
    behaves(&answers).await;
    assert!(others.get("theirs").await.expect("redis").is_some());
    let server = answers.server().await.expect("redis");
    assert!(server.iter().any(|(name, _)| name == "redis_version"), "{server:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_keeps_another_has_and_one_that_is_gone_is_an_error() {
    let test = "what_one_gateway_keeps_another_has_and_one_that_is_gone_is_an_error";
    let Some(redis) = RedisServer::start(test) else { return };
    let (one, other) = (connected(&redis).await, connected(&redis).await);
    one.put("k", Bytes::from_static(b"v"), None).await.expect("redis");
    assert_eq!(other.get("k").await.expect("redis").as_deref(), Some(&b"v"[..]));
    drop(redis);
    let began = Instant::now();
    assert!(one.get("k").await.is_err());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
