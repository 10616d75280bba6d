//! Pictures, sound and moderation through the whole gateway: what the vendor gets, what the client gets, what is
//! booked, and everything that goes wrong on the way.

use std::sync::Arc;

use end_to_end::dialect::Dialect;
use end_to_end::request::Request;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, configuration};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::json;
use tokio::sync::Notify;

const BOUNDARY: &str = "llm-1f2e3d";

/// A form as clients write it.
pub(crate) fn form(path: &str, fields: &[(&str, &[u8])]) -> Request {
    let mut body = Vec::new();
    for (name, value) in fields {
        let file = if *name == "file" || *name == "image[]" {
            "; filename=\"a.bin\"\r\ncontent-type: audio/wav"
        } else {
            ""
        };
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    Request::post(path, body).header("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"))
}

async fn stage(vendor: &ScriptedVendor, price: &str) -> Stage {
    let deployment = Deployment::new("small", Dialect::Chat, &vendor.url()).with(price);
    Stage::start(&configuration(&[deployment], "num_retries: 0"))
}

#[tokio::test]
async fn pictures_are_priced_by_their_number() {
    let body = r#"{"created":1,"data":[{"b64_json":"AAAA"},{"b64_json":"BBBB"}]}"#;
    let vendor = ScriptedVendor::start([Answer::json(200, body)]).await;
    let stage = stage(&vendor, "output_cost_per_image: 0.02").await;
    for path in
        ["/v1/images/generations", "/images/generations", "/openai/deployments/small/images/generations"]
    {
        let asked = json!({"model": "small", "prompt": "a cat", "n": 2, "zebra": 1, "api_key": "sk-evil"});
        let answer = stage.post(path, &asked).await;
        assert_eq!((answer.status, answer.text()), (200, body), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("x-litellm-response-cost"), Some("0.04"));
    }
    for request in vendor.requests() {
        assert_eq!(request.target, "/v1/images/generations");
        assert_eq!(request.json(), json!({"model": "vendor-large", "prompt": "a cat", "n": 2, "zebra": 1}));
        assert_eq!(request.header("authorization"), Some(format!("Bearer {VENDOR_KEY}").as_str()));
    }
}

#[tokio::test]
async fn a_form_reaches_the_vendor_with_its_files_untouched() {
    let vendor = ScriptedVendor::start([
        Answer::json(200, r#"{"text":"hello","usage":{"type":"duration","seconds":30}}"#),
        Answer::whole(200, "text/vtt; charset=utf-8", "WEBVTT\n\n<hi>"),
    ])
    .await;
    let stage = stage(&vendor, "input_cost_per_second: 0.0001").await;
    let sound: Vec<u8> = (0..=255u8).cycle().take(300_000).collect();
    let request = form(
        "/v1/audio/transcriptions",
        &[
            ("file", &sound),
            ("model", b"small"),
            ("timeout", b"20"),
            ("language", b"en"),
            ("api_key", b"sk-evil"),
        ],
    );
    let answer = stage.call(&request).await;
    assert_eq!((answer.status, &answer.json()["text"]), (200, &json!("hello")), "{}", answer.text());
    assert_eq!(answer.header("x-litellm-response-cost"), Some("0.003"));
    let answer = stage.call(&request).await;
    assert_eq!(
        (answer.text(), answer.header("content-type")),
        ("WEBVTT\n\n<hi>", Some("text/vtt; charset=utf-8"))
    );
    assert_eq!(answer.header("x-litellm-response-cost"), None, "nobody said how long it was");
    let got = &vendor.requests()[0];
    assert_eq!(got.target, "/v1/audio/transcriptions");
    let text = String::from_utf8_lossy(&got.body);
    assert_eq!(text.matches("form-data; name=").count(), 3, "the gateway's own fields stay here");
    assert!(
        text.contains("; name=\"model\"\r\n\r\nvendor-large\r\n") && text.contains("; name=\"language\"")
    );
    assert_eq!(
        got.header("content-type"),
        Some(format!("multipart/form-data; boundary=\"{BOUNDARY}\"").as_str())
    );
    assert!(got.body.windows(sound.len()).any(|window| window == sound), "the file is there byte for byte");
    assert_eq!(got.header("content-length"), Some(got.body.len().to_string().as_str()));
}

#[tokio::test]
async fn a_plain_transcript_is_priced_by_the_upload_or_by_its_times() {
    let srt = "1\n00:00:00,000 --> 00:00:07,500\nhi\n";
    let vendor = ScriptedVendor::start([
        Answer::whole(200, "text/plain", "hi"),
        Answer::whole(200, "application/x-subrip", srt),
        Answer::whole(200, "text/plain", "hi"),
    ])
    .await;
    let stage = stage(&vendor, "input_cost_per_second: 0.0001").await;
    let wav = llm_core::wav::of_pcm(&[0; 16_000 * 2 * 5], 16_000);
    let ask = |file: &[u8], format: &str| {
        form(
            "/v1/audio/transcriptions",
            &[("file", file), ("model", b"small"), ("response_format", format.as_bytes())],
        )
    };
    for (request, text, cost) in [
        (ask(&wav, "text"), "hi", Some("0.0005")),
        (ask(b"ID3", "srt"), srt, Some("0.0008")),
        (ask(b"ID3", "text"), "hi", None),
    ] {
        let answer = stage.call(&request).await;
        assert_eq!((answer.status, answer.text()), (200, text));
        assert_eq!(answer.header("x-litellm-response-cost"), cost, "{text}");
    }
}

#[tokio::test]
async fn sound_is_passed_on_as_it_comes() {
    let gate = Arc::new(Notify::new());
    let whole =
        Answer::events().header("content-type", "audio/mpeg").chunk("ID3-first-").wait(&gate).chunk("last");
    let vendor = ScriptedVendor::start([whole]).await;
    let stage = stage(&vendor, "input_cost_per_character: 0.00002").await;
    let asked = json!({"model": "small", "input": "h\u{e9}llo", "voice": "alloy"});
    let mut client = stage.connect().await;
    let head = client.open(&Request::json("/v1/audio/speech", &asked)).await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("audio/mpeg")));
    assert_eq!(client.piece().await.as_deref(), Some(&b"ID3-first-"[..]));
    gate.notify_one();
    assert_eq!(client.piece().await.as_deref(), Some(&b"last"[..]));
    assert_eq!(client.piece().await, None);
    assert_eq!(vendor.requests()[0].target, "/v1/audio/speech");
    let metrics = stage.get("/metrics").await;
    // Five letters at 20 micro-dollars.
    assert!(metrics.text().contains("0.0001"), "{}", metrics.text());
}

