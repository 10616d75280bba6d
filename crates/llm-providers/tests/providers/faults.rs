//! Vendors that fail in every way: always an error with the right kind, never an answer that looks complete.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use llm_core::operation::Operation;
use llm_core::provider::{Deadlines, NativeStream, ReplyBody};
use llm_core::{Error, ErrorKind, FinishReason, Retry};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::json;
use tokio::sync::Notify;

use crate::client::{Got, ask, call, got, inbound, provider, said, understood};
use crate::samples::{self, Sample, TEXT};

/// What a chat vendor's answer becomes for a client of its own dialect and for one of another.
async fn both_ways(answer: Answer, stream: bool) -> [Result<Got, Error>; 2] {
    let (chat, messages) = (samples::chat(), samples::messages());
    let server = ScriptedVendor::start([answer]).await;
    let provider = provider(&chat, &server);
    [ask(&*provider, &chat, stream).await, ask(&*provider, &messages, stream).await]
}

fn kind(got: &Result<Got, Error>) -> Option<ErrorKind> {
    match got {
        Ok(got) => got.error.as_ref().map(Error::kind),
        Err(error) => Some(error.kind()),
    }
}

/// Some chunks of a good stream.
fn begun() -> String {
    [
        samples::chat_chunk(&json!({"role": "assistant", "content": ""}), None),
        samples::chat_chunk(&json!({"content": "Hello"}), None),
    ]
    .concat()
}

