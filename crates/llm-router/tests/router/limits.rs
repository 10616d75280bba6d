//! The run loop where deployments have limits: full ones are passed over, and calls are refused, or wait, only when all
//! are full.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use llm_core::provider::Inbound;
use llm_core::{Error, ErrorKind, Provider};
use llm_router::{
    BuiltIn, Chosen, Deployment, DeploymentSpec, QueueSettings, QuotaSpec, Route, RouteOptions, Router,
    RouterSettings,
};
use llm_testkit::fake::{FakeProvider, Script, inbound};

fn limited(group: &str, id: &str, provider: &Arc<FakeProvider>, quota: QuotaSpec) -> Arc<Deployment> {
    let provider: Arc<dyn Provider> = Arc::<FakeProvider>::clone(provider);
    Arc::new(Deployment::new(DeploymentSpec {
        quota,
        ..DeploymentSpec::new(id, group, format!("vendor-{id}"), provider)
    }))
}

fn rpm(rpm: u64) -> QuotaSpec {
    QuotaSpec { rpm: Some(rpm), ..QuotaSpec::default() }
}

fn slots(max_parallel: u32) -> QuotaSpec {
    QuotaSpec { max_parallel: Some(max_parallel), ..QuotaSpec::default() }
}

fn settings() -> RouterSettings {
    RouterSettings { strategy: Chosen::BuiltIn(BuiltIn::FirstAvailable), ..RouterSettings::default() }
}

fn queued(seconds: u64, most: usize) -> RouterSettings {
    let queue = QueueSettings { timeout: Duration::from_secs(seconds), most };
    RouterSettings { queue: Some(queue), ..settings() }
}

fn route<'a>(inbound: &'a Inbound, options: &'a RouteOptions) -> Route<'a> {
    let began = tokio::time::Instant::now().into_std();
    Route::new(inbound, "m", false, began, options)
}

fn priority(priority: i64) -> RouteOptions {
    RouteOptions { priority: Some(priority), ..RouteOptions::default() }
}

