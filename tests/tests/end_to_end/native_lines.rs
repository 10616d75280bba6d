//! Clients of the format of lines, which streams unless told otherwise and asks about models on paths of its own, and
//! clients of text completions.

use end_to_end::request::Request;
use end_to_end::stage::Stage;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

const LINES: &str = r#"{"model":"vendor-large","created_at":"2025-10-17T23:14:07Z","message":{"role":"assistant","content":"Hello "},"done":false}
{"model":"vendor-large","created_at":"2025-10-17T23:14:07Z","message":{"role":"assistant","content":"there."},"done":false}
{"model":"vendor-large","created_at":"2025-10-17T23:14:07Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}
"#;

fn stage(address: &str) -> Stage {
    Stage::start(&format!(
        "model_list:\n  \
         - model_name: large\n    litellm_params: {{model: ollama/vendor-large, api_base: \"{address}\"}}\n  \
         - model_name: gpt-4o\n    litellm_params: {{model: openai/gpt-4o, api_base: \"{address}/v1\", api_key: sk-1}}\n\
         router_settings: {{num_retries: 0}}"
    ))
}

fn ask() -> Value {
    json!({"model": "large", "messages": [{"role": "user", "content": "Hi"}]})
}

#[tokio::test]
async fn a_request_that_does_not_say_is_streamed() {
    let vendor = ScriptedVendor::start([Answer::events().chunks_of(LINES.as_bytes(), 29)]).await;
    let answer = stage(&vendor.url()).post("/api/chat", &ask()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    assert_eq!(answer.text(), LINES.replace("vendor-large", "large"));
    let requests = vendor.requests();
    let sent = requests.first().expect("one");
    assert_eq!((sent.target.as_str(), &sent.json()["model"]), ("/api/chat", &json!("vendor-large")));
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_in_a_line() {
    let cut = LINES.lines().next().expect("a line").to_owned() + "\n";
    let vendor = ScriptedVendor::start([Answer::events().chunk(cut)]).await;
    let answer = stage(&vendor.url()).post("/api/chat", &ask()).await;
    let text = answer.text();
    let last = text.lines().last().expect("a line");
    assert!(last.starts_with(r#"{"error":""#) && text.lines().count() == 2, "{text}");
}

#[tokio::test]
async fn a_single_prompt_is_answered() {
    let vendor = ScriptedVendor::start([Answer::events().chunk(LINES)]).await;
    let body = json!({"model": "large", "prompt": "Hi", "stream": false});
    let answer = stage(&vendor.url()).post("/api/generate", &body).await;
    assert_eq!((answer.status, &answer.json()["response"]), (200, &json!("Hello there.")));
}

#[tokio::test]
async fn questions_about_models_are_answered_to_who_shows_the_key() {
    let stage = stage("http://127.0.0.1:9");
    let list = stage.get("/api/tags").await.json();
    let names: Vec<&str> =
        list["models"].as_array().into_iter().flatten().filter_map(|model| model["name"].as_str()).collect();
    assert_eq!(names, ["gpt-4o", "large"]);
    assert_eq!(stage.get("/api/ps").await.json()["models"][1]["model"], "large");
    assert!(stage.get("/api/version").await.json()["version"].is_string());
    let shown = stage.post("/api/show", &json!({"model": "gpt-4o"})).await.json();
    assert_eq!(shown["capabilities"], json!(["completion", "tools", "vision"]));
    assert_eq!(shown["model_info"]["gateway.context_length"], 128_000);
    let unknown = stage.post("/api/show", &json!({"model": "nobody"})).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["error"].as_str().is_some_and(|error| error.contains("nobody")));
    assert_eq!(stage.post("/api/show", &json!({})).await.status, 400);
    assert_eq!(stage.get("/api/show").await.status, 404);
    let stranger = stage.call(&Request::get("/api/tags").without("authorization")).await;
    assert_eq!(stranger.status, 401);
    assert!(stranger.json()["error"].is_string());
}

#[tokio::test]
async fn a_text_is_completed_by_a_vendor_of_conversations() {
    let vendor = ScriptedVendor::start([Answer::events().chunk(LINES)]).await;
    let body = json!({"model": "large", "prompt": "Hi", "echo": true, "max_tokens": 9});
    let answer = stage(&vendor.url()).post("/v1/completions", &body).await;
    assert_eq!((answer.status, answer.header("x-llm-dropped")), (200, Some("echo")));
    let json = answer.json();
    assert_eq!(
        (&json["object"], &json["choices"][0]["text"]),
        (&json!("text_completion"), &json!("Hello there."))
    );
    assert_eq!(json["usage"]["total_tokens"], 5);
    assert_eq!(vendor.requests().first().expect("one").json()["options"]["num_predict"], 9);
}
