//! Fallbacks against fake vendors: which list, in which order, and never in a circle.

use std::collections::HashMap;
use std::sync::Arc;

use llm_core::ErrorKind;
use llm_router::{Alias, Deployment, RouteOptions, Router, RouterSettings, Skipped, Step};
use llm_testkit::fake::FakeProvider;

use super::common::{Call, deployment, failure, failures, settings};

fn lists(entries: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    entries.iter().map(|(group, list)| ((*group).to_owned(), names(list))).collect()
}

/// Groups of one deployment each; those that are named with an error fail with it, always.
fn groups(failing: &[(&str, ErrorKind)], good: &[&str]) -> Vec<Arc<Deployment>> {
    let bad =
        failing.iter().map(|(name, kind)| deployment(name, name, &FakeProvider::new(failures(*kind, 99))));
    bad.chain(good.iter().map(|name| deployment(name, name, &FakeProvider::new([])))).collect()
}

fn router(deployments: Vec<Arc<Deployment>>, settings: RouterSettings) -> Router {
    Router::new(deployments, HashMap::new(), RouterSettings { num_retries: 0, ..settings })
}

async fn answers(router: &Router, call: &Call<'_>) -> String {
    match call.run(router).await {
        Ok(routed) => routed.group,
        Err(unanswered) => format!("{}: {}", unanswered.error.kind().name(), unanswered.trail),
    }
}

#[tokio::test]
async fn the_kind_of_the_error_chooses_the_list() {
    let settings = RouterSettings {
        fallbacks: lists(&[("long", &["general"]), ("lewd", &["general"]), ("down", &["general"])]),
        context_window_fallbacks: lists(&[("long", &["large"]), ("lewd", &["large"]), ("down", &["large"])]),
        content_policy_fallbacks: lists(&[("lewd", &["lax"]), ("down", &["lax"])]),
        ..settings()
    };
    let failing = [
        ("long", ErrorKind::ContextLength),
        ("lewd", ErrorKind::ContentFilter),
        ("down", ErrorKind::UpstreamFailure),
    ];
    let router = router(groups(&failing, &["large", "lax", "general"]), settings);
    for (model, group) in [("long", "large"), ("lewd", "lax"), ("down", "general")] {
        assert_eq!(answers(&router, &Call::of(model)).await, group);
    }
}

#[tokio::test]
async fn a_target_that_fails_goes_on_to_its_own_fallbacks_first() {
    let settings = RouterSettings {
        fallbacks: lists(&[("a", &["b", "d"])]),
        context_window_fallbacks: lists(&[("b", &["c"])]),
        ..settings()
    };
    let failing = [("a", ErrorKind::Overloaded), ("b", ErrorKind::ContextLength)];
    let router = router(groups(&failing, &["c", "d"]), settings);
    assert_eq!(answers(&router, &Call::of("a")).await, "c");
}

#[tokio::test]
async fn circles_end_and_no_group_is_gone_to_twice() {
    let settings = RouterSettings {
        fallbacks: lists(&[("a", &["b", "nick"]), ("b", &["a", "c"]), ("c", &["b", "a", "c"])]),
        ..settings()
    };
    let vendors = ["a", "b", "c"].map(|_| FakeProvider::new(failures(ErrorKind::Overloaded, 9)));
    let deployments = ["a", "b", "c"].iter().zip(&vendors).map(|(name, one)| deployment(name, name, one));
    let aliases = HashMap::from([("nick".to_owned(), Alias { target: "a".into(), hidden: false })]);
    let router = Router::new(deployments, aliases, RouterSettings { num_retries: 0, ..settings });
    let unanswered = Call::of("a").run(&router).await.err().expect("all are down");
    assert_eq!(unanswered.fallbacks, 2);
    assert_eq!(vendors.map(|vendor| vendor.calls().len()), [1, 1, 1]);
}

#[tokio::test]
async fn there_are_at_most_so_many_fallbacks() {
    let names: Vec<String> = (0..10).map(|number| format!("g{number}")).collect();
    let failing: Vec<(&str, ErrorKind)> =
        names.iter().map(|name| (name.as_str(), ErrorKind::Timeout)).collect();
    let settings = RouterSettings { default_fallbacks: names.clone(), max_fallbacks: 3, ..settings() };
    let router = router(groups(&failing, &[]), settings);
    let unanswered = Call::of("g0").run(&router).await.err().expect("all are down");
    assert_eq!((unanswered.attempts.len(), unanswered.fallbacks), (4, 3));
    let last = Step::Skipped { name: "g4".into(), why: Skipped::Enough };
    assert_eq!(unanswered.trail.steps().last(), Some(&last));
    let options = RouteOptions { max_fallbacks: Some(1), ..RouteOptions::default() };
    let unanswered = Call { options, ..Call::of("g0") }.run(&router).await.err().expect("all are down");
    assert_eq!(unanswered.fallbacks, 1);
}

