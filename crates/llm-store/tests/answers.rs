//! Stores of answers: a file, a real Redis, and what speaks as Qdrant and S3 do.
#![cfg(all(feature = "qdrant", feature = "redis", feature = "s3", feature = "sqlite"))]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use llm_core::wire::WireRequest;
use llm_core::{AnswerStore, Authenticator, BoxFuture, Question, Questions, Result, Secret};
use llm_store::answers::{DiskAnswers, ObjectAnswers, QdrantAnswers, RedisAnswers};
use llm_store::{ObjectSettings, QdrantSettings, Quantization, RedisSettings};
use llm_testkit::answers::behaves;
use llm_testkit::fake_objects::FakeObjects;
use llm_testkit::fake_qdrant::FakeQdrant;
use llm_testkit::redis::RedisServer;
use serde_json::json;

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

fn in_qdrant(url: String, vector_size: Option<usize>) -> QdrantAnswers {
    let (key, timeout) = (Some(Secret::new("qk-1".to_owned())), Duration::from_secs(2));
    let (collection, quantization) = ("kept".to_owned(), Quantization::Scalar);
    let settings = QdrantSettings { url, key, collection, vector_size, quantization, timeout };
    QdrantAnswers::new(settings).expect("an address")
}

async fn ask(store: &dyn AnswerStore, vector: &[f32]) -> Result<usize> {
    let Questions::Index(index) = store.questions() else { panic!("qdrant has an index") };
    index.near(Question { list: "list", vector }, 0.5, 3).await.map(|found| found.len())
}

async fn keep(store: &dyn AnswerStore, vector: &[f32], key: &str) -> Result<()> {
    let Questions::Index(index) = store.questions() else { panic!("qdrant has an index") };
    index.put_answer(Question { list: "list", vector }, key, Bytes::from_static(b"v"), None).await
}

#[tokio::test]
async fn qdrant_behaves_and_clears_nothing_of_others() {
    let qdrant = FakeQdrant::start(Some("qk-1"));
    let answers = in_qdrant(qdrant.url(), Some(3));
    let nothing = answers.get("k").await.expect("it answers");
    assert_eq!((nothing, qdrant.made("kept")), (None, json!(null)), "a look makes no collection");
    behaves(&answers).await;
    let made = qdrant.made("kept");
    assert_eq!(made["vectors"], json!({"size": 3, "distance": "Cosine"}));
    assert_eq!(made["quantization_config"]["scalar"]["type"], "int8");
    qdrant.put("kept", json!({"id": 7, "vector": [1, 0, 0], "payload": {"text": "of others"}}));
    answers.clear().await.expect("it answers");
    let left = qdrant.points("kept");
    assert_eq!(left.iter().map(|point| &point["id"]).collect::<Vec<_>>(), [&json!(7)]);
    let other = in_qdrant(qdrant.url(), None);
    other.put("k", Bytes::from_static(b"v"), None).await.expect("it answers");
    assert!(answers.get("k").await.expect("it answers").is_some(), "one gateway keeps, another has it");
}

#[tokio::test]
async fn a_collection_is_made_of_the_first_question_or_taken_as_it_is() {
    let qdrant = FakeQdrant::start(Some("qk-1"));
    let answers = in_qdrant(qdrant.url(), None);
    answers.put("early", Bytes::from_static(b"v"), None).await.expect("nobody knows how long vectors are");
    assert_eq!(ask(&answers, &[1.0, 0.0]).await.expect("it answers"), 0);
    assert_eq!(qdrant.made("kept"), json!(null));
    keep(&answers, &[1.0, 0.0], "k").await.expect("it answers");
    assert_eq!(qdrant.made("kept")["vectors"]["size"], 2);
    assert_eq!(ask(&answers, &[0.9, 0.1]).await.expect("it answers"), 1);
    for refused in [ask(&answers, &[1.0; 3]).await.map(|_| ()), keep(&answers, &[1.0; 3], "l").await] {
        let error = refused.expect_err("other vectors");
        let words = "is for vectors of 2 numbers, and the embedding model makes 3: name another collection";
        assert!(error.message().ends_with(words), "{}", error.message());
    }

    let others = FakeQdrant::start(None);
    others.make("kept", json!({"vectors": {"size": 2, "distance": "Dot"}}));
    let answers = in_qdrant(others.url(), None);
    let error = keep(&answers, &[1.0, 0.0], "k").await.expect_err("products are no cosines");
    assert!(error.message().contains("compared by their cosine"), "{}", error.message());
}

#[tokio::test]
async fn a_qdrant_that_refuses_or_is_gone_is_an_error_soon() {
    let qdrant = FakeQdrant::start(Some("another key"));
    let answers = in_qdrant(qdrant.url(), Some(2));
    let error = answers.get("k").await.expect_err("another key");
    assert_eq!(error.message(), "qdrant answered with status 401");
    assert!(!format!("{answers:?}").contains("qk-1"));
    drop(qdrant);
    let gone = in_qdrant("http://127.0.0.1:9".to_owned(), Some(2));
    let began = Instant::now();
    for _ in 0..100 {
        let error = gone.get("k").await.expect_err("nobody is there");
        assert_eq!(error.message(), "qdrant does not answer");
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// Signs as far as the store of the tests looks.
struct Signer;

impl Authenticator for Signer {
    fn authenticate<'a>(&'a self, request: &'a mut WireRequest, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            let signature = "AWS4-HMAC-SHA256 Credential=x".parse().expect("a value");
            request.headers.insert("authorization", signature);
            request.headers.insert("x-amz-content-sha256", "0".parse().expect("a value"));
            Ok(())
        })
    }
}

fn as_objects(url: &str) -> ObjectAnswers {
    let (url, prefix) = (format!("{url}/bucket"), "team/".to_owned());
    let settings = ObjectSettings { url, prefix, timeout: Duration::from_secs(2) };
    ObjectAnswers::new(&settings, Arc::new(Signer)).expect("an address")
}

#[tokio::test]
async fn objects_behave_and_those_of_others_stay() {
    let objects = FakeObjects::start();
    for name in ["team/llm-answers.txt", "llm-answers/k", "team/other"] {
        objects.put(name, b"of others");
    }
    let answers = as_objects(&objects.url());
    behaves(&answers).await;
    for number in 0..10 {
        answers.put(&format!("ns:{number}"), Bytes::from_static(b"v"), None).await.expect("it answers");
    }
    let names = objects.names();
    assert!(names.contains(&"team/llm-answers/ns_3A7".to_owned()) && names.len() == 14, "{names:?}");
    answers.clear().await.expect("it answers");
    assert_eq!(objects.names(), ["llm-answers/k", "team/llm-answers.txt", "team/other"]);
    drop(objects);
    let gone = as_objects("http://127.0.0.1:9").get("k").await.expect_err("nobody is there");
    assert_eq!(gone.message(), "the store of objects does not answer");
}