#[tokio::test]
async fn a_full_deployment_is_passed_over_and_only_when_all_are_full_the_call_is_refused() {
    let (first, second) = (FakeProvider::new([]), FakeProvider::new([]));
    let deployments = [limited("m", "first", &first, rpm(2)), limited("m", "second", &second, rpm(1))];
    let router = Router::new(deployments, HashMap::new(), settings());
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let before = Instant::now();
    for _ in 0..3 {
        assert!(router.run(&route(&inbound, &options)).await.is_ok());
    }
    let error = router.run(&route(&inbound, &options)).await.err().expect("all are full").error;
    assert_eq!((first.calls().len(), second.calls().len()), (2, 1));
    assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, 429));
    assert!(error.message().contains("`rpm`"), "{error}");
    let after = error.retry_after().expect("a minute has an end");
    assert!(after <= Duration::from_secs(60) && after + before.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn of_many_calls_at_once_exactly_as_many_as_allowed_get_through() {
    let provider = FakeProvider::new([]);
    let deployments = [limited("m", "1", &provider, rpm(10)), limited("m", "2", &provider, rpm(14))];
    let router = Router::new(deployments, HashMap::new(), settings());
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let calls = (0..100).map(|_| async { router.run(&route(&inbound, &options)).await.is_ok() });
    let answered = join_all(calls).await.into_iter().filter(|answered| *answered).count();
    assert_eq!((answered, provider.calls().len()), (24, 24));
}

#[tokio::test(start_paused = true)]
async fn the_hint_is_true_and_a_waiting_call_gets_through_when_the_window_frees() {
    let provider = FakeProvider::new([]);
    let router = Router::new([limited("m", "1", &provider, rpm(1))], HashMap::new(), queued(90, 5));
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let began = tokio::time::Instant::now();
    assert!(router.run(&route(&inbound, &options)).await.is_ok());
    assert!(router.run(&route(&inbound, &options)).await.is_ok());
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(60) && waited < Duration::from_millis(60_050), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_slot_in_order_of_importance_and_arrival() {
    let provider = FakeProvider::new([]);
    let router =
        Arc::new(Router::new([limited("m", "1", &provider, slots(1))], HashMap::new(), queued(60, 10)));
    let body = inbound(r#"{"model":"m"}"#);
    let running = router.run(&route(&body, &priority(0))).await.expect("the slot is free");
    let finished = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for (importance, place) in [(5, 3), (1, 1), (1, 2), (0, 0)] {
        let (router, finished) = (Arc::clone(&router), Arc::clone(&finished));
        tasks.push(tokio::spawn(async move {
            let body = inbound(r#"{"model":"m"}"#);
            let routed = router.run(&route(&body, &priority(importance))).await.expect("its turn comes");
            assert_eq!(finished.fetch_add(1, std::sync::atomic::Ordering::Relaxed), place);
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(routed);
        }));
        tokio::task::yield_now().await;
    }
    let (group, _) = router.resolve("m").expect("known");
    assert_eq!(group.queue_length(), 4);
    let before = tokio::time::Instant::now();
    drop(running);
    for task in tasks {
        task.await.expect("in order");
    }
    assert_eq!(group.queue_length(), 0);
    assert!(before.elapsed() < Duration::from_millis(200), "woken, not polled: {:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_in_vain_is_refused_and_a_full_queue_refuses_at_once() {
    let provider = FakeProvider::new([]);
    let router = Router::new([limited("m", "1", &provider, slots(1))], HashMap::new(), queued(3, 1));
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let _running = router.run(&route(&inbound, &options)).await.expect("the slot is free");
    let began = tokio::time::Instant::now();
    let (first, second) = tokio::join!(
        async { (router.run(&route(&inbound, &options)).await.err(), began.elapsed()) },
        async { (router.run(&route(&inbound, &options)).await.err(), began.elapsed()) },
    );
    assert_eq!(first.1, Duration::from_secs(3));
    assert_eq!(second.1, Duration::ZERO);
    for refused in [first.0, second.0] {
        assert_eq!(refused.expect("refused").error.kind(), ErrorKind::RateLimited);
    }
    assert_eq!(provider.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_leaves_the_queue_to_the_next() {
    let provider = FakeProvider::new([]);
    let router = Router::new([limited("m", "1", &provider, slots(1))], HashMap::new(), queued(60, 5));
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let running = router.run(&route(&inbound, &options)).await.expect("the slot is free");
    let asked = route(&inbound, &options);
    let impatient = tokio::time::timeout(Duration::from_secs(1), router.run(&asked));
    let (gone, answered) = tokio::join!(impatient, async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        tokio::join!(router.run(&asked), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            drop(running);
        })
        .0
    });
    assert!(gone.is_err() && answered.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_fallback_with_room_is_better_than_a_wait() {
    let (full, free) = (FakeProvider::new([]), FakeProvider::new([]));
    let deployments = [limited("m", "full", &full, rpm(0)), limited("other", "free", &free, rpm(10))];
    let default_fallbacks = vec!["other".to_owned()];
    let router =
        Router::new(deployments, HashMap::new(), RouterSettings { default_fallbacks, ..queued(60, 5) });
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let began = tokio::time::Instant::now();
    let routed = router.run(&route(&inbound, &options)).await.expect("the fallback answers");
    assert_eq!((routed.group.as_str(), began.elapsed()), ("other", Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_attempt_gives_its_slot_and_its_tokens_back() {
    let silent = FakeProvider::new([Script::Silence]);
    let quota = QuotaSpec { tpm: Some(300), max_parallel: Some(1), ..QuotaSpec::default() };
    let deployment = limited("m", "1", &silent, quota);
    let router = Router::new([Arc::clone(&deployment)], HashMap::new(), settings());
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let cancelled =
        tokio::time::timeout(Duration::from_secs(1), router.run(&route(&inbound, &options))).await;
    assert!(cancelled.is_err());
    let standing = deployment.quota().standing(tokio::time::Instant::now().into_std());
    assert_eq!((deployment.quota().in_flight(), standing.tokens, standing.requests), (0, 0, 1));
    assert!(router.run(&route(&inbound, &options)).await.is_ok());
}

#[tokio::test]
async fn a_thousand_full_deployments_are_passed_over_in_a_moment() {
    let provider = FakeProvider::new([]);
    let all: Vec<_> = (0..1_000).map(|at| limited("m", &at.to_string(), &provider, slots(0))).collect();
    let free = limited("m", "free", &provider, slots(1));
    let router = Router::new(all.into_iter().chain([free]), HashMap::new(), settings());
    let (inbound, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
    let routed = router.run(&route(&inbound, &options)).await.expect("one is free");
    assert_eq!(routed.in_flight.deployment().id, "free");
}

#[tokio::test]
async fn refusals_of_the_vendor_teach_how_much_it_bears() {
    let refusal = || Script::Fail(Error::new(ErrorKind::RateLimited, "too many"));
    let provider = FakeProvider::new([refusal(), refusal()]);
    let quota = QuotaSpec { adaptive: true, max_parallel: Some(10), ..QuotaSpec::default() };
    let deployment = limited("m", "1", &provider, quota);
    let router = Router::new([Arc::clone(&deployment)], HashMap::new(), settings());
    let (inbound, options) =
        (inbound(r#"{"model":"m"}"#), RouteOptions { num_retries: Some(0), ..RouteOptions::default() });
    assert_eq!(deployment.quota().concurrency_limit(), Some(10));
    assert!(router.run(&route(&inbound, &options)).await.is_err());
    assert_eq!(deployment.quota().concurrency_limit(), Some(1), "one was too many");
    assert!(router.run(&route(&inbound, &options)).await.is_err());
    let running = router.run(&route(&inbound, &options)).await.expect("one at a time is let through");
    let error = router.run(&route(&inbound, &options)).await.err().expect("a second is not").error;
    assert!(error.message().contains("`adaptive_concurrency`"), "{error}");
    drop(running);
    assert!(router.run(&route(&inbound, &options)).await.is_ok());
}
