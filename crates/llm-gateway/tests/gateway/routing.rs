//! Where a request goes: what it may say about it, and what it is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::operation::Operation;
use llm_core::{Error, ErrorKind, Provider};
use llm_gateway::{AccountSpec, Answer, AnswerBody, Gateway, GatewayParts, Incoming};
use llm_router::{
    BuiltIn, Chosen, Deployment, DeploymentSpec, GroupSettings, HedgeAfter, HedgeSettings, Router,
    RouterSettings,
};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script};

/// A gateway whose groups `a`, `b` and `c` have one deployment each, but `a` two.
fn gateway(a: impl IntoIterator<Item = Script>, settings: RouterSettings) -> Gateway {
    let first = FakeProvider::new(a);
    let others = [("a", "a2"), ("b", "b1"), ("c", "c1")];
    let others = others.map(|(group, id)| (group, id, FakeProvider::new([])));
    let deployment = |group: &str, id: &str, vendor: Arc<FakeProvider>| {
        let provider: Arc<dyn Provider> = vendor;
        let spec = DeploymentSpec::new(id, group, "gpt-4o", provider);
        Arc::new(Deployment::new(DeploymentSpec { order: u32::from(id == "a2"), ..spec }))
    };
    let mut deployments = vec![deployment("a", "a1", first)];
    deployments.extend(others.map(|(group, id, vendor)| deployment(group, id, vendor)));
    let account = || AccountSpec { price_provider: "openai".into(), ..AccountSpec::default() };
    let accounts = ["a1", "a2", "b1", "c1"].map(|id| (id.to_owned(), account()));
    Gateway::new(GatewayParts {
        accounts: HashMap::from(accounts),
        ..GatewayParts::new(Router::new(deployments, HashMap::new(), settings), vec![Arc::new(PlainIngress)])
    })
}

fn settings() -> RouterSettings {
    RouterSettings { strategy: Chosen::BuiltIn(BuiltIn::FirstAvailable), ..RouterSettings::default() }
}

fn fails(kind: ErrorKind) -> [Script; 3] {
    [0; 3].map(|_| Script::Fail(Error::new(kind, "the vendor said no")))
}

async fn ask(gateway: &Gateway, body: &str, explain: bool) -> Answer {
    let mut headers = HeaderMap::new();
    if explain {
        headers.insert(HeaderName::from_static("x-llm-explain"), HeaderValue::from_static("true"));
    }
    let incoming = Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        received: Instant::now(),
        call_id: None,
        uri: http::Uri::default(),
        address: None,
    };
    gateway.handle(incoming).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

