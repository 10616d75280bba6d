//! What operators look at: lists of models, health, status, headers, strategies.

use std::collections::BTreeMap;

use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::raw::dead_address;
use end_to_end::request::Request;
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, configuration};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

async fn fine(vendor: Dialect) -> ScriptedVendor {
    ScriptedVendor::start([vendor.answer(&Said::text("ok"), false)]).await
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str()).collect()
}

#[tokio::test]
async fn models_are_listed_in_the_shape_that_the_client_reads() {
    let deployments =
        ["small", "large"].map(|name| Deployment::new(name, Dialect::Chat, "http://127.0.0.1:9"));
    let router = "model_group_alias: {gpt-4: large, hidden-name: {model: large, hidden: true}}";
    let stage = Stage::start(&configuration(&deployments, router));
    for path in ["/v1/models", "/models"] {
        let list = stage.get(path).await.json();
        assert_eq!(
            (&list["object"], ids(&list)),
            (&json!("list"), vec!["gpt-4", "large", "small"]),
            "{path}"
        );
        for model in list["data"].as_array().expect("a list") {
            assert_eq!((&model["object"], model["created"].is_u64()), (&json!("model"), true), "{model}");
            assert!(model["owned_by"].is_string(), "{model}");
        }
        let list = stage.call(&Request::get(path).header("anthropic-version", "2023-06-01")).await.json();
        assert_eq!(ids(&list), ["gpt-4", "large", "small"], "{path}");
        assert_eq!(
            (&list["has_more"], &list["first_id"], &list["last_id"]),
            (&json!(false), &json!("gpt-4"), &json!("small"))
        );
        for model in list["data"].as_array().expect("a list") {
            assert_eq!(model["type"], "model", "{model}");
            assert!(model["display_name"].is_string() && model["created_at"].is_string(), "{model}");
        }
    }
    let one = stage.get("/v1/models/large").await;
    assert_eq!(
        (one.status, &one.json()["id"], &one.json()["object"]),
        (200, &json!("large"), &json!("model"))
    );
    let one = stage.call(&Request::get("/v1/models/large").header("anthropic-version", "2023-06-01")).await;
    assert_eq!((&one.json()["id"], &one.json()["type"]), (&json!("large"), &json!("model")));
}

#[tokio::test]
async fn an_alias_and_a_pattern_reach_their_models() {
    let server = fine(Dialect::Chat).await;
    let text = format!(
        "model_list:\n  - model_name: team/*\n    litellm_params: {{model: openai/*, api_base: '{}/v1', api_key: k}}\n\
         router_settings: {{model_group_alias: {{short: team/long-name}}, num_retries: 0}}\n",
        server.url()
    );
    let stage = Stage::start(&text);
    for client in DIALECTS {
        for name in ["team/long-name", "short"] {
            let answer = stage.post(client.path(), &client.ask(name, "Hi", false)).await;
            let heard = client.hear(&answer, false);
            assert_eq!((heard.text.as_str(), heard.model.as_str()), ("ok", name), "{client:?}");
        }
    }
    assert!(server.requests().iter().all(|request| request.json()["model"] == "long-name"));
}

#[tokio::test]
async fn health_follows_what_the_deployments_really_do() {
    let server = fine(Dialect::Chat).await;
    let deployments = [
        Deployment::new("good", Dialect::Chat, &server.url()),
        Deployment::new("bad", Dialect::Chat, &dead_address().await),
    ];
    let stage = Stage::of(&deployments);
    for name in ["good", "bad"] {
        stage.post("/v1/chat/completions", &Dialect::Chat.ask(name, "Hi", false)).await;
    }
    let health = stage.get("/health").await.json();
    assert_eq!((&health["healthy_count"], &health["unhealthy_count"]), (&json!(1), &json!(1)), "{health}");
    assert_eq!(health["healthy_endpoints"][0]["api_base"], format!("{}/v1", server.url()), "{health}");
    assert_eq!(stage.get("/health/readiness").await.json()["status"], "healthy");
    assert_eq!(stage.get("/health/liveliness").await.text(), "\"I'm alive!\"");

    let status = stage.get("/v1/providers/status").await;
    assert!(!status.everything().contains(VENDOR_KEY));
    let status = status.json();
    let of = |name: &str| {
        let all = status["providers"].as_array().into_iter().flatten();
        all.clone().find(|one| one["model_name"] == name).cloned().expect("it is listed")
    };
    let (good, bad) = (of("good"), of("bad"));
    assert_eq!(
        (&good["status"], &good["attempts"], &good["failures"]),
        (&json!("healthy"), &json!(1), &json!(0))
    );
    assert_eq!(
        (&bad["status"], &bad["attempts"], &bad["failures"]),
        (&json!("failing"), &json!(1), &json!(1))
    );
    assert_eq!((&good["total_tokens"], &good["in_flight"]), (&json!(17), &json!(0)), "{good}");
}