#[tokio::test]
async fn error_statuses_become_errors_of_their_kind() {
    let openai = |kind: &str, code: &str| {
        json!({"error": {"message": "it says why", "type": kind, "param": null, "code": code}}).to_string()
    };
    let anthropic =
        |kind: &str| json!({"type": "error", "error": {"type": kind, "message": "it says why"}}).to_string();
    for (vendor, status, body, expected) in [
        (samples::chat(), 401, openai("invalid_request_error", "invalid_api_key"), ErrorKind::UpstreamAuth),
        (
            samples::chat(),
            404,
            openai("invalid_request_error", "model_not_found"),
            ErrorKind::UpstreamNotFound,
        ),
        (samples::chat(), 429, openai("requests", "rate_limit_exceeded"), ErrorKind::RateLimited),
        (samples::chat(), 500, openai("server_error", ""), ErrorKind::UpstreamFailure),
        (samples::responses(), 429, openai("requests", "rate_limit_exceeded"), ErrorKind::RateLimited),
        (samples::messages(), 401, anthropic("authentication_error"), ErrorKind::UpstreamAuth),
        (samples::messages(), 429, anthropic("rate_limit_error"), ErrorKind::RateLimited),
        (samples::messages(), 529, anthropic("overloaded_error"), ErrorKind::Overloaded),
    ] {
        for client in samples::all() {
            for stream in [false, true] {
                let answer = Answer::json(status, body.clone()).header("retry-after", "7");
                let server = ScriptedVendor::start([answer]).await;
                let error = ask(&*provider(&vendor, &server), &client, stream).await.expect_err("an error");
                let case = format!("{} {status} to {}", vendor.name, client.name);
                assert_eq!(error.kind(), expected, "{case}: {error}");
                if expected == ErrorKind::RateLimited {
                    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{case}");
                    assert!(matches!(error.retry(), Retry::Later { .. }), "{case}");
                }
                assert!(error.message().contains("it says why"), "{case}: {error}");
                // Nobody should look for the mistake in the key that the client showed to the gateway.
                let names_the_key = error.message().contains("the gateway's key, not yours");
                assert_eq!(names_the_key, expected == ErrorKind::UpstreamAuth, "{case}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_web_page_is_no_answer() {
    let page = "<!DOCTYPE html><html><body>Welcome</body></html>";
    for stream in [false, true] {
        for content_type in ["text/html", "application/json", "text/event-stream"] {
            for got in both_ways(Answer::whole(200, content_type, page), stream).await {
                let error = got.expect_err("an error");
                assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);
                assert!(error.message().contains("web page"), "{error}");
            }
        }
        for got in both_ways(Answer::whole(502, "text/html", page), stream).await {
            assert_eq!(kind(&got), Some(ErrorKind::UpstreamFailure));
            assert!(!got.expect_err("an error").message().contains('<'));
        }
    }
}

#[tokio::test]
async fn nothing_is_no_answer() {
    for stream in [false, true] {
        for answer in
            [Answer::json(200, ""), Answer::json(200, " \n"), Answer::json(204, ""), Answer::events()]
        {
            for got in both_ways(answer, stream).await {
                assert_eq!(kind(&got), Some(ErrorKind::BadUpstreamAnswer), "{got:?}");
            }
        }
    }
    for got in both_ways(Answer::whole(200, "text/plain", "Not Found"), true).await {
        assert_eq!(kind(&got), Some(ErrorKind::BadUpstreamAnswer));
    }
}

#[tokio::test]
async fn half_a_body_is_an_error() {
    let whole = (samples::chat().whole)().to_string();
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    for got in both_ways(Answer::json(200, half.clone()).broken(), false).await {
        assert_eq!(kind(&got), Some(ErrorKind::Connection), "{got:?}");
    }
    for got in both_ways(Answer::json(200, half.clone()), false).await {
        assert_eq!(kind(&got), Some(ErrorKind::BadUpstreamAnswer), "{got:?}");
    }
    for got in both_ways(Answer::events().chunk(begun()).broken(), true).await {
        assert_eq!(kind(&got), Some(ErrorKind::Connection), "{got:?}");
        assert!(!got.expect("it began").bytes.is_empty());
    }
}

#[tokio::test]
async fn a_stream_that_ends_before_its_answer_is_an_error() {
    for got in both_ways(Answer::events().chunk(begun()), true).await {
        assert_eq!(kind(&got), Some(ErrorKind::Truncated), "{got:?}");
        let got = got.expect("it began");
        assert!(String::from_utf8_lossy(&got.bytes).contains("Hello"));
        assert!(!String::from_utf8_lossy(&got.bytes).contains("[DONE]"));
    }
}

#[tokio::test]
async fn a_malformed_frame_is_an_error() {
    for broken in ["data: {\"id\": tru\n\n", "data: <html>\n\n", "data: \u{0}\n\n"] {
        let [native, translated] = both_ways(Answer::events().chunk(begun()).chunk(broken), true).await;
        assert_eq!(kind(&translated), Some(ErrorKind::BadUpstreamAnswer), "{translated:?}");
        assert!(kind(&native).is_some(), "{native:?}");
    }
    for got in both_ways(Answer::events().chunk(begun()).chunk(&b"data: \"\xff\xfe\"\n\n"[..]), true).await {
        assert!(kind(&got).is_some(), "{got:?}");
    }
}

#[tokio::test]
async fn a_missing_terminator_is_made_good() {
    let chat = samples::chat();
    let stream = (chat.stream)();
    for unterminated in [
        stream.replace("data: [DONE]\n\n", ""),
        stream.replace("\n\ndata: [DONE]\n\n", ""),
        stream.replace("data: [DONE]\n\n", "data: [DONE]"),
    ] {
        let [native, translated] = both_ways(Answer::events().chunk(unterminated), true).await;
        let (native, translated) = (native.expect("an answer"), translated.expect("an answer"));
        assert_eq!((&native.error, &translated.error), (&None, &None));
        assert!(native.bytes.ends_with(b"data: [DONE]\n\n"), "{native:?}");
        assert_eq!(said(&understood(&chat, &native, true).expect("understood")), TEXT);
        assert_eq!(said(&understood(&samples::messages(), &translated, true).expect("understood")), TEXT);
    }
}

#[tokio::test]
async fn a_whole_answer_to_a_request_for_a_stream_is_streamed() {
    for vendor in samples::all() {
        for client in samples::all() {
            let server = ScriptedVendor::start([Answer::json(200, (vendor.whole)().to_string())]).await;
            let got = ask(&*provider(&vendor, &server), &client, true).await.expect("an answer");
            let response = understood(&client, &got, true).expect("understood");
            assert_eq!(said(&response), TEXT, "{} to {}", vendor.name, client.name);
            let finish = response.choices.first().and_then(|choice| choice.finish.clone());
            assert_eq!(finish, Some(FinishReason::Stop), "{} to {}", vendor.name, client.name);
        }
    }
}

#[tokio::test]
async fn a_stream_to_a_request_for_a_whole_answer_is_put_together() {
    for vendor in samples::all() {
        for client in samples::all() {
            let server = ScriptedVendor::start([Answer::events().chunk((vendor.stream)())]).await;
            let got = ask(&*provider(&vendor, &server), &client, false).await.expect("an answer");
            let response = understood(&client, &got, false).expect("understood");
            assert_eq!(said(&response), TEXT, "{} to {}", vendor.name, client.name);
        }
    }
}

#[tokio::test]
async fn an_error_in_place_of_an_answer_is_an_error() {
    let body = r#"{"error":{"message":"out of order","type":"server_error","code":"500"}}"#;
    for stream in [false, true] {
        for content_type in ["application/json", "text/event-stream"] {
            for got in both_ways(Answer::whole(200, content_type, body), stream).await {
                let error = got.expect_err("an error");
                assert!(error.message().contains("out of order"), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_ends_it() {
    let chat_error = "data: {\"error\":{\"message\":\"out of order\",\"type\":\"server_error\"}}\n\n";
    let messages_begun: String = (samples::messages().stream)().split_inclusive("\n\n").take(4).collect();
    let messages_error = samples::named_events([
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "out of order"}}),
    ]);
    for (vendor, begun, broken) in [
        (samples::chat(), begun(), chat_error.to_owned()),
        (samples::messages(), messages_begun, messages_error),
    ] {
        for client in samples::all() {
            let answer = Answer::events().chunk(begun.clone()).chunk(broken.clone());
            let server = ScriptedVendor::start([answer]).await;
            let got = ask(&*provider(&vendor, &server), &client, true).await.expect("it began");
            let error = got.error.expect("an error");
            assert!(error.message().contains("out of order"), "{} to {}: {error}", vendor.name, client.name);
            assert!(String::from_utf8_lossy(&got.bytes).contains("Hello"), "{}", client.name);
            assert!(!String::from_utf8_lossy(&got.bytes).contains("out of order"), "the client is told once");
        }
    }
}

#[tokio::test]
async fn bytes_go_on_before_the_vendor_is_done() {
    let chat = samples::chat();
    let gate = Arc::new(Notify::new());
    let frames = begun();
    let rest = (chat.stream)().split_inclusive("\n\n").skip(2).collect::<String>();
    let answer = Answer::events().chunk(frames).wait(&gate).chunk(rest);
    let server = ScriptedVendor::start([answer]).await;
    let mut stream = native_stream(&chat, &server, crate::client::deadlines()).await.expect("it begins");
    let first = next(&mut stream).await.expect("bytes").expect("no error");
    assert!(String::from_utf8_lossy(&first).contains("\"role\""));
    gate.notify_one();
    let mut last = first;
    while let Some(bytes) = next(&mut stream).await {
        last = bytes.expect("no error");
    }
    assert!(last.ends_with(b"data: [DONE]\n\n"));
    assert!(stream.seen().ended && stream.seen().content);
}

#[tokio::test]
async fn dropping_a_stream_cancels_the_vendors_work() {
    let chat = samples::chat();
    let server = ScriptedVendor::start([Answer::events().chunk(begun()).hanging()]).await;
    let mut stream = native_stream(&chat, &server, crate::client::deadlines()).await.expect("it begins");
    assert!(next(&mut stream).await.is_some_and(|bytes| bytes.is_ok()));
    drop(stream);
    tokio::time::timeout(Duration::from_secs(10), server.hung_up()).await.expect("the vendor notices");
}

#[tokio::test]
async fn a_stream_without_content_in_time_is_a_timeout() {
    let chat = samples::chat();
    let limit = Deadlines { first_content: Some(Duration::from_millis(50)), ..crate::client::deadlines() };
    let role = samples::chat_chunk(&json!({"role": "assistant", "content": ""}), None);
    let server =
        ScriptedVendor::start([Answer::events().hanging(), Answer::events().chunk(role).hanging()]).await;
    let error = native_stream(&chat, &server, limit).await.err().expect("no first chunk");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let mut stream = native_stream(&chat, &server, limit).await.expect("it begins");
    let error = loop {
        match next(&mut stream).await.expect("no end") {
            Ok(bytes) => assert!(!String::from_utf8_lossy(&bytes).contains("Hello")),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_vendor_that_is_not_there_is_a_connection_error() {
    let chat = samples::chat();
    let server = ScriptedVendor::start([Answer::events()]).await;
    let provider = provider(&chat, &server);
    drop(server);
    // The door closes when its task is dropped, which the runtime does at its next turn.
    tokio::task::yield_now().await;
    let error = ask(&*provider, &chat, false).await.expect_err("nobody there");
    assert_eq!(error.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_vendor_that_never_stops_after_the_end_does_not_hold_the_client() {
    let chat = samples::chat();
    let server = ScriptedVendor::start([Answer::events().chunk((chat.stream)()).hanging()]).await;
    let got = ask(&*provider(&chat, &server), &chat, true).await.expect("an answer");
    assert_eq!(got.error, None);
    assert!(got.bytes.ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_stream_is_complete_only_when_its_end_is_known() {
    let chat = samples::chat();
    let server = ScriptedVendor::start([Answer::events().chunk((chat.stream)()).hanging()]).await;
    let mut stream = native_stream(&chat, &server, Deadlines::default()).await.expect("an answer");
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"data: [DONE]\n\n") {
        assert!(!stream.is_complete());
        bytes.extend_from_slice(&next(&mut stream).await.expect("more").expect("no error"));
    }
    assert!(!stream.is_complete(), "the vendor has not ended the body");
    assert!(next(&mut stream).await.is_none());
    assert!(stream.is_complete());
}

type Stream = std::pin::Pin<Box<dyn NativeStream>>;

async fn native_stream(
    chat: &Sample,
    server: &ScriptedVendor,
    deadlines: Deadlines,
) -> Result<Stream, Error> {
    let inbound = inbound(&chat.ingress, &(chat.request)(true), HeaderMap::new());
    assert_eq!(inbound.asked.operation, Operation::Chat);
    let mut call = call(&inbound, true);
    call.deadlines = deadlines;
    match provider(chat, server).chat(call).await?.body {
        ReplyBody::NativeStream(stream) => Ok(stream),
        _ => panic!("a native stream"),
    }
}

async fn next(stream: &mut Stream) -> Option<Result<bytes::Bytes, Error>> {
    std::future::poll_fn(|context| stream.as_mut().poll_bytes(context)).await
}

#[tokio::test]
async fn a_request_that_cannot_be_carried_never_leaves() {
    let (chat, responses) = (samples::chat(), samples::responses());
    let server = ScriptedVendor::start([Answer::json(200, (chat.whole)().to_string())]).await;
    let mut request = (responses.request)(false);
    request["tools"] = json!([{"type": "web_search"}]);
    let inbound = inbound(&responses.ingress, &request, HeaderMap::new());
    let provider = provider(&chat, &server);
    let error = got(&*provider, call(&inbound, false)).await.expect_err("a hosted tool");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(server.requests().is_empty());
    let mut dropping = call(&inbound, false);
    dropping.policy = Some(llm_core::LossPolicy::Drop);
    let reply = provider.chat(dropping).await.expect("an answer");
    assert!(reply.losses.iter().any(|loss| loss.field.contains("tools")), "{:?}", reply.losses);
}