fn text(answer: Answer) -> String {
    let AnswerBody::Whole(body) = answer.body else { panic!("no stream was asked for") };
    String::from_utf8(body.joined().to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn a_request_may_replace_settings_of_the_router() {
    for (said, group, deployment) in [
        (r#""num_retries":1"#, "a", "a2"),
        (
            r#""router_settings_override":{"fallbacks":["b"]},"load_balance_strategy":"round_robin""#,
            "a",
            "a2",
        ),
        (r#""context_window_fallbacks":["c"]"#, "a", "a2"),
    ] {
        let gateway = gateway(fails(ErrorKind::Overloaded), settings());
        let answer = ask(&gateway, &format!(r#"{{"model":"a",{said}}}"#), false).await;
        assert_eq!(answer.status, 200);
        assert_eq!(header(&answer, "x-litellm-model-group"), group);
        assert_eq!(header(&answer, "x-litellm-model-id"), deployment);
        assert_eq!(header(&answer, "x-litellm-attempted-retries"), "1");
    }
}

#[tokio::test]
async fn a_request_names_fallbacks_in_each_of_litellms_forms() {
    for said in [
        r#""fallbacks":["b"]"#,
        r#""fallbacks":[{"model":"b"}]"#,
        r#""fallbacks":[{"other":["c"]},{"a":["b"]}]"#,
        r#""fallbacks":[{"*":["b"]}]"#,
        r#""router_settings_override":{"fallbacks":[{"a":["b"]}]}"#,
        r#""fallbacks":["b"],"router_settings_override":{"fallbacks":["c"]}"#,
        r#""context_window_fallbacks":[{"a":["b"]}],"fallbacks":["c"]"#,
    ] {
        let body = format!(r#"{{"model":"a",{said}}}"#);
        let answer = ask(&only_failing(), &body, true).await;
        assert_eq!(header(&answer, "x-litellm-model-id"), "b1", "{said}: {}", header(&answer, "x-llm-trail"));
        assert_eq!(header(&answer, "x-litellm-attempted-fallbacks"), "1");
    }
}

/// A gateway whose group `a` cannot take any prompt.
fn only_failing() -> Gateway {
    let vendors = [fails(ErrorKind::ContextLength).into(), Vec::new(), Vec::new()];
    let deployments = ["a", "b", "c"].into_iter().zip(vendors).map(|(group, script)| {
        let provider: Arc<dyn Provider> = FakeProvider::new(script);
        Arc::new(Deployment::new(DeploymentSpec::new(format!("{group}1"), group, "gpt-4o", provider)))
    });
    Gateway::new(GatewayParts::new(
        Router::new(deployments, HashMap::new(), settings()),
        vec![Arc::new(PlainIngress)],
    ))
}

#[tokio::test]
async fn what_a_fallback_says_beside_its_model_is_told_to_be_dropped() {
    let body = r#"{"model":"a","fallbacks":[{"model":"b","messages":[],"temperature":1}]}"#;
    let answer = ask(&only_failing(), body, false).await;
    assert_eq!(answer.status, 200);
    assert_eq!(header(&answer, "x-llm-dropped"), "fallbacks[].messages,fallbacks[].temperature");
}

#[tokio::test]
async fn fallbacks_are_switched_off_wherever_the_request_says_so() {
    for said in [
        r#""disable_fallbacks":true,"fallbacks":["b"]"#,
        r#""fallbacks":["b"],"router_settings_override":{"disable_fallbacks":true}"#,
        r#""fallbacks":[]"#,
    ] {
        let answer = ask(&only_failing(), &format!(r#"{{"model":"a",{said}}}"#), false).await;
        assert_eq!(answer.status, 400, "{said}");
    }
    let said = r#""fallbacks":["b"],"disable_fallbacks":false,"router_settings_override":{"disable_fallbacks":true}"#;
    assert_eq!(ask(&only_failing(), &format!(r#"{{"model":"a",{said}}}"#), false).await.status, 200);
}

#[tokio::test]
async fn wrong_settings_of_a_request_are_refused_by_name() {
    for (said, names) in [
        (r#""router_settings_override":{"cooldown_time":5}"#, "unknown setting `cooldown_time`"),
        (r#""router_settings_override":{"num_retries":"many"}"#, "invalid `num_retries`"),
        (r#""router_settings_override":{"timeout":0}"#, "invalid `timeout`"),
        (r#""router_settings_override":{"routing_strategy":"fastest"}"#, "unknown load balance strategy"),
        (r#""router_settings_override":{"mid_stream":"hope"}"#, "invalid `mid_stream`"),
        (r#""router_settings_override":{"retry_policy":{"RateLimit":1}}"#, "unknown error class `RateLimit`"),
        (r#""router_settings_override":[]"#, "invalid `router_settings_override`"),
        (r#""mid_stream":"hope""#, "invalid `mid_stream`"),
        (r#""fallbacks":[{"model":7}]"#, "invalid `fallbacks`"),
        (r#""content_policy_fallbacks":[{"a":"b"}]"#, "invalid `content_policy_fallbacks`"),
    ] {
        let answer = ask(&gateway([], settings()), &format!(r#"{{"model":"a",{said}}}"#), false).await;
        assert_eq!(answer.status, 400, "{said}");
        let told = text(answer);
        assert!(told.contains(names), "{said}: {told}");
    }
}

#[tokio::test]
async fn the_way_of_a_call_is_told_on_request_also_when_it_failed() {
    let answer = ask(&gateway(fails(ErrorKind::Overloaded), settings()), r#"{"model":"a"}"#, true).await;
    let trail = header(&answer, "x-llm-trail");
    assert!(trail.starts_with("group a: a1, a2; a1 failed: overloaded after "), "{trail}");
    assert!(trail.contains("; a2 answered after "), "{trail}");
    let answer = ask(&gateway([], settings()), r#"{"model":"a"}"#, false).await;
    assert_eq!(header(&answer, "x-llm-trail"), "");
    let body = r#"{"model":"a","disable_fallbacks":true}"#;
    let answer = ask(&only_failing(), body, true).await;
    assert_eq!(answer.status, 400);
    assert!(header(&answer, "x-llm-trail").contains("a1 failed: context_length"));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_second_attempt_is_booked_with_its_prompt() {
    let hedge = HedgeSettings { after: HedgeAfter::Fixed(Duration::from_millis(50)), budget: 1.0 };
    let own = GroupSettings { hedge: Some(hedge), ..GroupSettings::default() };
    let settings = RouterSettings { groups: HashMap::from([("a".to_owned(), own)]), ..settings() };
    let gateway = gateway([Script::Silence], settings);
    let body = r#"{"model":"a","stream":true,"text":"twenty letters long."}"#;
    let answer = ask(&gateway, body, false).await;
    assert_eq!(header(&answer, "x-litellm-model-id"), "a2");
    assert_eq!(header(&answer, "x-litellm-attempted-retries"), "0");
    drop(answer);
    let status = gateway.status();
    let of = |id: &str| status.providers.iter().find(|one| one.model_id == id).expect("known");
    let loser = of("a1");
    assert_eq!((loser.in_flight, loser.total_tokens), (0, (body.len() as u64).div_ceil(4)));
    assert_ne!(loser.total_cost, "0");
}

#[tokio::test]
async fn a_plan_asks_no_vendor() {
    let gateway = gateway([], settings());
    let body = Bytes::from_static(br#"{"model":"a","fallbacks":["c"],"cache":{}}"#);
    let plan = gateway.explain(None, HeaderMap::new(), body).expect("known");
    let plan = serde_json::to_value(&plan).expect("JSON");
    assert_eq!(plan["groups"][0]["deployments"][0]["candidate"], true);
    assert_eq!(
        plan["groups"][0]["deployments"][1]["passed_over"],
        "deployments of a lower `order` come first"
    );
    assert_eq!((plan["groups"][1]["name"].as_str(), plan["ignored"][0].as_str()), (Some("c"), Some("cache")));
    assert!(gateway.status().providers.iter().all(|one| one.attempts == 0));
    let error = gateway.explain(None, HeaderMap::new(), Bytes::from_static(b"{}")).expect_err("no model");
    assert!(error.message().contains("names no model"));
}
