//! Several gateways and a real Redis: limits are exact together, benches are heard, and a Redis that is gone hurts
//! nobody.
#![cfg(feature = "redis")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use llm_core::{Error, ErrorKind, Secret};
use llm_router::{
    Ask, Deployment, DeploymentSpec, Finished, InFlight, Link, QuotaSpec, Rule, Shared, Stands,
};
use llm_store::redis::{RedisSettings, SharedRouterState};
use llm_testkit::fake::{FakeProvider, inbound};
use llm_testkit::redis::RedisServer;

/// What gateways share, and their one deployment.
struct Gateway {
    state: Arc<SharedRouterState>,
    deployment: Arc<Deployment>,
}

impl Gateway {
    async fn start(redis: &RedisServer, quota: QuotaSpec) -> Self {
        let url = Some(Secret::new(redis.url()));
        let settings = RedisSettings { url, timeout: Duration::from_millis(300), ..RedisSettings::default() };
        let state = Arc::new(SharedRouterState::new(settings).expect("an address"));
        let shared: Arc<dyn Shared> = Arc::<SharedRouterState>::clone(&state);
        let spec = DeploymentSpec::new("vendor/model", "m", "m", FakeProvider::new([]));
        let deployment = Arc::new(Deployment::new(DeploymentSpec { quota, shared: Some(shared), ..spec }));
        state.start([&deployment]).expect("a thread");
        let gateway = Self { state, deployment };
        gateway.is(Link::Connected).await;
        gateway
    }

    async fn three(redis: &RedisServer, quota: QuotaSpec) -> [Self; 3] {
        let one = || Self::start(redis, quota);
        [one().await, one().await, one().await]
    }

    async fn is(&self, link: Link) {
        until(|| self.state.link() == link).await;
    }

    async fn admit(&self) -> Result<InFlight, Rule> {
        self.deployment.admit_everywhere(&Ask::at(Instant::now())).await
    }

    fn stands(&self) -> Stands {
        self.deployment.health().standing(Instant::now()).stands
    }
}

/// Waits a few seconds at most.
async fn until(happens: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !happens() {
        assert!(began.elapsed() < Duration::from_secs(15), "it does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

async fn all_at_once(gateways: &[Gateway; 3], each: usize) -> Vec<InFlight> {
    let attempts = gateways.iter().flat_map(|gateway| (0..each).map(move |_| gateway.admit()));
    let outcomes = futures_util::future::join_all(attempts).await;
    outcomes.into_iter().filter_map(Result::ok).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_admit_exactly_what_one_may() {
    let Some(redis) = RedisServer::start("three_gateways_admit_exactly_what_one_may") else { return };
    let gateways = Gateway::three(&redis, QuotaSpec { rpm: Some(100), ..QuotaSpec::default() }).await;
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
    let gateways = Gateway::three(&redis, quota).await;
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
    let quota = QuotaSpec { tpm: Some(1_000), ..QuotaSpec::default() };
    let [one, other, _] = Gateway::three(&redis, quota).await;
    let body = inbound(r#"{"model":"m","max_tokens":600}"#);
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
    let gateways = Gateway::three(&redis, QuotaSpec::default()).await;
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
    let heard =
        until(|| other.stands() == Stands::CoolingDown && third.stands() == Stands::CoolingDown).await;
    assert!(heard < Duration::from_secs(1), "{heard:?}");
    let left = || {
        let until = third.deployment.health().standing(Instant::now()).until;
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    };
    assert!(left() > Duration::from_secs(15) && left() <= Duration::from_secs(20), "{:?}", left());

    fail(one, &slow_down(60));
    until(|| left() > Duration::from_secs(50)).await;

    other.deployment.admit(&Ask::at(Instant::now()).insisting()).expect("nobody else").answered();
    let heard = until(|| one.stands() == Stands::Recovering && third.stands() == Stands::Recovering).await;
    assert!(heard < Duration::from_secs(1), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_or_hangs_under_load_fails_no_call() {
    let name = "a_redis_that_dies_or_hangs_under_load_fails_no_call";
    let Some(mut redis) = RedisServer::start(name) else { return };
    let log = log();
    let quota = QuotaSpec { rpm: Some(1_000_000), max_parallel: Some(1_000), ..QuotaSpec::default() };
    let gateway = Arc::new(Gateway::start(&redis, quota).await);
    let load = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move {
            let (mut made, mut slowest) = (0u64, Duration::ZERO);
            loop {
                let began = Instant::now();
                let held = gateway.admit().await;
                slowest = slowest.max(began.elapsed());
                drop(held.expect("there is room for all"));
                made += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
                if gateway.state.link() == Link::Connected && Arc::strong_count(&gateway) == 1 {
                    return (made, slowest);
                }
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    redis.kill();
    gateway.is(Link::Gone).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.resume();
    gateway.is(Link::Connected).await;
    redis.hang(true);
    gateway.is(Link::Gone).await;
    redis.hang(false);
    gateway.is(Link::Connected).await;
    let warnings = log.lock().expect("no panic").matches("WARN").count();
    assert_eq!(warnings, 2, "one for each time that it was gone: {}", log.lock().expect("no panic"));
    drop(gateway);
    let (made, slowest) = load.await.expect("no call failed");
    assert!(made > 200, "{made}");
    assert!(slowest < Duration::from_secs(1), "nobody waits for a redis that hangs: {slowest:?}");
}

/// What this program logs, from all threads.
fn log() -> Arc<Mutex<String>> {
    #[derive(Clone)]
    struct Writer(Arc<Mutex<String>>);

    impl std::io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").push_str(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let text = Arc::new(Mutex::new(String::new()));
    let writer = Writer(Arc::clone(&text));
    // Other tests of this program warn of cooldowns only.
    let filter = tracing_subscriber::EnvFilter::new("llm_store=info");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .try_init()
        .expect("only one test logs");
    text
}
