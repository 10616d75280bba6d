//! What the router says that it would do.

use std::collections::HashMap;

use llm_core::ErrorKind;
use llm_router::{
    BuiltIn, Chosen, FallbackList, GroupSettings, RouteOptions, Router, RouterSettings, Rule, Skipped,
};
use llm_testkit::fake::{FakeProvider, inbound};

use super::common::{Call, deployment, ordered, settings};

fn router() -> Router {
    let vendor = FakeProvider::new([]);
    let deployments = [
        ordered("m", "second", 2, None, &vendor),
        ordered("m", "first", 1, Some(4), &vendor),
        deployment("n", "other", &vendor),
    ];
    let own = GroupSettings {
        strategy: Some(Chosen::BuiltIn(BuiltIn::RoundRobin)),
        num_retries: Some(7),
        ..GroupSettings::default()
    };
    let settings = RouterSettings {
        fallbacks: vec![("m".into(), vec!["nosuch".into(), "n".into(), "m".into()])],
        context_window_fallbacks: vec![("m".into(), vec!["n".into()])],
        groups: HashMap::from([("m".to_owned(), own)]),
        ..settings()
    };
    Router::new(deployments, HashMap::new(), settings)
}

#[test]
fn a_plan_names_groups_in_order_and_why_deployments_are_passed_over() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let (router, inbound, avoid) = (router(), inbound(r#"{"model":"m"}"#), ["other".to_owned()]);
    let call = Call { avoid: &avoid, ..Call::of("m") };
    let plan = router.plan(&call.route(&inbound)).expect("known");
    let names: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["m", "n"]);
    assert_eq!((plan.groups[0].strategy, plan.groups[0].num_retries), ("round_robin", 7));
    let rules: Vec<_> =
        plan.groups[0].deployments.iter().map(|one| (one.id.as_str(), one.rule.clone())).collect();
    assert_eq!(rules, [("first", None), ("second", Some(Rule::LaterOrder))]);
    assert_eq!(plan.groups[0].deployments[0].num_retries, Some(4));
    assert_eq!(plan.groups[1].deployments[0].rule, Some(Rule::Tried));
    assert_eq!(plan.left_out, [("nosuch".to_owned(), Skipped::Unknown)]);
    assert_eq!(plan.typed.iter().map(|found| found.list).collect::<Vec<_>>(), [FallbackList::ContextWindow]);
}

#[test]
fn a_plan_follows_what_the_request_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let (router, inbound) = (router(), inbound(r#"{"model":"m"}"#));
    let mut options = RouteOptions {
        strategy: Some(BuiltIn::FirstAvailable),
        num_retries: Some(0),
        ..RouteOptions::default()
    };
    options.disable_fallbacks();
    let call = Call { options, ..Call::of("m") };
    let plan = router.plan(&call.route(&inbound)).expect("known");
    assert_eq!(
        (plan.groups.len(), plan.groups[0].strategy, plan.groups[0].num_retries),
        (1, "first_available", 0)
    );
    assert!(plan.typed.iter().all(|found| found.names.is_empty()));
}

#[test]
fn a_plan_of_an_unknown_model_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let (router, inbound) = (router(), inbound(r#"{"model":"gpt-9"}"#));
    let call = Call::of("gpt-9");
    let error = router.plan(&call.route(&inbound)).expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::UnknownModel);
}
