//! What one gateway changes, the others hear.
#![cfg(feature = "redis")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use llm_core::Secret;
use llm_governance::{Changed, KeyHash, Scope, Subject};
use llm_store::RedisSettings;
use llm_store::redis::Notices;
use llm_testkit::redis::RedisServer;
use parking_lot::Mutex;

/// A gateway that only listens, and what it heard.
struct Listener {
    notices: Notices,
    heard: Arc<Mutex<Vec<Changed>>>,
}

impl Listener {
    async fn start(redis: &RedisServer) -> Self {
        let url = Some(Secret::new(redis.url()));
        let settings = RedisSettings { url, ..RedisSettings::default() };
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let hear = Box::new(move |changed: &Changed| ear.lock().push(changed.clone()));
        let listener = Self { notices: Notices::start(&settings, hear).expect("a thread"), heard };
        listener.hears(&[Changed::Everything]).await;
        until(|| listener.notices.is_connected()).await;
        listener
    }

    /// Waits until it has heard just this since the last time.
    async fn hears(&self, what: &[Changed]) {
        until(|| self.heard.lock().len() >= what.len()).await;
        assert_eq!(std::mem::take(&mut *self.heard.lock()), what);
    }
}

async fn until(happens: impl Fn() -> bool) {
    let began = Instant::now();
    while !happens() {
        assert!(began.elapsed() < Duration::from_secs(15), "it does not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_one_changes_the_others_hear_and_after_a_gap_anything_may_have_changed() {
    let name = "what_one_changes_the_others_hear_and_after_a_gap_anything_may_have_changed";
    let Some(mut redis) = RedisServer::start(name) else { return };
    let one = Listener::start(&redis).await;
    let other = Listener::start(&redis).await;
    let third = Listener::start(&redis).await;
    let key = Changed::Key(KeyHash::of(b"sk-one"));
    let spent = Changed::Spent(Subject::new(Scope::Team, "a team"));
    let began = Instant::now();
    one.notices.publish(key.clone());
    one.notices.publish(spent.clone());
    other.hears(&[key.clone(), spent.clone()]).await;
    third.hears(&[key, spent]).await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(*one.heard.lock(), [], "its own words are no news");

    redis.kill();
    for listener in [&one, &other, &third] {
        until(|| !listener.notices.is_connected()).await;
    }
    let team = Changed::Team("t".to_owned());
    one.notices.publish(team.clone());
    // Gateways leave it alone for two seconds; this one is there before them.
    redis.resume();
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut raw = client.get_async_pubsub().await.expect("it is there");
    raw.subscribe("llm:changed").await.expect("a channel");
    let said = tokio::time::timeout(Duration::from_secs(10), raw.on_message().next()).await;
    let said: String = said.expect("it is told").expect("a message").get_payload().expect("text");
    assert!(said.ends_with(" team t"), "{said}");
    for listener in [&one, &other, &third] {
        until(|| listener.heard.lock().contains(&Changed::Everything)).await;
    }
}
