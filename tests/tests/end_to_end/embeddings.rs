//! Embeddings through the whole gateway: paths, encodings, prices, groups, and requests that are wrong.

use end_to_end::dialect::Dialect;
use end_to_end::request::Request;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, configuration};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

const PATHS: [&str; 4] =
    ["/v1/embeddings", "/embeddings", "/openai/deployments/small/embeddings", "/v1/engines/small/embeddings"];

fn vectors() -> Answer {
    Answer::json(
        200,
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-0.5]}],"model":"vendor-large","usage":{"prompt_tokens":1000,"total_tokens":1000}}"#,
    )
}

fn mock() -> Stage {
    Stage::start("model_list:\n  - {model_name: small, litellm_params: {model: mock/echo}}\n")
}

#[tokio::test]
async fn every_path_reaches_the_vendor_and_the_answer_is_priced() {
    let vendor = ScriptedVendor::start([vectors()]).await;
    let text = configuration(
        &[Deployment::new("small", Dialect::Chat, &vendor.url()).with("input_cost_per_token: 0.000002")],
        "num_retries: 0",
    );
    let stage = Stage::start(&text);
    for path in PATHS {
        let answer =
            stage.post(path, &json!({"model": "small", "input": "hi", "api_base": "http://evil"})).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.json()["model"], "small");
        assert_eq!(answer.header("x-litellm-response-cost"), Some("0.002"), "{path}");
        assert_eq!(answer.header("x-litellm-model-group"), Some("small"));
    }
    for request in vendor.requests() {
        assert_eq!(request.target, "/v1/embeddings");
        assert_eq!(request.json(), json!({"model": "vendor-large", "input": "hi"}));
        assert_eq!(request.header("authorization"), Some(format!("Bearer {VENDOR_KEY}").as_str()));
    }
    let metrics = stage.get("/metrics").await;
    assert!(metrics.text().contains(r#"route="/v1/embeddings""#), "{}", metrics.text());
}

#[tokio::test]
async fn the_mock_makes_vectors_in_both_encodings() {
    let stage = mock();
    let body = json!({"model": "small", "input": ["the cat sat", "a cat sat", "quantum"], "dimensions": 16});
    let floats = stage.post("/v1/embeddings", &body).await.json();
    let vector = |at: usize| -> Vec<f64> {
        let list = floats["data"][at]["embedding"].as_array().into_iter().flatten();
        list.filter_map(Value::as_f64).collect()
    };
    let near = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    assert_eq!(vector(0).len(), 16);
    assert!((near(&vector(0), &vector(0)) - 1.0).abs() < 1e-6);
    assert!(near(&vector(0), &vector(1)) > near(&vector(0), &vector(2)));
    let mut asked = body.clone();
    asked["encoding_format"] = json!("base64");
    let base64 = stage.post("/v1/embeddings", &asked).await.json();
    assert_eq!(base64["data"][0]["embedding"].as_str().map(str::len), Some(88));
    assert_eq!(floats["usage"], base64["usage"]);
    assert!(floats["usage"]["prompt_tokens"].as_u64() > Some(0));
}

#[tokio::test]
async fn a_group_passes_over_deployments_without_embeddings() {
    let without = ScriptedVendor::start([Answer::json(200, "{}")]).await;
    let with = ScriptedVendor::start([vectors()]).await;
    let deployments = [
        Deployment::new("small", Dialect::Messages, &without.url()),
        Deployment::new("small", Dialect::Messages, &without.url()).id("second"),
        Deployment::new("small", Dialect::Chat, &with.url()),
        Deployment::new("chat-only", Dialect::Messages, &without.url()).id("third"),
    ];
    let stage = Stage::of(&deployments);
    for _ in 0..6 {
        let answer = stage.post("/v1/embeddings", &json!({"model": "small", "input": "hi"})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = stage.post("/v1/embeddings", &json!({"model": "chat-only", "input": "hi"})).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["param"]),
        (400, &json!("model")),
        "{}",
        answer.text()
    );
    assert!(answer.text().contains("`embeddings`"), "{}", answer.text());
    assert!(without.requests().is_empty());
}

#[tokio::test]
async fn wrong_requests_are_refused_in_the_format_of_the_client() {
    let (stage, vendor) = (mock(), ScriptedVendor::start([vectors()]).await);
    let passed = Stage::of(&[Deployment::new("small", Dialect::Chat, &vendor.url())]);
    for body in [
        json!({"model": "small"}),
        json!({"model": "small", "input": [ ]}),
        json!({"model": "small", "input": null}),
    ] {
        let answer = passed.post("/v1/embeddings", &body).await;
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("input")), "{body}");
    }
    assert!(vendor.requests().is_empty());
    for (body, param) in [
        (json!({"model": "small"}), "input"),
        (json!({"model": "small", "input": []}), "input"),
        (json!({"model": "small", "input": [1, "a"]}), "input"),
        (json!({"model": "small", "input": {"a": 1}}), "input"),
        (json!({"model": "small", "input": "a", "encoding_format": "hex"}), "encoding_format"),
        (json!({"model": "small", "input": "a", "dimensions": 1_000_000_000u64}), "dimensions"),
        (json!({"input": "a"}), "model"),
        (json!({"model": "nobody", "input": "a"}), "model"),
    ] {
        let answer = stage.post("/v1/embeddings", &body).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["param"]), (400, &json!(param)), "{body}: {error}");
        assert!(error["message"].is_string() && error["type"].is_string());
    }
    for (body, status) in [("{", 400), ("", 400), ("[]", 400), ("nothing", 400)] {
        assert_eq!(stage.call(&Request::post("/v1/embeddings", body)).await.status, status, "{body}");
    }
    let many: Vec<&str> = vec!["a"; 3000];
    let answer = stage.post("/v1/embeddings", &json!({"model": "small", "input": many})).await;
    assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(3000));
    let unlocked =
        Request::json("/v1/embeddings", &json!({"model": "small", "input": "a"})).without("authorization");
    assert_eq!(stage.call(&unlocked).await.status, 401);
}
