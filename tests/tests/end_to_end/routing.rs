//! Fallbacks by what went wrong, settings of groups and requests, and what the gateway says that it would do.

use std::time::{Duration, Instant};

use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::raw::dead_address;
use end_to_end::request::Request;
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use futures_util::future::join_all;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

async fn fine(vendor: Dialect, stream: bool) -> ScriptedVendor {
    ScriptedVendor::start([vendor.answer(&Said::text("I am here."), stream)]).await
}

/// What each kind of vendor says when a prompt is too long, or is refused by its policy.
fn refusal(vendor: Dialect, too_long: bool) -> Answer {
    let body = match (vendor, too_long) {
        (Dialect::Messages, true) => json!({"type": "error", "error": {
            "type": "invalid_request_error",
            "message": "prompt is too long: 250000 tokens > 200000 maximum",
        }}),
        (Dialect::Messages, false) => json!({"type": "error", "error": {
            "type": "invalid_request_error",
            "message": "Output blocked by content filtering policy",
        }}),
        (_, true) => json!({"error": {
            "message": "This model's maximum context length is 8192 tokens.",
            "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded",
        }}),
        (_, false) => json!({"error": {
            "message": "The response was filtered.",
            "type": "invalid_request_error", "param": "prompt", "code": "content_filter",
        }}),
    };
    Answer::json(400, body.to_string())
}

