//! What one gateway changes, the others hear.
#![cfg(feature = "redis")]

use std::sync::Arc;
use std::time::{Duration, Instant};

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
    redis.resume();
    for listener in [&one, &other, &third] {
        until(|| listener.notices.is_connected()).await;
        until(|| listener.heard.lock().contains(&Changed::Everything)).await;
    }
    // Whoever listens again before it is told hears it; whoever does not hears that anything may have changed.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for listener in [&one, &other, &third] {
        let heard = listener.heard.lock().clone();
        assert!(heard.iter().all(|one| [&Changed::Everything, &team].contains(&one)), "{heard:?}");
    }
}
