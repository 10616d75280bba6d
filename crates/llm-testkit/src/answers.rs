//! What every store of answers must do: one suite for all of them.

use std::time::Duration;

use bytes::Bytes;
use llm_core::{AnswerStore, Question, Questions};

/// Checks a store that holds nothing yet.
///
/// # Panics
/// Where it does not do what [`AnswerStore`] says.
pub async fn behaves(store: &dyn AnswerStore) {
    gives_what_it_took(store).await;
    forgets_in_time(store).await;
    keeps_questions(store).await;
    forgets_all(store).await;
}

async fn got(store: &dyn AnswerStore, key: &str) -> Option<Bytes> {
    store.get(key).await.expect("the store answers")
}

async fn put(store: &dyn AnswerStore, key: &str, value: &[u8], life: Option<Duration>) {
    store.put(key, Bytes::copy_from_slice(value), life).await.expect("the store answers");
}

async fn gives_what_it_took(store: &dyn AnswerStore) {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    assert_eq!(got(store, "a:1").await, None);
    put(store, "a:1", &all, None).await;
    put(store, "a:2", b"", Some(Duration::from_secs(60))).await;
    assert_eq!(got(store, "a:1").await.as_deref(), Some(&all[..]));
    assert_eq!(got(store, "a:2").await.as_deref(), Some(&b""[..]));
    put(store, "a:1", b"another", None).await;
    assert_eq!(got(store, "a:1").await.as_deref(), Some(&b"another"[..]));
    let large = vec![7; 300_000];
    put(store, "[large]*?", &large, None).await;
    assert_eq!(got(store, "[large]*?").await.as_deref(), Some(&large[..]));
    let keys = ["a:1", "a:2", "a:3"].map(str::to_owned);
    assert_eq!(store.delete(&keys).await.expect("the store answers"), 2);
    assert_eq!(store.delete(&[]).await.expect("the store answers"), 0);
    assert_eq!((got(store, "a:1").await, got(store, "a:2").await), (None, None));
}

async fn forgets_in_time(store: &dyn AnswerStore) {
    put(store, "soon", b"1", Some(Duration::from_millis(120))).await;
    put(store, "later", b"1", Some(Duration::from_millis(120))).await;
    put(store, "later", b"2", Some(Duration::from_secs(60))).await;
    put(store, "never", b"1", Some(Duration::from_millis(120))).await;
    put(store, "never", b"2", None).await;
    assert!(got(store, "soon").await.is_some());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(got(store, "soon").await, None);
    assert_eq!(got(store, "later").await.as_deref(), Some(&b"2"[..]));
    assert_eq!(got(store, "never").await.as_deref(), Some(&b"2"[..]));
}

async fn keeps_questions(store: &dyn AnswerStore) {
    match store.questions() {
        Questions::None => {}
        Questions::Lists(_) => keeps_lists(store).await,
        Questions::Index(_) => finds_questions(store).await,
    }
}

async fn keeps_lists(store: &dyn AnswerStore) {
    let Questions::Lists(lists) = store.questions() else { panic!("it has lists") };
    let list = || async {
        let mut items = lists.list("list").await.expect("the store answers");
        items.sort();
        items
    };
    assert!(list().await.is_empty());
    for number in 0..7u8 {
        let item = Bytes::copy_from_slice(&[number, 0, 255]);
        lists.append("list", item, 5, Some(Duration::from_secs(60))).await.expect("the store answers");
    }
    let youngest: Vec<Bytes> = (2..7).map(|number| Bytes::copy_from_slice(&[number, 0, 255])).collect();
    assert_eq!(list().await, youngest);
    assert!(lists.list("another").await.expect("the store answers").is_empty());
    store.clear().await.expect("the store answers");
    assert!(list().await.is_empty());
}

async fn finds_questions(store: &dyn AnswerStore) {
    let Questions::Index(index) = store.questions() else { panic!("it has an index") };
    let keep = |list: &'static str, vector: [f32; 3], key: &'static str, life: Option<Duration>| async move {
        let question = Question { list, vector: &vector };
        let value = Bytes::copy_from_slice(key.as_bytes());
        index.put_answer(question, key, value, life).await.expect("the store answers");
    };
    let near = |list: &'static str, least: f32, most: usize| async move {
        let question = Question { list, vector: &[1.0, 0.0, 0.0] };
        let found = index.near(question, least, most).await.expect("the store answers");
        assert!(found.iter().all(|near| near.value == near.key.as_bytes() && near.similarity >= least));
        found.into_iter().map(|near| near.key).collect::<Vec<_>>()
    };
    keep("mine", [0.0, 1.0, 0.0], "far", None).await;
    keep("mine", [0.8, 0.6, 0.0], "near", Some(Duration::from_secs(60))).await;
    keep("mine", [1.0, 0.0, 0.0], "same", None).await;
    keep("theirs", [1.0, 0.0, 0.0], "of another list", None).await;
    put(store, "without a question", b"1", None).await;
    assert_eq!(near("mine", 0.7, 3).await, ["same", "near"]);
    assert_eq!(near("mine", 0.7, 1).await, ["same"]);
    assert_eq!(near("theirs", 0.7, 3).await, ["of another list"]);
    assert!(near("nobody's", 0.0, 3).await.is_empty());
    assert_eq!(got(store, "near").await.as_deref(), Some(&b"near"[..]), "it is under its key, too");
    keep("mine", [1.0, 0.0, 0.0], "soon over", Some(Duration::from_millis(150))).await;
    keep("mine", [0.0, 0.0, 1.0], "same", None).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(near("mine", 0.7, 3).await, ["near"], "what is over and what was put elsewhere are gone");
    store.delete(&["near".to_owned()]).await.expect("the store answers");
    assert!(near("mine", 0.7, 3).await.is_empty());
}

async fn forgets_all(store: &dyn AnswerStore) {
    put(store, "some", b"1", None).await;
    store.clear().await.expect("the store answers");
    assert_eq!(got(store, "some").await, None);
    put(store, "some", b"2", None).await;
    assert!(got(store, "some").await.is_some());
}