#[tokio::test]
async fn sound_that_breaks_off_never_looks_complete() {
    let broken = Answer::events().header("content-type", "audio/mpeg").chunk("ID3-first-").broken();
    let vendor = ScriptedVendor::start([broken]).await;
    let stage = stage(&vendor, "").await;
    let mut client = stage.connect().await;
    let head =
        client.open(&Request::json("/v1/audio/speech", &json!({"model": "small", "input": "a"}))).await;
    assert_eq!(head.status, 200);
    assert_eq!(client.piece().await.as_deref(), Some(&b"ID3-first-"[..]));
    assert!(client.is_closed().await, "neither a piece nor the mark of the end follows");
}

#[tokio::test]
async fn events_of_a_transcript_pass_and_errors_in_them_are_told_once() {
    let delta = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"I\"}\n\n";
    let done = "data: {\"type\":\"transcript.text.done\",\"text\":\"I\",\"usage\":{\"input_tokens\":1000,\"output_tokens\":0}}\n\n";
    let failed = "event: error\ndata: {\"error\":{\"message\":\"no more\",\"type\":\"server_error\"}}\n\n";
    let vendor = ScriptedVendor::start([
        Answer::events().chunk(delta).chunk(done),
        Answer::events().chunk(delta).chunk(failed),
        Answer::events().chunk(delta),
        Answer::events().chunk(failed),
    ])
    .await;
    let stage = stage(&vendor, "input_cost_per_token: 0.000001").await;
    let request =
        form("/v1/audio/transcriptions", &[("model", b"small"), ("stream", b"true"), ("file", b"x")]);
    let answer = stage.call(&request).await;
    assert_eq!((answer.status, answer.text()), (200, [delta, done].concat().as_str()));
    assert!(answer.header("content-type").is_some_and(|value| value.starts_with("text/event-stream")));
    let answer = stage.call(&request).await;
    assert!(
        answer.text().starts_with(delta) && answer.text().matches("no more").count() == 1,
        "{}",
        answer.text()
    );
    let cut = stage.call(&request).await;
    assert!(cut.text().starts_with(delta) && cut.text().contains("error"), "{}", cut.text());
    let answer = stage.call(&request).await;
    assert!(answer.status >= 500 && answer.text().contains("no more"), "{} {}", answer.status, answer.text());
}