#[tokio::test]
async fn a_prompt_that_is_too_long_and_one_that_is_refused_go_different_ways() {
    let calls = pairs().map(async |(client, vendor, stream)| {
        for too_long in [true, false] {
            let small = ScriptedVendor::start([refusal(vendor, too_long)]).await;
            let (large, lax, other) =
                (fine(vendor, stream).await, fine(vendor, stream).await, fine(vendor, stream).await);
            let deployments = [
                Deployment::new("small", vendor, &small.url()),
                Deployment::new("large", vendor, &large.url()),
                Deployment::new("lax", vendor, &lax.url()),
                Deployment::new("other", vendor, &other.url()),
            ];
            let router = "context_window_fallbacks: [{small: [large]}]\n\
                          content_policy_fallbacks: [{small: [lax]}]\nfallbacks: [{small: [other]}]";
            let stage = Stage::start(&configuration(&deployments, router));
            let answer = stage.post(client.path(), &client.ask("small", "Hi", stream)).await;
            let case =
                format!("{client:?} to {vendor:?}, stream {stream}, too long {too_long}: {}", answer.text());
            assert_eq!(answer.status, 200, "{case}");
            assert_eq!(client.hear(&answer, stream).text, "I am here.", "{case}");
            let group = if too_long { "large" } else { "lax" };
            assert_eq!(answer.header("x-litellm-model-group"), Some(group), "{case}");
            assert_eq!(answer.header("x-litellm-attempted-fallbacks"), Some("1"), "{case}");
            assert_eq!(answer.header("x-litellm-attempted-retries"), Some("0"), "{case}");
            assert_eq!(small.requests().len(), 1, "{case}");
        }
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_retry_policy_and_a_groups_own_number_count() {
    for (router, asked) in [
        ("num_retries: 0\nretry_policy: {InternalServerErrorRetries: 2}", 3),
        ("num_retries: 3\ngroups: {public: {num_retries: 1}}", 2),
        ("num_retries: 3\nmodel_group_retry_policy: {public: {InternalServerErrorRetries: 0}}", 1),
    ] {
        let vendor = Dialect::Chat;
        let error = vendor.vendor_error("api_error", "oops").to_string();
        let server = ScriptedVendor::start([Answer::json(500, error)]).await;
        let deployments = [0; 4].map(|_| Deployment::new("public", vendor, &server.url()));
        let stage = Stage::start(&configuration(&deployments, router));
        let answer = stage.post(vendor.path(), &vendor.ask("public", "Hi", false)).await;
        assert_eq!(answer.status, 500, "{router}: {}", answer.text());
        assert_eq!(server.requests().len(), asked, "{router}");
    }
}

#[tokio::test]
async fn a_group_has_times_of_its_own() {
    let vendor = Dialect::Chat;
    let silent = ScriptedVendor::start([Answer::events().hanging()]).await;
    let deployments = [Deployment::new("public", vendor, &silent.url())];
    let router = "num_retries: 0\ngroups: {public: {first_content_timeout: 0.3}}";
    let stage = Stage::start(&configuration(&deployments, router));
    let began = Instant::now();
    let answer = stage.post(vendor.path(), &vendor.ask("public", "Hi", true)).await;
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_slow_stream_is_hedged_and_the_faster_one_wins() {
    let vendor = Dialect::Chat;
    let silent = ScriptedVendor::start([Answer::events().hanging()]).await;
    let quick = fine(vendor, true).await;
    let deployments = [
        Deployment::new("public", vendor, &silent.url()).with("order: 1"),
        Deployment::new("public", vendor, &quick.url()).with("order: 2"),
    ];
    let router = "groups: {public: {hedge: {after: 0.2, budget: 1}}}";
    let stage = Stage::start(&configuration(&deployments, router));
    let answer = stage.post(vendor.path(), &vendor.ask("public", "Hi", true)).await;
    assert_eq!(vendor.hear(&answer, true).text, "I am here.");
    assert_eq!(answer.header("x-litellm-attempted-retries"), Some("0"));
    assert_eq!((silent.requests().len(), quick.requests().len()), (1, 1));
    tokio::time::timeout(Duration::from_secs(5), silent.hung_up()).await.expect("the loser is cancelled");
    let metrics = stage.get("/metrics").await;
    let cancelled = metrics.text().lines().any(|line| {
        line.starts_with("litellm_deployment_failure_responses")
            && line.contains("ancelled")
            && line.ends_with(" 1")
    });
    assert!(cancelled, "{}", metrics.text());
}

#[tokio::test]
async fn a_plan_says_who_would_be_asked_and_asks_nobody() {
    let vendor = Dialect::Chat;
    let server = fine(vendor, false).await;
    let deployments = [
        Deployment::new("smart", vendor, &server.url()).id("one").with("weight: 3"),
        Deployment::new("smart", vendor, &server.url()).id("two").with("order: 1"),
        Deployment::new("cheap", vendor, &server.url()).id("three"),
    ];
    let router = "fallbacks: [{smart: [cheap]}]\ngroups: {smart: {num_retries: 4, timeout: 30}}";
    let stage = Stage::start(&configuration(&deployments, router));
    let refused = stage.call(&Request::json("/v1/route/explain", &json!({})).without("authorization")).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    let plan = stage.post("/v1/route/explain", &vendor.ask("smart", "Hi", false)).await;
    assert_eq!(plan.status, 200, "{}", plan.text());
    let plan = plan.json();
    let told = |pointer: &str| plan.pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(told("/groups/0/num_retries"), 4);
    assert_eq!(told("/groups/0/timeouts/headers"), 30.0);
    assert_eq!(told("/groups/0/deployments/0/id"), "one");
    assert_eq!(told("/groups/0/deployments/0/candidate"), true);
    assert_eq!(told("/groups/0/deployments/1/candidate"), false);
    assert_eq!(told("/groups/1/deployments/0/id"), "three");
    let unknown = stage.post("/v1/route/explain", &vendor.ask("nosuch", "Hi", false)).await;
    assert_eq!(unknown.status, 400, "{}", unknown.text());
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_way_of_a_call_comes_in_a_header_to_whoever_asks() {
    for client in DIALECTS {
        let server = fine(client, false).await;
        let deployments = [
            Deployment::new("public", client, &dead_address().await).id("dead").with("order: 1"),
            Deployment::new("public", client, &server.url()).id("good").with("order: 2"),
        ];
        let stage = Stage::start(&configuration(&deployments, ""));
        let body = client.ask("public", "Hi", false);
        let answer = stage.call(&Request::json(client.path(), &body).header("x-llm-explain", "true")).await;
        let trail = answer.header("x-llm-trail").unwrap_or_default();
        assert!(trail.starts_with("group public: dead, good; dead failed: connection after "), "{trail}");
        assert!(trail.contains("; good answered after "), "{trail}");
        let server_saw = server.requests();
        let seen = server_saw.first().expect("it was asked");
        assert_eq!(seen.header("x-llm-explain"), None, "the vendor does not see it");
    }
}

#[tokio::test]
async fn fields_for_the_gateway_reach_no_vendor() {
    for (client, vendor, stream) in pairs() {
        let server = fine(vendor, stream).await;
        let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
        let mut body = client.ask("public", "Hi", stream);
        let fields = json!({
            "fallbacks": [], "context_window_fallbacks": [], "content_policy_fallbacks": [],
            "disable_fallbacks": false, "mid_stream": "error", "num_retries": 0,
            "router_settings_override": {"num_retries": 0, "routing_strategy": "round_robin"},
        });
        for (key, value) in fields.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let answer = stage.post(client.path(), &body).await;
        assert_eq!(answer.status, 200, "{client:?} to {vendor:?}: {}", answer.text());
        let seen = server.requests().first().expect("it was asked").json();
        let leaked: Vec<&String> = fields
            .as_object()
            .expect("an object")
            .keys()
            .filter(|key| seen.get(key.as_str()).is_some())
            .collect();
        assert!(leaked.is_empty(), "{client:?} to {vendor:?}: {leaked:?}");
    }
}
