//! Several gateways and a real Redis: limits are exact together, and benches are heard.
#![cfg(feature = "redis")]

#[path = "common/gateway.rs"]
mod gateway;

use std::time::{Duration, Instant};

use llm_core::{Error, ErrorKind};
use llm_router::{Ask, Finished, InFlight, QuotaSpec, Rule, Stands};
use llm_testkit::fake::inbound;
use llm_testkit::redis::RedisServer;

use gateway::{Gateway, until};

async fn three(redis: &RedisServer, quota: QuotaSpec) -> [Gateway; 3] {
    let one = || Gateway::start(redis, quota);
    [one().await, one().await, one().await]
}

fn stands(gateway: &Gateway) -> Stands {
    gateway.deployment.health().standing(Instant::now()).stands
}

async fn all_at_once(gateways: &[Gateway; 3], each: usize) -> Vec<InFlight> {
    let attempts = gateways.iter().flat_map(|gateway| (0..each).map(move |_| gateway.admit()));
    let outcomes = futures_util::future::join_all(attempts).await;
    outcomes.into_iter().filter_map(Result::ok).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_admit_exactly_what_one_may() {
    let Some(redis) = RedisServer::start("three_gateways_admit_exactly_what_one_may") else { return };
    let gateways = three(&redis, QuotaSpec { rpm: Some(100), ..QuotaSpec::default() }).await;
    assert_eq!(all_at_once(&gateways, 90).await.len(), 100);
    let Err(Rule::Full { limit: "rpm", until: Some(until) }) = gateways[0].admit().await else {
        panic!("it is full, and until when is known")
    };
    let wait = until.saturating_duration_since(Instant::now());
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(61), "{wait:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_are_shared_and_come_back() {
    let Some(redis) = RedisServer::start("slots_are_shared_and_come_back") else { return };
    let quota = QuotaSpec { max_parallel: Some(7), ..QuotaSpec::default() };
    let gateways = three(&redis, quota).await;
    let held = all_at_once(&gateways, 7).await;
    assert_eq!(held.len(), 7);
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let held = all_at_once(&gateways, 7).await;
    assert_eq!(held.len(), 7);
    drop(held);
    // What a gateway gave back itself, it has at once.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..50 {
        let held: Vec<_> = futures_util::future::join_all((0..7).map(|_| gateways[0].admit())).await;
        assert!(
            held.iter().all(Result::is_ok),
            "{:?}",
            held.iter().filter_map(|one| one.as_ref().err()).next()
        );
    }
}

#[tokio::test]
async fn tokens_are_shared_and_settled_to_the_truth() {
    let Some(redis) = RedisServer::start("tokens_are_shared_and_settled_to_the_truth") else { return };
    let quota = QuotaSpec { tpm: Some(400), ..QuotaSpec::default() };
    let [one, other, _] = three(&redis, quota).await;
    let body = inbound(r#"{"model":"m"}"#);
    let ask = || Ask::of(&body, false, Instant::now());
    let admit = async |gateway: &Gateway| gateway.deployment.admit_everywhere(&ask()).await;
    let mut first = admit(&one).await.expect("room");
    assert!(matches!(admit(&other).await, Err(Rule::Full { limit: "tpm", until: Some(_) })));
    first.finished(&Finished {
        error: None,
        tokens: Some(50),
        output_tokens: Some(40),
        cost: None,
        first_content: Duration::ZERO,
        took: Duration::ZERO,
        stream: false,
    });
    drop(first);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = admit(&other).await.expect("what was not used came back");
    drop(second);
}

#[tokio::test]
async fn what_fails_for_one_is_left_alone_by_all_and_comes_back_for_all() {
    let name = "what_fails_for_one_is_left_alone_by_all_and_comes_back_for_all";
    let Some(redis) = RedisServer::start(name) else { return };
    let gateways = three(&redis, QuotaSpec::default()).await;
    let [one, other, third] = &gateways;
    let body = inbound(r#"{"model":"m"}"#);
    let slow_down = |seconds| {
        Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(seconds))
    };
    let fail = |gateway: &Gateway, error: &Error| {
        let ask = Ask::of(&body, false, Instant::now()).insisting();
        gateway.deployment.admit(&ask).expect("nobody else").failed(error);
    };
    fail(one, &slow_down(20));
    let heard = until(|| stands(other) == Stands::CoolingDown && stands(third) == Stands::CoolingDown).await;
    assert!(heard < Duration::from_secs(1), "{heard:?}");
    let left = || {
        let until = third.deployment.health().standing(Instant::now()).until;
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    };
    assert!(left() > Duration::from_secs(15) && left() <= Duration::from_secs(20), "{:?}", left());

    fail(one, &slow_down(60));
    until(|| left() > Duration::from_secs(50)).await;

    other.deployment.admit(&Ask::at(Instant::now()).insisting()).expect("nobody else").answered();
    let heard = until(|| stands(one) == Stands::Recovering && stands(third) == Stands::Recovering).await;
    assert!(heard < Duration::from_secs(1), "{heard:?}");
}

#[tokio::test]
async fn every_key_has_the_prefix_and_expires() {
    let Some(redis) = RedisServer::start("every_key_has_the_prefix_and_expires") else { return };
    let quota = QuotaSpec { rpm: Some(9), tpm: Some(900), max_parallel: Some(3), adaptive: false };
    let gateway = Gateway::start(&redis, quota).await;
    let held = gateway.admit().await.expect("room");
    let body = inbound(r#"{"model":"m"}"#);
    let error = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(9));
    let ask = Ask::of(&body, false, Instant::now());
    gateway.deployment.admit(&ask).expect("room").failed(&error);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it is there");
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).expect("keys");
    keys.sort_unstable();
    assert_eq!(keys, ["llm:benches", "llm:{vendor/model}:minute", "llm:{vendor/model}:slots"]);
    for key in &keys {
        let left: i64 = redis::cmd("PTTL").arg(key).query(&mut connection).expect("a number");
        assert!((1..=120_000).contains(&left), "{key}: {left}");
    }
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let slots: u64 =
        redis::cmd("ZCARD").arg("llm:{vendor/model}:slots").query(&mut connection).expect("a number");
    assert_eq!(slots, 0, "it was given back");
}
