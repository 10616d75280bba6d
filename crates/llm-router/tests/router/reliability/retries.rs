//! Retries against fake vendors: how many, where, and when there are none.

use std::collections::HashMap;
use std::time::Duration;

use super::common::{Call, deployment, failure, failures, ordered, settings};
use llm_core::{Error, ErrorKind};
use llm_router::{
    ErrorClass, GroupSettings, HealthSettings, Limits, RetryBudgetSettings, RetryPolicy, RouteOptions,
    Router, RouterSettings, Step, Stopped,
};
use llm_testkit::fake::{FakeProvider, Script};

fn policy(class: ErrorClass, retries: u32) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.set(class, retries);
    policy
}

#[tokio::test(start_paused = true)]
async fn the_number_of_retries_is_of_the_request_then_the_deployment_then_the_group_then_the_router() {
    let own = |num_retries| GroupSettings { num_retries, ..GroupSettings::default() };
    for (request, deployments, group, router, attempts) in [
        (None, None, None, 1, 2),
        (None, None, Some(3), 1, 4),
        (None, Some(0), Some(3), 1, 1),
        (Some(2), Some(0), Some(3), 1, 3),
    ] {
        let vendor = FakeProvider::new(failures(ErrorKind::Overloaded, 9));
        let one = ordered("m", "one", 0, deployments, &vendor);
        let groups = HashMap::from([("m".to_owned(), own(group))]);
        let settings = RouterSettings { num_retries: router, groups, ..settings() };
        let options = RouteOptions { num_retries: request, ..RouteOptions::default() };
        let call = Call { options, ..Call::of("m") };
        assert!(call.run(&Router::new([one], HashMap::new(), settings)).await.is_err());
        assert_eq!(vendor.calls().len(), attempts, "{request:?} {deployments:?} {group:?} {router}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_counts_by_what_went_wrong() {
    for (kind, attempts) in [
        (ErrorKind::RateLimited, 4),
        (ErrorKind::QuotaExhausted, 1),
        (ErrorKind::Timeout, 1),
        (ErrorKind::UpstreamFailure, 2),
    ] {
        let vendor = FakeProvider::new(failures(kind, 9));
        let mut retry_policy = policy(ErrorClass::RateLimit, 3);
        retry_policy.set(ErrorClass::Timeout, 0);
        retry_policy.default = Some(1);
        let settings = RouterSettings { retry_policy, ..settings() };
        let router = Router::new([deployment("m", "only", &vendor)], HashMap::new(), settings);
        assert!(Call::of("m").run(&router).await.is_err());
        assert_eq!(vendor.calls().len(), attempts, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_names_refusals_has_them_tried_again() {
    let vendor = FakeProvider::new(failures(ErrorKind::ContentFilter, 2));
    let groups = HashMap::from([(
        "m".to_owned(),
        GroupSettings {
            retry_policy: policy(ErrorClass::ContentPolicyViolation, 2),
            ..GroupSettings::default()
        },
    )]);
    let settings = RouterSettings { groups, ..settings() };
    let router = Router::new([deployment("m", "only", &vendor)], HashMap::new(), settings);
    assert!(Call::of("m").run(&router).await.is_ok());
    assert_eq!(vendor.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_waited_for_only_where_the_same_deployment_is_asked_again() {
    let hinted = || {
        let error = Error::new(ErrorKind::RateLimited, "slow down");
        Script::Fail(error.with_retry_after(Duration::from_secs(20)))
    };
    for others in [0, 1] {
        let (first, second) = (FakeProvider::new([hinted()]), FakeProvider::new([]));
        let both = [deployment("m", "first", &first), deployment("m", "second", &second)];
        let router = Router::new(both.into_iter().take(1 + others), HashMap::new(), settings());
        let began = tokio::time::Instant::now();
        assert!(Call::of("m").run(&router).await.is_ok());
        assert_eq!((first.calls().len(), second.calls().len()), if others == 0 { (2, 0) } else { (1, 1) });
        assert_eq!(began.elapsed() >= Duration::from_secs(20), others == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_wants_long_rest_is_left_alone() {
    let error = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(300));
    let only = FakeProvider::new([Script::Fail(error)]);
    let router = Router::new([deployment("m", "only", &only)], HashMap::new(), settings());
    let unanswered = Call::of("m").run(&router).await.err().expect("nobody else is there");
    assert_eq!(unanswered.error.retry_after(), Some(Duration::from_secs(300)));
    assert_eq!(unanswered.trail.steps().last(), Some(&Step::Stopped(Stopped::LongHint)));
}

#[tokio::test]
async fn an_empty_budget_stops_retries_and_not_fallbacks() {
    let (bad, other) = (FakeProvider::new(failures(ErrorKind::Overloaded, 99)), FakeProvider::new([]));
    let deployments = [
        deployment("a", "1", &bad),
        deployment("a", "2", &bad),
        deployment("a", "3", &bad),
        deployment("b", "4", &other),
    ];
    let settings = RouterSettings {
        retry_budget: RetryBudgetSettings { share: 0.1, per_second: 0.0 },
        // Else nobody would ask the first group any more.
        health: HealthSettings { enabled: false, ..HealthSettings::default() },
        default_fallbacks: vec!["b".into()],
        ..settings()
    };
    let router = Router::new(deployments, HashMap::new(), settings);
    for _ in 0..30 {
        let routed = Call::of("a").run(&router).await.expect("the fallback answers");
        assert_eq!(routed.group, "b");
    }
    let asked = bad.calls().len();
    assert!((30..=33).contains(&asked), "thirty requests may make three retries: {asked}");
}

#[tokio::test]
async fn higher_levels_come_before_fallbacks_and_need_no_retries() {
    let (first, second) = (
        FakeProvider::new(failures(ErrorKind::Overloaded, 9)),
        FakeProvider::new(failures(ErrorKind::ContextLength, 9)),
    );
    let (third, other) = (FakeProvider::new([]), FakeProvider::new([]));
    let deployments = [
        ordered("m", "third", 3, None, &third),
        ordered("m", "first", 1, None, &first),
        ordered("m", "second", 2, None, &second),
        deployment("other", "other", &other),
    ];
    let settings = RouterSettings { num_retries: 0, default_fallbacks: vec!["other".into()], ..settings() };
    let routed = Call::of("m").run(&Router::new(deployments, HashMap::new(), settings)).await;
    let routed = routed.expect("the third level answers");
    assert_eq!((routed.group.as_str(), routed.fallbacks, routed.retries), ("m", 0, 2));
    assert_eq!((first.calls().len(), second.calls().len(), third.calls().len()), (1, 1, 1));
    assert!(other.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_has_deadlines_of_its_own() {
    let silent = FakeProvider::new([Script::Silence, Script::Silence]);
    let limits = Limits { total: Some(Duration::from_secs(2)), ..Limits::default() };
    let groups = HashMap::from([("m".to_owned(), GroupSettings { limits, ..GroupSettings::default() })]);
    let router = Router::new(
        [deployment("m", "silent", &silent)],
        HashMap::new(),
        RouterSettings { groups, ..settings() },
    );
    let began = tokio::time::Instant::now();
    let unanswered = Call::of("m").run(&router).await.err().expect("silence");
    assert_eq!(unanswered.error.kind(), ErrorKind::Timeout);
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(silent.calls().len(), 1);
}

#[tokio::test]
async fn a_run_that_goes_on_avoids_what_broke_and_counts_on() {
    let (first, second) = (FakeProvider::new([]), FakeProvider::new([failure(ErrorKind::Overloaded)]));
    let third = FakeProvider::new([]);
    let deployments =
        [deployment("m", "1", &first), deployment("m", "2", &second), deployment("m", "3", &third)];
    let router = Router::new(deployments, HashMap::new(), RouterSettings { num_retries: 1, ..settings() });
    let avoid = ["1".to_owned()];
    let call = Call { avoid: &avoid, earlier: (1, 0), ..Call::of("m") };
    let routed = call.run(&router).await.expect("the third answers");
    assert_eq!(routed.in_flight.deployment().id, "3");
    assert_eq!((routed.attempts.len(), routed.retries), (2, 2));
    assert!(first.calls().is_empty());
    let avoid = ["1", "2", "3"].map(str::to_owned);
    let call = Call { avoid: &avoid, earlier: (3, 0), ..Call::of("m") };
    let unanswered = call.run(&router).await.err().expect("nobody is left");
    assert!(unanswered.attempts.is_empty());
    assert_eq!(unanswered.error.status(), 502);
}

#[tokio::test]
async fn the_trail_is_empty_when_all_went_well_and_tells_all_when_asked() {
    let router = Router::new(
        [deployment("m", "1", &FakeProvider::new([])), deployment("m", "2", &FakeProvider::new([]))],
        HashMap::new(),
        settings(),
    );
    assert!(Call::of("m").run(&router).await.expect("answers").trail.is_empty());
    let options = RouteOptions { explain: true, ..RouteOptions::default() };
    let routed = Call { options, ..Call::of("m") }.run(&router).await.expect("answers");
    let told = routed.trail.to_string();
    assert!(told.starts_with("group m: 1, 2; 1 answered after"), "{told}");
}
