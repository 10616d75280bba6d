//! The run loop against fake vendors: retries, fallbacks, deadlines and the point of no return.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use llm_core::event::Event;
use llm_core::provider::Inbound;
use llm_core::{Error, ErrorKind, Provider};
use llm_router::{
    Alias, BuiltIn, Chosen, Deployment, DeploymentSpec, Limits, Route, RouteOptions, Router, RouterSettings,
    Started,
};
use llm_testkit::fake::{FakeProvider, Script, inbound, piece, preamble};

fn deployment(group: &str, id: &str, provider: &Arc<FakeProvider>) -> Arc<Deployment> {
    let provider: Arc<dyn Provider> = Arc::<FakeProvider>::clone(provider);
    let model = if group.contains('*') { "vendor-*".to_owned() } else { format!("vendor-{id}") };
    Arc::new(Deployment::new(DeploymentSpec::new(id, group, model, provider)))
}

fn settings() -> RouterSettings {
    RouterSettings { strategy: Chosen::BuiltIn(BuiltIn::FirstAvailable), ..RouterSettings::default() }
}

static NO_OPTIONS: LazyLock<RouteOptions> = LazyLock::new(RouteOptions::default);

fn route<'a>(inbound: &'a Inbound, model: &'a str, stream: bool) -> Route<'a> {
    Route::new(inbound, model, stream, Instant::now(), &NO_OPTIONS)
}

fn failure(kind: ErrorKind) -> Script {
    Script::Fail(Error::new(kind, "the vendor said no"))
}

#[tokio::test]
async fn a_retry_goes_to_another_deployment() {
    let (bad, good) = (FakeProvider::new([failure(ErrorKind::UpstreamFailure)]), FakeProvider::new([]));
    let deployments = [deployment("m", "bad", &bad), deployment("m", "good", &good)];
    let router = Router::new(deployments, HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"m"}"#);
    let routed = router.run(&route(&inbound, "m", false)).await.expect("the good one answers");
    assert_eq!(routed.in_flight.deployment().id, "good");
    assert_eq!(routed.attempts.len(), 2);
    assert_eq!(bad.calls(), ["vendor-bad"]);
}

#[tokio::test(start_paused = true)]
async fn a_lone_deployment_is_tried_again_after_a_pause() {
    let only = FakeProvider::new([failure(ErrorKind::RateLimited), failure(ErrorKind::Overloaded)]);
    let router = Router::new([deployment("m", "only", &only)], HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"m"}"#);
    let before = tokio::time::Instant::now();
    assert!(router.run(&route(&inbound, "m", false)).await.is_ok());
    assert_eq!(only.calls().len(), 3);
    assert!(before.elapsed() >= Duration::from_millis(1_500), "half a second, then one");
}

#[tokio::test]
async fn a_bad_request_is_not_tried_again() {
    let (first, second) = (FakeProvider::new([failure(ErrorKind::InvalidRequest)]), FakeProvider::new([]));
    let deployments = [deployment("m", "first", &first), deployment("m", "second", &second)];
    let router = Router::new(deployments, HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"m"}"#);
    let unanswered = router.run(&route(&inbound, "m", false)).await.err().expect("refused");
    assert_eq!(unanswered.error.kind(), ErrorKind::InvalidRequest);
    assert!(second.calls().is_empty());
}

#[tokio::test]
async fn a_bad_key_is_not_tried_again_where_it_is_bad() {
    let only = FakeProvider::new([failure(ErrorKind::UpstreamAuth)]);
    let router = Router::new([deployment("m", "only", &only)], HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"m"}"#);
    let unanswered = router.run(&route(&inbound, "m", false)).await.err().expect("refused");
    assert_eq!(unanswered.error.kind(), ErrorKind::UpstreamAuth);
    assert_eq!(only.calls().len(), 1);
}

