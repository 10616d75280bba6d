//! Health on the way of requests: who is benched for what, for how long, and how a deployment comes back.

use std::collections::HashMap;
use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::HeaderMap;
use llm_core::dialect::DialectId;
use llm_core::provider::{BoxFuture, Call, Inbound, Provider, Reply, ReplyBody};
use llm_core::{Error, ErrorKind, Result};
use llm_router::{
    AllowedFails, Bench, BuiltIn, Chosen, Cooldown, Credential, Deployment, DeploymentSpec, HealthSettings,
    Limits, Route, RouteOptions, Routed, Router, RouterSettings, Scope, Stands, Unanswered, Watch,
};
use llm_testkit::fake::{FakeProvider, Script, answer, inbound};
use parking_lot::Mutex;
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

static NO_OPTIONS: LazyLock<RouteOptions> =
    LazyLock::new(|| RouteOptions { num_retries: Some(0), ..RouteOptions::default() });

/// What a vendor makes of a model at a time.
type Mood = dyn Fn(Duration, &str) -> Option<Error> + Send + Sync;

/// A vendor that answers or fails as a function of the time since the test began.
struct Moody {
    began: Instant,
    mood: Box<Mood>,
    calls: AtomicUsize,
}

impl Moody {
    fn new(mood: impl Fn(Duration, &str) -> Option<Error> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), mood: Box::new(mood), calls: AtomicUsize::new(0) })
    }

    fn always(kind: ErrorKind) -> Arc<Self> {
        Self::new(move |_, _| Some(Error::new(kind, "no")))
    }

    fn well() -> Arc<Self> {
        Self::new(|_, _| None)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Provider for Moody {
    fn dialect(&self) -> DialectId {
        DialectId::new("test.moody")
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(match (self.mood)(self.began.elapsed(), call.model) {
            Some(error) => Err(error),
            None => Ok(Reply {
                headers: HeaderMap::new(),
                losses: Vec::new(),
                body: ReplyBody::Decoded(Box::new(answer("ok"))),
            }),
        }))
    }
}

fn spec(group: &str, id: &str, provider: &Arc<impl Provider>) -> DeploymentSpec {
    let provider: Arc<dyn Provider> = Arc::clone(provider) as _;
    let model = if group.contains('*') { "*" } else { "large" };
    DeploymentSpec::new(id, group, model, provider)
}

fn settings() -> RouterSettings {
    RouterSettings { strategy: Chosen::BuiltIn(BuiltIn::FirstAvailable), ..RouterSettings::default() }
}

fn router(specs: Vec<DeploymentSpec>, settings: RouterSettings) -> Router {
    let deployments = specs.into_iter().map(|spec| Arc::new(Deployment::new(spec)));
    Router::new(deployments, HashMap::new(), settings)
}

fn with_fallback(specs: Vec<DeploymentSpec>, health: HealthSettings) -> Router {
    let default_fallbacks = vec!["backup".to_owned()];
    router(specs, RouterSettings { default_fallbacks, health, ..settings() })
}

fn find(router: &Router, id: &str) -> Arc<Deployment> {
    let all = router.groups().flat_map(|group| group.deployments());
    all.into_iter().find(|deployment| deployment.id == id).map(Arc::clone).expect("it is there")
}

async fn ask(router: &Router, model: &str) -> Result<Box<Routed>, Box<Unanswered>> {
    ask_with(router, model, &NO_OPTIONS).await
}