#[tokio::test]
async fn a_moderation_shows_the_public_name() {
    let body = r#"{"id":"modr-1","model":"omni-2024","results":[{"flagged":false}]}"#;
    let vendor = ScriptedVendor::start([Answer::json(200, body)]).await;
    let stage = stage(&vendor, "").await;
    let answer = stage.post("/v1/moderations", &json!({"model": "small", "input": ["a"]})).await;
    assert_eq!((answer.status, &answer.json()["model"]), (200, &json!("small")));
    assert_eq!(vendor.requests()[0].target, "/v1/moderations");
}

#[tokio::test]
async fn a_vendor_of_another_format_is_not_asked() {
    let other = ScriptedVendor::start([Answer::json(200, "{}")]).await;
    let deployment = Deployment::new("small", Dialect::Messages, &other.url());
    let stage = Stage::of(&[deployment]);
    for (path, word) in [
        ("/v1/images/generations", "`image_generation`"),
        ("/v1/audio/speech", "`speech`"),
        ("/v1/moderations", "`moderation`"),
    ] {
        let answer = stage.post(path, &json!({"model": "small", "prompt": "a", "input": "a"})).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            answer.json()["error"]["message"].as_str().is_some_and(|text| text.contains(word)),
            "{}",
            answer.text()
        );
    }
    let answer = stage.call(&form("/v1/images/edits", &[("model", b"small"), ("image[]", b"x")])).await;
    assert_eq!(answer.status, 400);
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn errors_of_the_vendor_keep_their_meaning() {
    let vendor = ScriptedVendor::start([
        Answer::json(400, r#"{"error":{"message":"bad size","type":"invalid_request_error","param":"size","code":"x"}}"#),
        Answer::json(401, r#"{"error":{"message":"Incorrect API key provided: sk-vendor-fedcba98","code":"invalid_api_key"}}"#),
        Answer::whole(200, "text/html", "<html>"),
        Answer::whole(200, "audio/mpeg", ""),
        Answer::json(200, r#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#).header("content-type", "audio/mpeg"),
    ])
    .await;
    let stage = stage(&vendor, "").await;
    for (status, word) in
        [(400, "bad size"), (401, "not yours"), (502, "web page"), (502, "nothing"), (429, "slow down")]
    {
        let answer = stage.post("/v1/audio/speech", &json!({"model": "small", "input": "a"})).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(
            answer.json()["error"]["message"].as_str().is_some_and(|text| text.contains(word)),
            "{}",
            answer.text()
        );
        assert!(!answer.everything().contains(VENDOR_KEY));
    }
}

#[tokio::test]
async fn broken_forms_are_refused_and_nobody_is_asked() {
    let vendor = ScriptedVendor::start([Answer::json(200, r#"{"text":"x"}"#)]).await;
    let stage = stage(&vendor, "").await;
    let typed = |body: &str, content_type: &str| {
        Request::post("/v1/audio/transcriptions", body).header("content-type", content_type)
    };
    let good = "multipart/form-data; boundary=x";
    let head = "content-disposition: form-data; name=";
    for (case, request) in [
        ("no boundary", typed("--x--", "multipart/form-data")),
        ("nothing", typed("", good)),
        ("another boundary", typed("--y\r\n--y--", good)),
        ("cut", typed(&format!("--x\r\n{head}model\r\n\r\nsmall"), good)),
        ("no name", typed("--x\r\ncontent-type: a/b\r\n\r\nv\r\n--x--", good)),
        ("two models", form("/v1/audio/transcriptions", &[("model", b"small"), ("model", b"large")])),
        ("no model", form("/v1/audio/transcriptions", &[("file", b"x")])),
        ("a model that is no text", form("/v1/audio/transcriptions", &[("model", b"\xff\xfe")])),
        (
            "a limit that is none",
            form("/v1/audio/transcriptions", &[("model", b"small"), ("timeout", b"soon")]),
        ),
        ("a form where none is taken", form("/v1/chat/completions", &[("model", b"small")])),
        ("JSON that is none", typed("nothing", "application/json")),
    ] {
        let answer = stage.call(&request).await;
        assert_eq!(answer.status, 400, "{case}: {}", answer.text());
        assert!(answer.json()["error"]["message"].is_string(), "{case}");
    }
    assert!(vendor.requests().is_empty());
    let unlocked = form("/v1/audio/transcriptions", &[("model", b"small")]).without("authorization");
    assert_eq!(stage.call(&unlocked).await.status, 401);
    let huge = stage.call(&Request::post("/v1/audio/transcriptions", "x").announcing(200 << 20)).await;
    assert_eq!(huge.status, 413);
}