#[tokio::test]
async fn what_a_vendor_refuses_goes_to_a_fallback_unless_that_is_switched_off() {
    for kind in [ErrorKind::InvalidRequest, ErrorKind::Unsupported] {
        for (fallback_on_unsupported_params, group) in [(true, "b"), (false, kind.name())] {
            let settings = RouterSettings {
                default_fallbacks: vec!["b".into()],
                fallback_on_unsupported_params,
                ..settings()
            };
            let router = router(groups(&[("a", kind)], &["b"]), settings);
            let said = answers(&router, &Call::of("a")).await;
            assert!(said.starts_with(group), "{kind:?}: {said}");
        }
    }
}

#[tokio::test]
async fn what_two_vendors_refuse_is_the_clients_mistake() {
    let settings = RouterSettings { fallbacks: lists(&[("a", &["b", "c", "d"])]), ..settings() };
    let failing = [("a", ErrorKind::InvalidRequest), ("b", ErrorKind::InvalidRequest)];
    let unanswered = Call::of("a").run(&router(groups(&failing, &["c", "d"]), settings)).await;
    let unanswered = unanswered.err().expect("refused");
    assert_eq!((unanswered.error.kind(), unanswered.attempts.len()), (ErrorKind::InvalidRequest, 2));
}

#[tokio::test]
async fn a_fallback_that_refuses_the_request_is_not_the_end() {
    let settings = RouterSettings {
        fallbacks: lists(&[("a", &["b", "c"])]),
        fallback_on_unsupported_params: false,
        ..settings()
    };
    let failing = [("a", ErrorKind::Overloaded), ("b", ErrorKind::InvalidRequest)];
    let router = router(groups(&failing, &["c"]), settings);
    assert_eq!(answers(&router, &Call::of("a")).await, "c");
}

#[tokio::test]
async fn the_client_is_told_what_is_wrong_with_its_request_and_not_what_failed_after() {
    let settings = RouterSettings { default_fallbacks: vec!["b".into()], ..settings() };
    let failing = [("a", ErrorKind::ContextLength), ("b", ErrorKind::Overloaded)];
    let router = router(groups(&failing, &[]), settings);
    let unanswered = Call::of("a").run(&router).await.err().expect("both fail");
    assert_eq!(unanswered.error.kind(), ErrorKind::ContextLength);
    let unanswered = Call::of("b").run(&router).await.err().expect("it fails");
    assert_eq!(unanswered.error.kind(), ErrorKind::Overloaded);
}

#[tokio::test]
async fn a_request_may_name_its_own_lists_or_none() {
    let own = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let mut none = RouteOptions::default();
    none.disable_fallbacks();
    let configured = || RouterSettings {
        context_window_fallbacks: lists(&[("a", &["b"])]),
        default_fallbacks: vec!["b".into()],
        ..settings()
    };
    for (options, said) in [
        (RouteOptions::default(), "b"),
        (RouteOptions { fallbacks: own(&["c"]), ..RouteOptions::default() }, "c"),
        (RouteOptions { context_window_fallbacks: own(&["c"]), ..RouteOptions::default() }, "c"),
        (RouteOptions { content_policy_fallbacks: own(&["c"]), ..RouteOptions::default() }, "b"),
        (none, "context_length"),
    ] {
        let router = router(groups(&[("a", ErrorKind::ContextLength)], &["b", "c"]), configured());
        let told = answers(&router, &Call { options, ..Call::of("a") }).await;
        assert!(told.starts_with(said), "{told}");
    }
}

#[tokio::test]
async fn a_fallback_that_the_caller_may_not_use_is_left_out() {
    let settings = RouterSettings { fallbacks: lists(&[("a", &["b", "c"])]), ..settings() };
    let router = router(groups(&[("a", ErrorKind::Overloaded)], &["b", "c"]), settings);
    let may_use = |name: &str| name != "b";
    let routed = Call { may_use: Some(&may_use), ..Call::of("a") }.run(&router).await.expect("c answers");
    assert_eq!(routed.group, "c");
    assert!(routed.trail.to_string().contains("fallback to b left out: the caller may not use it"));
}

#[tokio::test]
async fn patterns_carry_their_text_to_the_fallback() {
    let vendor = FakeProvider::new([failure(ErrorKind::Overloaded)]);
    let other = FakeProvider::new([]);
    let deployments = [deployment("acme/*", "acme", &vendor), deployment("other/*", "other", &other)];
    let settings = RouterSettings { fallbacks: lists(&[("acme/*", &["other/*"])]), ..settings() };
    let routed = Call::of("acme/large").run(&router(deployments.into(), settings)).await;
    assert_eq!(routed.expect("the other one answers").group, "other/large");
}
