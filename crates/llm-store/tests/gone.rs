//! A Redis that dies or hangs: no call fails, and it is told once. A program of its own, because it reads its log.
#![cfg(feature = "redis")]

#[path = "common/gateway.rs"]
mod gateway;

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_router::{Link, QuotaSpec, Shared};
use llm_testkit::redis::RedisServer;
use parking_lot::Mutex;

use gateway::Gateway;

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
    let log = log.lock().clone();
    assert_eq!(log.matches("WARN").count(), 2, "one for each time that it was gone: {log}");
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
            self.0.lock().push_str(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let text = Arc::new(Mutex::new(String::new()));
    let writer = Writer(Arc::clone(&text));
    let filter = tracing_subscriber::EnvFilter::new("llm_store=info");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .try_init()
        .expect("only one test logs");
    text
}
