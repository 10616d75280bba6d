//! What clients of some formats expect beyond the answer itself: how long it took, the status of a model that is not
//! there, and paths that name somebody's project.

use std::sync::Arc;
use std::time::Duration;

use end_to_end::dialect::Dialect;
use end_to_end::request::Request;
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::Deployment;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};
use tokio::sync::Notify;

const WAIT: Duration = Duration::from_millis(200);

fn prompt(stream: bool) -> Value {
    json!({"model": "large", "messages": [{"role": "user", "content": "Hi"}], "stream": stream})
}

/// The answer to a request of a vendor of OpenAI's format that waits once, for this long, before its last part.
async fn slow(path: &str, body: &Value, stream: bool) -> end_to_end::client::Answer {
    let (said, gate) = (Said::text("Hello there."), Arc::new(Notify::new()));
    let answer = if stream {
        let frames = Dialect::Chat.stream(&said);
        let (first, rest) = frames.split_at(frames.rfind("data: {").expect("a frame"));
        Answer::events().chunk(first.to_owned()).wait(&gate).chunk(rest.to_owned())
    } else {
        let whole = Dialect::Chat.whole(&said).to_string();
        Answer::events().header("content-type", "application/json").wait(&gate).chunk(whole)
    };
    let vendor = ScriptedVendor::start([answer]).await;
    let stage = Stage::of(&[Deployment::new("large", Dialect::Chat, &vendor.url())]);
    let opened = async {
        while vendor.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(WAIT).await;
        gate.notify_one();
    };
    tokio::join!(stage.post(path, body), opened).0
}

#[tokio::test]
async fn times_are_measured_where_the_vendor_tells_none() {
    let whole = slow("/api/chat", &prompt(false), false).await.json();
    let waited = u64::try_from(WAIT.as_nanos()).expect("a short time");
    assert!(whole["total_duration"].as_u64().is_some_and(|time| time >= waited), "{whole}");
    assert_eq!((whole.get("load_duration"), whole.get("eval_duration")), (None, None), "nobody knows them");
    let lines = slow("/api/chat", &prompt(true), true).await;
    let last: Value = serde_json::from_str(lines.text().lines().last().expect("a line")).expect("JSON");
    let number = |name: &str| last[name].as_u64().unwrap_or_else(|| panic!("{name}: {last}"));
    assert!(number("total_duration") >= waited, "{last}");
    // The wait begins before the first piece has arrived.
    assert!(number("eval_duration") >= waited / 4, "{last}");
    assert_eq!(number("total_duration"), number("prompt_eval_duration") + number("eval_duration"));
}

#[tokio::test]
async fn the_latency_of_converse_is_a_time() {
    let body = json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]});
    let answer = slow("/model/large/converse", &body, false).await.json();
    let waited = u64::try_from(WAIT.as_millis()).expect("a short time");
    assert!(answer["metrics"]["latencyMs"].as_u64().is_some_and(|time| time >= waited), "{answer}");
}

#[tokio::test]
async fn a_model_that_is_not_there_has_each_formats_status() {
    let stage = Stage::of(&[Deployment::new("large", Dialect::Chat, "http://127.0.0.1:9")]);
    let content = json!([{"type": "text", "text": "Hi"}]);
    let unknown = json!({"model": "nobody", "prompt": "x", "input": "x", "max_tokens": 9,
        "messages": [{"role": "user", "content": content}]});
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    let lines = json!({"model": "nobody", "prompt": "x", "messages": [{"role": "user", "content": "Hi"}]});
    let converse = json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]});
    for (path, body, status) in [
        ("/api/chat", &lines, 404),
        ("/api/generate", &lines, 404),
        ("/v1/messages", &unknown, 404),
        ("/v2/chat", &unknown, 404),
        ("/v1beta/models/nobody:generateContent", &contents, 404),
        ("/model/nobody/converse", &converse, 404),
        ("/v1/chat/completions", &unknown, 400),
        ("/v1/completions", &unknown, 400),
        ("/v1/responses", &unknown, 400),
    ] {
        let answer = stage.post(path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn clients_of_a_cloud_may_name_a_project() {
    let vendor = ScriptedVendor::start([Dialect::Chat.answer(&Said::text("Hello."), false)]).await;
    let stage = Stage::of(&[Deployment::new("large", Dialect::Chat, &vendor.url())]);
    let beginning = "projects/my-project/locations/europe-west1/publishers";
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    for version in ["v1", "v1beta1"] {
        let path = |verb: &str| format!("/{version}/{beginning}/google/models/large:{verb}");
        let answer = stage.post(&path("generateContent"), &body).await.json();
        assert_eq!(answer["candidates"][0]["content"]["parts"][0]["text"], "Hello.", "{answer}");
        let counted = stage.post(&path("countTokens"), &body).await.json();
        assert!(counted["totalTokens"].is_u64(), "{counted}");
        let events = stage.post(&format!("{}?alt=sse", path("streamGenerateContent")), &body).await;
        assert!(events.text().starts_with("data: "), "{}", events.text());
    }
    let body = json!({
        "anthropic_version": "vertex-2023-10-16", "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
    });
    let path = |verb: &str| format!("/v1/{beginning}/anthropic/models/large:{verb}");
    let answer = stage.post(&path("rawPredict"), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (&answer.json()["content"][0]["text"], answer.header("x-llm-dropped")),
        (&json!("Hello."), None)
    );
    let events = stage.post(&path("streamRawPredict"), &body).await;
    assert!(events.text().contains("event: message_stop"), "{}", events.text());
}

#[tokio::test]
async fn the_clouds_version_stays_with_clouds() {
    let said = Said::text("Hello.");
    let vendor = ScriptedVendor::start([Dialect::Messages.answer(&said, false)]).await;
    let stage = Stage::of(&[Deployment::new("large", Dialect::Messages, &vendor.url())]);
    let body = r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    let path = "/v1/projects/p/locations/l/publishers/anthropic/models/large:rawPredict";
    let answer = stage.call(&Request::post(path, body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = vendor.requests().first().expect("one").json();
    assert_eq!((sent.get("anthropic_version"), sent["model"].is_string()), (None, true), "{sent}");
}
