//! The vendor for tests, as any program meets it: good answers in every dialect under every name, and bytes that are
//! wrong on the wire.

use std::io::ErrorKind;

use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::request::Request;
use end_to_end::stage::Stage;
use end_to_end::vendors::Deployment;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Everything that comes, and how it ended.
async fn raw(stage: &Stage, dialect: Dialect, model: &str, stream: bool) -> (String, Option<ErrorKind>) {
    let mut socket = TcpStream::connect(stage.address).await.expect("it listens");
    let request =
        Request::json(dialect.path(), &dialect.ask(model, "Hi", stream)).header("connection", "close");
    socket.write_all(&request.bytes()).await.expect("it reads");
    let mut bytes = Vec::new();
    let end = socket.read_to_end(&mut bytes).await.err().map(|error| error.kind());
    (String::from_utf8(bytes).expect("what comes is text"), end)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default()
}

#[tokio::test]
async fn every_dialect_is_spoken_under_every_name() {
    let stage = Stage::mock();
    for client in DIALECTS {
        for model in ["mock/echo", "gpt-4o", "claude-sonnet-4-5", "vendor/some/model"] {
            for stream in [false, true] {
                let answer = stage.post(client.path(), &client.ask(model, "Hi", stream)).await;
                assert_eq!(answer.status, 200, "{model}: {}", answer.text());
                let heard = client.hear(&answer, stream);
                assert!(heard.complete && heard.text.ends_with("You said: Hi"), "{model}: {heard:?}");
                assert_eq!(heard.model, model);
            }
        }
    }
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    let answer = stage.post("/v1beta/models/gemini-2.5-pro:generateContent", &body).await;
    assert!(answer.text().contains("You said: Hi"), "{}", answer.text());
    let answer = stage.post(Dialect::Chat.path(), &Dialect::Chat.ask("mock/eror-429", "Hi", false)).await;
    assert!(answer.status == 404 && answer.text().contains("`eror` is no word"), "{}", answer.text());
}

#[tokio::test]
async fn faults_are_the_callers_to_deal_with() {
    let stage = Stage::mock();
    for (model, statuses) in
        [("error-500-once", [500, 200, 200]), ("error-429", [429; 3]), ("every-2", [200, 503, 200])]
    {
        for status in statuses {
            let answer = stage.post("/v1/messages", &Dialect::Messages.ask(model, "Hi", false)).await;
            assert_eq!(answer.status, status, "{model}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn connections_are_reset_where_the_name_says_so() {
    let stage = Stage::mock();
    for stream in [false, true] {
        let (answer, end) = raw(&stage, Dialect::Chat, "reset", stream).await;
        assert_eq!((answer.as_str(), end), ("", Some(ErrorKind::ConnectionReset)));
        let (answer, end) = raw(&stage, Dialect::Chat, "cut-2-reset", stream).await;
        assert_eq!(end, Some(ErrorKind::ConnectionReset));
        assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("[DONE]"), "{answer}");
    }
}

#[tokio::test]
async fn answers_are_cut_in_the_middle() {
    let stage = Stage::mock();
    let (answer, end) = raw(&stage, Dialect::Chat, "cut-3", true).await;
    assert_eq!(end, None, "closed, not reset");
    assert_eq!(body(&answer).matches("\n\n").count(), 3, "three frames, and the beginning of one: {answer}");
    assert!(!answer.contains("\r\n0\r\n"), "the chunks have no end: {answer}");
    assert!(body(&answer).contains("data: {") && !answer.contains("finish_reason\":\"stop"), "{answer}");
    let (answer, _) = raw(&stage, Dialect::Messages, "cut-3", false).await;
    let promised = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let promised: usize = promised.trim().parse().expect("a number");
    assert_eq!(body(&answer).len(), promised / 2);
}

#[tokio::test]
async fn frames_and_heads_are_wrong_where_the_name_says_so() {
    let stage = Stage::mock();
    let streamed = async |model| raw(&stage, Dialect::Chat, model, true).await.0;
    let answer = streamed("cut-2-malformed").await;
    assert!(answer.contains(r#"data: {"id": "mock", "choices": [{"#), "{answer}");
    assert!(answer.contains("[DONE]"), "the rest is as it should be: {answer}");
    let answer = streamed("unended").await;
    assert!(answer.contains(r#""finish_reason":"stop""#) && !answer.contains("[DONE]"), "{answer}");
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "the body has its end: {answer}");
    let answer = raw(&stage, Dialect::Messages, "unended", true).await.0;
    assert!(answer.contains("message_delta") && !answer.contains("message_stop"), "{answer}");
    let answer = streamed("mistyped").await;
    assert!(answer.contains("content-type: text/plain\r\n") && answer.contains("[DONE]"), "{answer}");
    for stream in [false, true] {
        let (answer, _) = raw(&stage, Dialect::Chat, "page", stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-type: text/html"), "{answer}");
        assert!(body(&answer).starts_with("<!DOCTYPE html>"), "{answer}");
    }
    let (answer, _) = raw(&stage, Dialect::Chat, "malformed", false).await;
    assert!(serde_json::from_str::<serde_json::Value>(body(&answer)).is_err(), "{answer}");
}

#[tokio::test]
async fn a_gateway_never_breaks_its_own_answers() {
    let stage = Stage::of(&[Deployment::mock("mock/*", "*")]);
    for model in ["mock/reset", "mock/cut-2-reset", "mock/page", "mock/malformed"] {
        let answer = stage.post(Dialect::Chat.path(), &Dialect::Chat.ask(model, "Hi", false)).await;
        assert_eq!(answer.status, 502, "{model}");
        Dialect::Chat.error_message(&answer.json());
    }
}