#[tokio::test]
async fn answers_carry_litellms_headers_and_the_vendors() {
    for client in DIALECTS {
        for stream in [false, true] {
            let answer = client
                .answer(&Said::text("ok"), stream)
                .header("x-ratelimit-remaining-requests", "9")
                .header("x-request-id", "req-vendor")
                .header("set-cookie", "vendor=1")
                .header("server", "vendor");
            let server = ScriptedVendor::start([answer]).await;
            let deployment = Deployment::new("public", client, &server.url())
                .with("input_cost_per_token: 0.000001")
                .with("output_cost_per_token: 0.000002");
            let stage = Stage::of(&[deployment]);
            let request = Request::json(client.path(), &client.ask("public", "Hi", stream));
            let answer = stage.call(&request.header("x-litellm-call-id", "call-77")).await;
            let case = format!("{client:?}, stream {stream}: {:?}", answer.headers);
            for (name, value) in [
                ("x-litellm-call-id", "call-77"),
                ("x-litellm-model-group", "public"),
                ("x-litellm-attempted-retries", "0"),
                ("x-litellm-attempted-fallbacks", "0"),
                ("x-ratelimit-remaining-requests", "9"),
                ("llm_provider-x-ratelimit-remaining-requests", "9"),
                ("llm_provider-x-request-id", "req-vendor"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{name}: {case}");
            }
            let base = format!("{}/v1", server.url());
            assert_eq!(answer.header("x-litellm-model-api-base"), Some(base.as_str()), "{case}");
            for name in ["x-litellm-model-id", "x-litellm-version"] {
                assert!(answer.header(name).is_some_and(|value| !value.is_empty()), "{name}: {case}");
            }
            assert_eq!((answer.header("set-cookie"), answer.header("server")), (None, None), "{case}");
            if stream {
                assert_eq!(answer.header("cache-control"), Some("no-cache"), "{case}");
            } else {
                // 12 tokens in, 5 out.
                assert_eq!(answer.header("x-litellm-response-cost"), Some("0.000022"), "{case}");
                assert!(answer.header("x-litellm-response-duration-ms").is_some(), "{case}");
            }
        }
    }
}

/// Asks many times and counts which deployment answered.
async fn shares(router: &str, fields: &Value, count: usize) -> BTreeMap<String, usize> {
    let server = fine(Dialect::Chat).await;
    let deployments = ["a", "b", "c"].map(|id| {
        let weight = if id == "c" { 2 } else { 1 };
        Deployment::new("public", Dialect::Chat, &server.url()).id(id).with(&format!("weight: {weight}"))
    });
    let stage = Stage::start(&configuration(&deployments, router));
    let mut connection = stage.connect().await;
    let mut body = Dialect::Chat.ask("public", "Hi", false);
    body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    let request = Request::json("/v1/chat/completions", &body);
    let mut shares = BTreeMap::new();
    for _ in 0..count {
        let answer = connection.call(&request).await;
        let id = answer.header("x-litellm-model-id").expect("it says who answered").to_owned();
        *shares.entry(id).or_insert(0) += 1;
    }
    shares
}

#[tokio::test]
async fn strategies_share_the_traffic_as_they_say() {
    let none = json!({});
    let turns = shares("routing_strategy: round_robin", &none, 40).await;
    assert_eq!(turns, BTreeMap::from([("a".into(), 10), ("b".into(), 10), ("c".into(), 20)]));
    let first = shares("routing_strategy: first_available", &none, 5).await;
    assert_eq!(first, BTreeMap::from([("a".into(), 5)]));
    let shuffled = shares("routing_strategy: simple-shuffle", &none, 400).await;
    for (id, expected) in [("a", 100), ("b", 100), ("c", 200)] {
        let count = shuffled.get(id).copied().unwrap_or(0);
        assert!(count.abs_diff(expected) < 60, "{id} has its share: {shuffled:?}");
    }
    let own =
        shares("routing_strategy: simple-shuffle", &json!({"load_balance_strategy": "first_available"}), 5)
            .await;
    assert_eq!(own, BTreeMap::from([("a".into(), 5)]), "a request may choose");
}

#[tokio::test]
async fn tokens_are_counted_by_the_vendor_or_here() {
    let vendor = ScriptedVendor::start([Answer::json(200, r#"{"input_tokens":42}"#)]).await;
    let chat = fine(Dialect::Chat).await;
    let deployments = [
        Deployment::new("own", Dialect::Messages, &vendor.url()),
        Deployment::new("other", Dialect::Chat, &chat.url()),
    ];
    let stage = Stage::of(&deployments);
    let body = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "one two three four"}]});
    let counted = stage.post("/v1/messages/count_tokens", &body("own")).await;
    assert_eq!((counted.status, counted.json()), (200, json!({"input_tokens": 42})));
    assert_eq!(
        vendor.requests().first().map(|request| request.target.clone()).as_deref(),
        Some("/v1/messages/count_tokens")
    );
    let counted = stage.post("/v1/messages/count_tokens", &body("other")).await;
    let tokens = counted.json()["input_tokens"].as_u64().unwrap_or(0);
    assert!((3..20).contains(&tokens), "{}", counted.text());
    assert_eq!(chat.requests().len(), 0);
}
