//! What every store of answers must do: one suite for all of them.

use std::time::Duration;

use bytes::Bytes;
use llm_core::AnswerStore;

/// Checks a store that holds nothing yet.
///
/// # Panics
/// Where it does not do what [`AnswerStore`] says.
pub async fn behaves(store: &dyn AnswerStore) {
    gives_what_it_took(store).await;
    forgets_in_time(store).await;
    keeps_lists(store).await;
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

async fn keeps_lists(store: &dyn AnswerStore) {
    let list = || async {
        let mut items = store.list("list").await.expect("the store answers");
        items.sort();
        items
    };
    assert!(list().await.is_empty());
    for number in 0..7u8 {
        let item = Bytes::copy_from_slice(&[number, 0, 255]);
        store.append("list", item, 5, Some(Duration::from_secs(60))).await.expect("the store answers");
    }
    let youngest: Vec<Bytes> = (2..7).map(|number| Bytes::copy_from_slice(&[number, 0, 255])).collect();
    assert_eq!(list().await, youngest);
    assert!(store.list("another").await.expect("the store answers").is_empty());
}

async fn forgets_all(store: &dyn AnswerStore) {
    put(store, "some", b"1", None).await;
    store.clear().await.expect("the store answers");
    assert_eq!(got(store, "some").await, None);
    assert!(store.list("list").await.expect("the store answers").is_empty());
    put(store, "some", b"2", None).await;
    assert!(got(store, "some").await.is_some());
}
