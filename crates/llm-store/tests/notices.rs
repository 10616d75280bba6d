//! What one gateway changes, the others hear.
#![cfg(all(feature = "redis", feature = "postgres"))]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use llm_core::Secret;
use llm_governance::{Changed, KeyHash, Scope, Subject};
use llm_store::shared::Notices;
use llm_store::{DatabaseSettings, RedisSettings};
use llm_testkit::postgres::PostgresServer;
use llm_testkit::redis::RedisServer;
use parking_lot::Mutex;

/// A gateway that only listens, and what it heard.
struct Listener {
    notices: Notices,
    heard: Arc<Mutex<Vec<Changed>>>,
}

impl Listener {
    async fn start(url: String) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let hear = Box::new(move |changed: &Changed| ear.lock().push(changed.clone()));
        let url = Secret::new(url);
        let notices = if url.expose().starts_with("redis") {
            let settings = RedisSettings { url: Some(url), ..RedisSettings::default() };
            Notices::through_redis(&settings, hear)
        } else {
            Notices::through_postgres(&DatabaseSettings::new(url), hear)
        };
        let listener = Self { notices: notices.expect("a thread"), heard };
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

/// Three gateways tell each other of changes.
async fn three(url: &str) -> [Listener; 3] {
    let one = Listener::start(url.to_owned()).await;
    let other = Listener::start(url.to_owned()).await;
    let third = Listener::start(url.to_owned()).await;
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
    [one, other, third]
}

async fn are(all: &[Listener; 3], connected: bool) {
    for listener in all {
        until(|| listener.notices.is_connected() == connected).await;
    }
}

#[tokio::test]
async fn what_one_changes_the_others_hear_and_after_a_gap_anything_may_have_changed() {
    let name = "what_one_changes_the_others_hear_and_after_a_gap_anything_may_have_changed";
    let Some(mut redis) = RedisServer::start(name) else { return };
    let all = three(&redis.url()).await;
    redis.kill();
    are(&all, false).await;
    let team = Changed::Team("t".to_owned());
    all[0].notices.publish(team.clone());
    // Gateways leave it alone for two seconds; this one is there before them.
    redis.resume();
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut raw = client.get_async_pubsub().await.expect("it is there");
    raw.subscribe("llm:changed").await.expect("a channel");
    let said = tokio::time::timeout(Duration::from_secs(10), raw.on_message().next()).await;
    let said: String = said.expect("it is told").expect("a message").get_payload().expect("text");
    assert!(said.ends_with(" team t"), "{said}");
    for listener in &all {
        until(|| listener.heard.lock().contains(&Changed::Everything)).await;
    }
}

#[tokio::test]
async fn a_postgres_that_was_gone_passes_on_what_it_is_told_and_words_too_long_mean_anything() {
    let name = "a_postgres_that_was_gone_passes_on_what_it_is_told_and_words_too_long_mean_anything";
    let Some(mut postgres) = PostgresServer::start(name) else { return };
    let all = three(&postgres.url()).await;
    let [one, other, third] = &all;
    for long in ["l".repeat(8_000), "with a \0".to_owned()] {
        one.notices.publish(Changed::Customer(long));
        other.hears(&[Changed::Everything]).await;
        third.hears(&[Changed::Everything]).await;
    }
    postgres.kill();
    are(&all, false).await;
    one.notices.publish(Changed::Team("t".to_owned()));
    postgres.resume();
    for listener in &all {
        until(|| listener.heard.lock().contains(&Changed::Everything)).await;
    }
    are(&all, true).await;
    one.notices.publish(Changed::Tag("last".to_owned()));
    for listener in [other, third] {
        until(|| listener.heard.lock().contains(&Changed::Tag("last".to_owned()))).await;
    }
}

#[test]
fn a_pooler_that_passes_no_notices_on_is_refused() {
    let url = Secret::new("postgres://gateway:word@pooler/db?pgbouncer=true".to_owned());
    let refused = Notices::through_postgres(&DatabaseSettings::new(url), Box::new(|_| ()));
    assert!(refused.expect_err("nobody would hear").message().contains("pgbouncer"));
}