async fn ask_with(
    router: &Router,
    model: &str,
    options: &RouteOptions,
) -> Result<Box<Routed>, Box<Unanswered>> {
    let inbound: Inbound = inbound(&format!(r#"{{"model":"{model}"}}"#));
    let began = Instant::now().into_std();
    router.run(&Route::new(&inbound, model, false, began, options)).await
}

async fn answered_by(router: &Router, model: &str) -> String {
    ask(router, model).await.expect("somebody answers").in_flight.deployment().id.clone()
}

fn stands(router: &Router, id: &str) -> Stands {
    find(router, id).health().standing(Instant::now().into_std()).stands
}

#[tokio::test(start_paused = true)]
async fn a_dead_primary_gets_two_attempts_in_fifteen_requests_at_most() {
    let (dead, backup) = (Moody::always(ErrorKind::Overloaded), Moody::well());
    let specs = vec![spec("m", "dead", &dead), spec("backup", "backup", &backup)];
    let router = with_fallback(specs, HealthSettings::default());
    while stands(&router, "dead") != Stands::CoolingDown {
        assert_eq!(answered_by(&router, "m").await, "backup");
    }
    assert_eq!(dead.calls(), 3, "three failures in a row open the breaker");
    for pace in [1, 100, 1_000] {
        let before = dead.calls();
        for _ in 0..15 {
            advance(Duration::from_millis(pace)).await;
            assert_eq!(answered_by(&router, "m").await, "backup");
        }
        assert!(dead.calls() - before <= 2, "{} at {pace} ms", dead.calls() - before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flapping_primary_is_never_noticed_and_soon_back_in_use() {
    // Down and up by turns of some seconds for a minute, then well.
    let down = |at: Duration| at < 60 * SECOND && (at.as_secs() / 7).is_multiple_of(2);
    let primary = Moody::new(move |at, _| down(at).then(|| Error::new(ErrorKind::UpstreamFailure, "no")));
    let backup = Moody::well();
    let specs = vec![spec("m", "primary", &primary), spec("backup", "backup", &backup)];
    let router = with_fallback(specs, HealthSettings::default());
    let (mut wasted, mut back) = (0, None);
    for step in 0..450 {
        let now = Duration::from_millis(200) * step;
        let before = primary.calls();
        let by = answered_by(&router, "m").await;
        if by == "backup" {
            wasted += primary.calls() - before;
            back = None;
        } else {
            back.get_or_insert(now);
        }
        advance(Duration::from_millis(200)).await;
    }
    let back = back.expect("it is back");
    assert!(back <= 90 * SECOND, "back at {back:?}");
    assert!(wasted <= 15, "{wasted} attempts failed there while it was down for half a minute");
}

#[tokio::test(start_paused = true)]
async fn a_bench_is_as_long_as_the_vendor_says_and_ends_with_one_probe() {
    let slow_down = || Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(7 * SECOND);
    let (first, second) =
        (FakeProvider::new([Script::Fail(slow_down()), Script::Silence]), FakeProvider::new([]));
    let router = router(vec![spec("m", "first", &first), spec("m", "second", &second)], settings());
    assert!(ask(&router, "m").await.is_err(), "no retry was asked for");
    let standing = find(&router, "first").health().standing(Instant::now().into_std());
    assert_eq!(standing.stands, Stands::CoolingDown);
    assert_eq!(standing.last_error, Some((ErrorKind::RateLimited, 429)));
    let wait = standing.until.expect("benched").saturating_duration_since(Instant::now().into_std());
    assert!(wait <= 7 * SECOND && wait > 6_999 * SECOND / 1_000, "{wait:?}");

    advance(6_900 * SECOND / 1_000).await;
    assert_eq!(answered_by(&router, "m").await, "second");
    advance(SECOND / 5).await;
    // The probe hangs; everybody else goes elsewhere meanwhile.
    let mut probe = Box::pin(ask(&router, "m"));
    assert!(futures_now(&mut probe).await.is_none());
    assert_eq!((first.calls().len(), stands(&router, "first")), (2, Stands::Probing));
    for _ in 0..5 {
        assert_eq!(answered_by(&router, "m").await, "second");
    }
    // Its client goes away: the next request is the probe, and is answered.
    drop(probe);
    assert_eq!(answered_by(&router, "m").await, "first");
    assert_eq!(stands(&router, "first"), Stands::Recovering);
}

/// What a future gives at once.
async fn futures_now<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn the_clients_own_mistakes_bench_nothing() {
    use ErrorKind::*;
    for kind in [InvalidRequest, ContextLength, ContentFilter, NotFound, Unsupported, PayloadTooLarge] {
        let vendor = Moody::always(kind);
        let router = router(vec![spec("m", "1", &vendor), spec("m", "2", &Moody::well())], settings());
        for _ in 0..20 {
            assert!(ask(&router, "m").await.is_err(), "{kind:?}");
        }
        assert_eq!((vendor.calls(), stands(&router, "1")), (20, Stands::Healthy), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_in_a_hurry_benches_nothing_and_the_operators_deadline_does() {
    for (own, benched) in [(Some(SECOND), false), (None, true), (Some(60 * SECOND), true)] {
        let silent = FakeProvider::new((0..5).map(|_| Script::Silence));
        let limits = Limits { total: Some(5 * SECOND), ..Limits::default() };
        let specs = vec![spec("m", "1", &silent), spec("m", "2", &Moody::well())];
        let router = router(specs, RouterSettings { limits, ..settings() });
        let limits = Limits { total: own, ..Limits::default() };
        let options = RouteOptions { limits, num_retries: Some(0), ..RouteOptions::default() };
        for _ in 0..3 {
            let unanswered = ask_with(&router, "m", &options).await.err().expect("silence");
            assert_eq!(unanswered.error.kind(), ErrorKind::Timeout);
        }
        assert_eq!(stands(&router, "1") == Stands::CoolingDown, benched, "{own:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_key_benches_every_deployment_that_shows_it() {
    let refused = Moody::always(ErrorKind::UpstreamAuth);
    let key = Arc::new(Credential::default());
    let sharing =
        |group: &str, id: &str| DeploymentSpec { credential: Arc::clone(&key), ..spec(group, id, &refused) };
    let specs = vec![
        sharing("a", "1"),
        sharing("b", "2"),
        spec("a", "3", &Moody::well()),
        spec("b", "4", &Moody::well()),
    ];
    let router = router(specs, settings());
    assert!(ask(&router, "a").await.is_err());
    assert_eq!((answered_by(&router, "a").await, answered_by(&router, "b").await), ("3".into(), "4".into()));
    assert_eq!(refused.calls(), 1);
    assert_eq!(stands(&router, "2"), Stands::CoolingDown);
    advance(5 * SECOND).await;
    let _ = ask(&router, "b").await;
    let _ = ask(&router, "a").await;
    assert_eq!(refused.calls(), 2, "one probe for the key, not one for each deployment");
}

#[tokio::test(start_paused = true)]
async fn a_missing_model_benches_that_model_alone() {
    let vendor = Moody::new(|_, model| {
        let missing = Error::new(ErrorKind::UpstreamNotFound, "no such model").with_code("model_not_found");
        let forbidden = Error::new(ErrorKind::UpstreamAuth, "not for you").with_status(403);
        match model {
            _ if model.starts_with("gone") => Some(missing),
            "secret" => Some(forbidden),
            _ => None,
        }
    });
    let specs = vec![spec("v/*", "1", &vendor), spec("v/*", "2", &Moody::well())];
    let router = router(specs, settings());
    for model in ["v/gone", "v/secret"] {
        assert!(ask(&router, model).await.is_err());
        assert_eq!(answered_by(&router, model).await, "2");
        assert_eq!(answered_by(&router, "v/there").await, "1");
        assert_eq!(stands(&router, "1"), Stands::Healthy, "{model}");
    }
    for _ in 0..20 {
        // Every attempt there fails, and none speaks against the deployment itself.
        let _ = ask(&router, &format!("v/gone-{}", vendor.calls())).await;
    }
    assert_eq!(find(&router, "1").health().consecutive_failures(), 0);
    // More names than are remembered: the others stay in use, whatever clients make up.
    let many =
        Moody::new(|_, model| model.starts_with("no").then(|| Error::new(ErrorKind::UpstreamNotFound, "no")));
    let router = router_of_two(&many);
    for number in 0..100 {
        let _ = ask(&router, &format!("v/no-{number}")).await;
    }
    assert_eq!(answered_by(&router, "v/there").await, "1");
}

fn router_of_two(first: &Arc<Moody>) -> Router {
    router(vec![spec("v/*", "1", first), spec("v/*", "2", &Moody::well())], settings())
}

#[tokio::test(start_paused = true)]
async fn a_lone_deployment_is_asked_though_it_is_benched() {
    for kind in [ErrorKind::UpstreamFailure, ErrorKind::RateLimited, ErrorKind::UpstreamAuth] {
        let vendor = Moody::new(move |at, _| {
            (at < SECOND).then(|| Error::new(kind, "no").with_retry_after(60 * SECOND))
        });
        let router = router(vec![spec("m", "1", &vendor)], settings());
        for _ in 0..8 {
            let unanswered = ask(&router, "m").await.err().expect("it fails");
            assert_eq!(unanswered.error.kind(), kind, "the vendor's own words");
        }
        assert_eq!((vendor.calls(), stands(&router, "1")), (8, Stands::CoolingDown));
        advance(2 * SECOND).await;
        assert_eq!(answered_by(&router, "m").await, "1");
        assert_ne!(stands(&router, "1"), Stands::CoolingDown, "an answer is an answer");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_benched_group_the_first_to_come_back_is_asked() {
    let limited = |seconds: u32| {
        Moody::new(move |at, _| {
            let error = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(seconds * SECOND);
            (at < SECOND).then_some(error)
        })
    };
    let (late, soon) = (limited(50), limited(20));
    let router = router(vec![spec("m", "late", &late), spec("m", "soon", &soon)], settings());
    let two = RouteOptions { num_retries: Some(1), ..RouteOptions::default() };
    assert!(ask_with(&router, "m", &two).await.is_err());
    assert_eq!((late.calls(), soon.calls()), (1, 1));
    advance(2 * SECOND).await;
    assert_eq!(answered_by(&router, "m").await, "soon");
}

#[tokio::test(start_paused = true)]
async fn when_the_fallback_fails_too_the_benched_primary_is_asked() {
    let primary = Moody::new(|at, _| (at < SECOND).then(|| Error::new(ErrorKind::UpstreamFailure, "no")));
    let backup = Moody::new(|at, _| (at > SECOND).then(|| Error::new(ErrorKind::UpstreamFailure, "no")));
    let specs = vec![spec("m", "primary", &primary), spec("backup", "backup", &backup)];
    let router = with_fallback(specs, HealthSettings::default());
    for _ in 0..5 {
        assert_eq!(answered_by(&router, "m").await, "backup");
    }
    assert_eq!(stands(&router, "primary"), Stands::CoolingDown);
    advance(2 * SECOND).await;
    assert_eq!(answered_by(&router, "m").await, "primary");
}

#[tokio::test(start_paused = true)]
async fn what_a_policy_names_benches_even_a_lone_deployment() {
    let policy = AllowedFails { rate_limit: Some(1), ..AllowedFails::default() };
    let health = HealthSettings {
        allowed_fails_policy: policy,
        cooldown: Cooldown::Fixed(9 * SECOND),
        ..HealthSettings::default()
    };
    let vendor = Moody::always(ErrorKind::RateLimited);
    let router = router(vec![spec("m", "1", &vendor)], RouterSettings { health, ..settings() });
    for _ in 0..2 {
        assert_eq!(ask(&router, "m").await.err().expect("fails").error.message(), "no");
    }
    let error = ask(&router, "m").await.err().expect("benched").error;
    assert_eq!((error.status(), error.code()), (429, Some("all_deployments_in_cooldown")));
    let wait = error.retry_after().expect("a time");
    assert!(wait <= 9 * SECOND && wait >= 8 * SECOND, "{wait:?}");
    assert_eq!(vendor.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn allowed_fails_are_counted_within_a_cooldown() {
    let health = HealthSettings {
        allowed_fails: Some(1),
        cooldown: Cooldown::Fixed(10 * SECOND),
        ..HealthSettings::default()
    };
    let vendor = Moody::always(ErrorKind::UpstreamFailure);
    let specs = vec![spec("m", "1", &vendor), spec("m", "2", &Moody::well())];
    let router = router(specs, RouterSettings { health, ..settings() });
    for _ in 0..3 {
        let _ = ask(&router, "m").await;
        assert_eq!(stands(&router, "1"), Stands::Healthy);
        advance(11 * SECOND).await;
    }
    let _ = ask(&router, "m").await;
    let _ = ask(&router, "m").await;
    assert_eq!(stands(&router, "1"), Stands::CoolingDown);
}

#[tokio::test(start_paused = true)]
async fn without_cooldowns_nothing_is_benched() {
    let health = HealthSettings { enabled: false, ..HealthSettings::default() };
    let vendor = Moody::always(ErrorKind::UpstreamFailure);
    let specs = vec![spec("m", "1", &vendor), spec("m", "2", &Moody::well())];
    let router = router(specs, RouterSettings { health, ..settings() });
    for _ in 0..20 {
        let _ = ask(&router, "m").await;
    }
    assert_eq!((vendor.calls(), stands(&router, "1")), (20, Stands::Healthy));
}

#[tokio::test(start_paused = true)]
async fn one_failure_now_and_then_benches_nothing_and_many_do() {
    let flaky = |every: usize| {
        let count = AtomicUsize::new(0);
        Moody::new(move |_, _| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            (number % 5 < every).then(|| Error::new(ErrorKind::UpstreamFailure, "no"))
        })
    };
    for (every, benched) in [(1, false), (2, false), (3, true)] {
        let vendor = flaky(every);
        let specs = vec![spec("m", "1", &vendor), spec("m", "2", &Moody::well())];
        let router = router(specs, settings());
        for _ in 0..40 {
            let _ = ask(&router, "m").await;
        }
        assert_eq!(stands(&router, "1") == Stands::CoolingDown, benched, "{every} of 5");
    }
}

#[tokio::test(start_paused = true)]
async fn the_share_grows_after_a_recovery() {
    let vendor = Moody::new(|at, _| (at < SECOND).then(|| Error::new(ErrorKind::UpstreamFailure, "no")));
    let specs = vec![spec("m", "1", &vendor), spec("m", "2", &Moody::well())];
    let router = router(specs, settings());
    let readiness = || find(&router, "1").health().readiness(Instant::now().into_std());
    assert!((readiness() - 1.0).abs() < 1e-9);
    for _ in 0..3 {
        let _ = ask(&router, "m").await;
    }
    assert!((readiness() - 0.1).abs() < 1e-9);
    advance(6 * SECOND).await;
    assert_eq!(answered_by(&router, "m").await, "1");
    let mut before = readiness();
    assert!((before - 0.1).abs() < 1e-9);
    for _ in 0..9 {
        advance(SECOND).await;
        let now = readiness();
        assert!(now >= before && now < 1.0, "{now}");
        before = now;
    }
    advance(SECOND).await;
    assert!((readiness() - 1.0).abs() < 1e-9);
    assert_eq!(stands(&router, "1"), Stands::Healthy);
}

#[derive(Default, Clone)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Watch for Notes {
    fn benched(&self, bench: &Bench) {
        let fresh = if bench.fresh { "benched" } else { "benched again" };
        let note = format!("{} {fresh} by {} {}", bench.scope.name(), bench.error.name(), bench.status);
        self.0.lock().push(note);
    }

    fn recovered(&self, scope: Scope) {
        self.0.lock().push(format!("{} recovered", scope.name()));
    }
}

#[tokio::test(start_paused = true)]
async fn each_change_is_told_once() {
    let well = Arc::new(AtomicBool::new(false));
    let mood = Arc::clone(&well);
    let vendor = Moody::new(move |_, _| {
        (!mood.load(Ordering::Relaxed)).then(|| Error::new(ErrorKind::Overloaded, "busy"))
    });
    let specs = vec![spec("m", "1", &vendor), spec("m", "2", &Moody::well())];
    let router = router(specs, settings());
    let notes = Notes::default();
    find(&router, "1").health().watch(Box::new(notes.clone()));
    for _ in 0..10 {
        let _ = ask(&router, "m").await;
    }
    advance(5 * SECOND).await;
    let _ = ask(&router, "m").await;
    well.store(true, Ordering::Relaxed);
    advance(20 * SECOND).await;
    for _ in 0..10 {
        assert_eq!(answered_by(&router, "m").await, "1");
    }
    let told = notes.0.lock().clone();
    assert_eq!(
        told,
        [
            "deployment benched by overloaded 503",
            "deployment benched again by overloaded 503",
            "deployment recovered"
        ]
    );
}