#[tokio::test]
async fn fallbacks_follow_in_order_and_each_only_once() {
    let first = FakeProvider::new([failure(ErrorKind::UpstreamAuth)]);
    let second = FakeProvider::new([failure(ErrorKind::UpstreamAuth)]);
    let third = FakeProvider::new([]);
    let deployments =
        [deployment("a", "1", &first), deployment("b", "2", &second), deployment("c", "3", &third)];
    let fallbacks = vec![("a".into(), vec!["a".into(), "b".into(), "nosuch".into(), "b".into(), "c".into()])];
    let router = Router::new(deployments, HashMap::new(), RouterSettings { fallbacks, ..settings() });
    let inbound = inbound(r#"{"model":"a"}"#);
    let routed = router.run(&route(&inbound, "a", false)).await.expect("the third answers");
    assert_eq!((routed.group.as_str(), routed.fallbacks), ("c", 2));
    assert_eq!((first.calls().len(), second.calls().len()), (1, 1));
}

#[tokio::test]
async fn a_request_may_name_or_forbid_its_own_fallbacks() {
    let inbound = inbound(r#"{"model":"a"}"#);
    for (own, answers) in [(vec!["b".to_owned()], true), (vec![], false)] {
        let bad = FakeProvider::new([failure(ErrorKind::UpstreamAuth)]);
        let good = FakeProvider::new([]);
        let deployments = [deployment("a", "1", &bad), deployment("b", "2", &good)];
        let default_fallbacks = vec!["b".to_owned()];
        let router =
            Router::new(deployments, HashMap::new(), RouterSettings { default_fallbacks, ..settings() });
        let options = RouteOptions { fallbacks: Some(own), ..RouteOptions::default() };
        let route = Route { options: &options, ..route(&inbound, "a", false) };
        assert_eq!(router.run(&route).await.is_ok(), answers);
    }
}

#[tokio::test]
async fn another_model_may_take_what_is_too_long_for_this_one() {
    let (small, large) = (FakeProvider::new([failure(ErrorKind::ContextLength)]), FakeProvider::new([]));
    let deployments = [deployment("small", "s", &small), deployment("large", "l", &large)];
    let default_fallbacks = vec!["large".to_owned()];
    let router = Router::new(deployments, HashMap::new(), RouterSettings { default_fallbacks, ..settings() });
    let inbound = inbound(r#"{"model":"small"}"#);
    assert!(router.run(&route(&inbound, "small", false)).await.is_ok());
    assert_eq!(large.calls().len(), 1);
}

#[tokio::test]
async fn a_stream_that_fails_after_its_preamble_is_made_good_elsewhere() {
    let fails = || Err(Error::new(ErrorKind::Truncated, "cut"));
    for script in [
        Script::Stream(vec![Ok(preamble()), fails()]),
        Script::Stream(vec![Ok(preamble())]),
        Script::Stream(vec![Ok(vec![Event::Ping]), Ok(vec![Event::Error(Error::bad_answer("overloaded"))])]),
    ] {
        let (bad, good) = (FakeProvider::new([script]), FakeProvider::new([]));
        let deployments = [deployment("m", "bad", &bad), deployment("m", "good", &good)];
        let router = Router::new(deployments, HashMap::new(), settings());
        let inbound = inbound(r#"{"model":"m","stream":true}"#);
        let routed = router.run(&route(&inbound, "m", true)).await.expect("the good one answers");
        assert_eq!(routed.in_flight.deployment().id, "good");
        let Started::Events { held, .. } = routed.answer else { panic!("a stream was asked for") };
        assert!(held.iter().any(Event::is_content));
    }
}

#[tokio::test]
async fn a_stream_that_fails_after_content_is_not_started_again() {
    let script = Script::Stream(vec![Ok(preamble()), Ok(piece("a")), Err(Error::bad_answer("cut"))]);
    let (bad, good) = (FakeProvider::new([script]), FakeProvider::new([]));
    let deployments = [deployment("m", "bad", &bad), deployment("m", "good", &good)];
    let router = Router::new(deployments, HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"m","stream":true}"#);
    let routed = router.run(&route(&inbound, "m", true)).await.expect("it began");
    assert_eq!(routed.in_flight.deployment().id, "bad");
    assert!(good.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_is_left_for_another_deployment_when_its_time_is_up() {
    for script in [Script::Silence, Script::StreamThenSilence(vec![Ok(preamble())])] {
        let (silent, good) = (FakeProvider::new([script]), FakeProvider::new([]));
        let deployments = [deployment("m", "silent", &silent), deployment("m", "good", &good)];
        let router = Router::new(deployments, HashMap::new(), settings());
        let inbound = inbound(r#"{"model":"m","stream":true}"#);
        let limits = Limits { first_content: Some(Duration::from_secs(3)), ..Limits::default() };
        let options = RouteOptions { limits, ..RouteOptions::default() };
        let route = Route { options: &options, ..route(&inbound, "m", true) };
        let routed = router.run(&route).await.expect("the good one answers");
        assert_eq!(routed.in_flight.deployment().id, "good");
    }
}

#[tokio::test(start_paused = true)]
async fn the_total_limit_ends_all_attempts() {
    let silent = FakeProvider::new([Script::Silence, Script::Silence, Script::Silence]);
    let router = Router::new([deployment("m", "silent", &silent)], HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"m"}"#);
    let limits = Limits { total: Some(Duration::from_secs(2)), ..Limits::default() };
    let options = RouteOptions { limits, ..RouteOptions::default() };
    let route = Route { options: &options, ..route(&inbound, "m", false) };
    let unanswered = router.run(&route).await.err().expect("nobody answers");
    assert_eq!(unanswered.error.kind(), ErrorKind::Timeout);
    assert_eq!(silent.calls().len(), 1);
}

#[tokio::test]
async fn names_resolve_exactly_then_by_alias_then_by_the_longest_wildcard() {
    let provider = FakeProvider::new([]);
    let deployments = [
        deployment("m", "exact", &provider),
        deployment("*", "all", &provider),
        deployment("acme/*", "acme", &provider),
    ];
    let alias = Alias { target: "m".into(), hidden: true };
    let router = Router::new(deployments, HashMap::from([("nick".to_owned(), alias)]), settings());
    let id = |name: &str| {
        let (group, _) = router.resolve(name).expect("there is a wildcard for all");
        group.deployments()[0].id.clone()
    };
    assert_eq!((id("m"), id("nick")), ("exact".to_owned(), "exact".to_owned()));
    assert_eq!((id("acme/large"), id("other")), ("acme".to_owned(), "all".to_owned()));
    let (group, name) = router.resolve("acme/large").expect("known");
    assert_eq!(group.deployments()[0].model_for(name), "vendor-large");
}

#[tokio::test]
async fn an_unknown_model_is_the_clients_mistake_and_says_what_to_do() {
    let provider = FakeProvider::new([]);
    let router = Router::new([deployment("m", "1", &provider)], HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"gpt-9"}"#);
    let unanswered = router.run(&route(&inbound, "gpt-9", false)).await.err().expect("unknown");
    assert_eq!((unanswered.error.kind(), unanswered.error.status()), (ErrorKind::UnknownModel, 400));
    assert!(
        unanswered.error.message().contains("`gpt-9`") && unanswered.error.message().contains("/v1/models")
    );
}

#[tokio::test]
async fn attempts_are_in_flight_until_their_answer_is_dropped() {
    let provider = FakeProvider::new([]);
    let only = deployment("m", "1", &provider);
    let router = Router::new([Arc::clone(&only)], HashMap::new(), settings());
    let inbound = inbound(r#"{"model":"m"}"#);
    let routed = router.run(&route(&inbound, "m", false)).await.expect("answers");
    assert_eq!(only.quota().in_flight(), 1);
    drop(routed);
    assert_eq!(only.quota().in_flight(), 0);
}
