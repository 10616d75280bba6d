//! Requests that pass to a vendor as they are: its credentials, its paths, its words; and what is read on the side.

use std::future::poll_fn;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::relay::{RelayBase, RelayBody, RelayCall, RelayReply};
use llm_core::{ErrorKind, FinishReason, Provider, Result, Seen};
use llm_testkit::scripted::{Answer, ScriptedVendor};

use crate::client::{built, deadlines, provider, spec};
use crate::samples::{self, TOKENS};

fn call(method: Method, path: &str, body: &'static str) -> RelayCall {
    let header = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let headers = HeaderMap::from_iter([
        header("authorization", "Bearer sk-gateway"),
        header("x-api-key", "sk-gateway"),
        header("content-type", "application/json"),
        header("anthropic-version", "2023-06-01"),
        header("x-litellm-call-id", "1"),
    ]);
    RelayCall {
        own_credentials: false,
        method,
        base: RelayBase::Root,
        path: path.to_owned(),
        headers,
        body: RelayBody::Whole(Bytes::from_static(body.as_bytes())),
        reading: None,
        deadlines: deadlines(),
    }
}

async fn read(mut reply: RelayReply) -> (u16, HeaderMap, Bytes, Seen) {
    let mut bytes = Vec::new();
    while let Some(chunk) = poll_fn(|context| reply.body.as_mut().poll_bytes(context)).await {
        bytes.extend_from_slice(&chunk.expect("it comes whole"));
    }
    let seen = reply.body.seen().clone();
    (reply.status, reply.headers, bytes.into(), seen)
}

async fn passed(provider: &dyn Provider, call: RelayCall) -> Result<(u16, HeaderMap, Bytes, Seen)> {
    Ok(read(provider.relay(call).await?).await)
}

#[tokio::test]
async fn the_gateways_key_is_in_place_of_the_clients() {
    for sample in [samples::chat(), samples::messages()] {
        let server = ScriptedVendor::start([Answer::json(200, "{}").header("set-cookie", "a=b")]).await;
        let provider = provider(&sample, &server);
        let path = "/v1/things/a%20b?after=x&key=sk-gateway&Api_Key=1";
        let call = call(Method::DELETE, path, "");
        let (status, headers, _, _) = passed(&*provider, call).await.expect("an answer");
        assert_eq!((status, headers.get("set-cookie")), (200, None));
        let received = server.requests().into_iter().next().expect("one");
        assert_eq!(
            (received.method.as_str(), received.target.as_str()),
            ("DELETE", "/v1/things/a%20b?after=x")
        );
        let (name, value) = sample.key_header;
        assert_eq!(received.header(name), Some(value));
        let said = format!("{:?}", received.headers);
        assert!(!said.contains("sk-gateway") && !said.contains("x-litellm"), "{said}");
        assert_eq!(received.header("anthropic-version"), Some("2023-06-01"));
    }
}

#[tokio::test]
async fn paths_begin_at_the_root_or_at_the_api() {
    let server = ScriptedVendor::start([Answer::json(200, "{}")]).await;
    let mut spec = spec(&samples::chat(), &server);
    spec.api_base = Some(format!("{}?api-version=7", server.url()));
    let provider = built(&spec);
    for (base, path, target) in [
        (RelayBase::Root, "/v1/files", "/v1/files?api-version=7"),
        (RelayBase::Root, "/v2/x?api-version=8", "/v2/x?api-version=8"),
        (RelayBase::Api, "/files?limit=1", "/v1/files?limit=1&api-version=7"),
    ] {
        let call = RelayCall { base, ..call(Method::GET, path, "") };
        passed(&*provider, call).await.expect("an answer");
        assert_eq!(server.requests().last().map(|request| request.target.clone()).as_deref(), Some(target));
    }
    for path in ["/v1/../admin", "/%2e%2e/x", "evil", "/a b"] {
        let error = passed(&*provider, call(Method::GET, path, "")).await.expect_err(path);
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{path}");
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn tokens_of_known_answers_are_read_and_no_byte_changes() {
    for sample in samples::all() {
        for stream in [false, true] {
            let body = if stream { (sample.stream)() } else { (sample.whole)().to_string() };
            let answer = match stream {
                true => Answer::events().chunks_of(body.as_bytes(), 31),
                false => Answer::json(200, body.clone()),
            };
            let server = ScriptedVendor::start([answer]).await;
            let chat = provider(&samples::chat(), &server);
            let reading = Some(sample.ingress.id());
            let call = RelayCall { reading, ..call(Method::POST, sample.path, "{}") };
            let (status, _, bytes, seen) = passed(&*chat, call).await.expect("an answer");
            assert_eq!((status, bytes), (200, Bytes::from(body)), "{}", sample.name);
            let tokens = (seen.usage.prompt_total(), seen.usage.completion_total());
            assert_eq!(tokens, (Some(TOKENS.0), Some(TOKENS.1)), "{} {stream}", sample.name);
            assert_eq!((seen.finish, seen.ended), (Some(FinishReason::Stop), true), "{}", sample.name);
        }
    }
}

#[tokio::test]
async fn what_is_no_known_answer_passes_uncounted() {
    let whole = (samples::chat().whole)().to_string();
    for (method, answer, body) in [
        (Method::GET, Answer::json(200, whole.clone()), whole.as_str()),
        (Method::POST, Answer::json(200, r#"{"object":"file"}"#), r#"{"object":"file"}"#),
        (Method::POST, Answer::whole(200, "application/json", "broken {"), "broken {"),
        (
            Method::POST,
            Answer::whole(200, "text/event-stream", "odd: 1\n\ndata: {\n\n"),
            "odd: 1\n\ndata: {\n\n",
        ),
        (Method::POST, Answer::whole(200, "audio/mpeg", "\u{1}\u{2}"), "\u{1}\u{2}"),
        (
            Method::POST,
            Answer::json(404, r#"{"error":{"message":"No such thing"}}"#),
            r#"{"error":{"message":"No such thing"}}"#,
        ),
        (Method::POST, Answer::json(500, "oops"), "oops"),
    ] {
        let server = ScriptedVendor::start([answer]).await;
        let provider = provider(&samples::chat(), &server);
        let (_, _, bytes, seen) = passed(&*provider, call(method, "/v1/x", "{}")).await.expect(body);
        assert_eq!((&bytes[..], seen.usage.is_empty()), (body.as_bytes(), true), "{body}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_gateways_key_does_not_repeat_it() {
    let words = r#"{"error":{"message":"Incorrect API key provided: sk-vendor-12345678."}}"#;
    let server = ScriptedVendor::start([Answer::json(401, words)]).await;
    let provider = provider(&samples::chat(), &server);
    let (status, _, bytes, _) = passed(&*provider, call(Method::GET, "/v1/x", "")).await.expect("an answer");
    assert_eq!(status, 401);
    assert_eq!(bytes, r#"{"error":{"message":"Incorrect API key provided: ***."}}"#);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let server = ScriptedVendor::start([Answer::events().chunk("data: {}\n\n").broken()]).await;
    let provider = provider(&samples::chat(), &server);
    let mut reply = provider.relay(call(Method::POST, "/v1/x", "{}")).await.expect("it begins");
    let mut end = None;
    while let Some(chunk) = poll_fn(|context| reply.body.as_mut().poll_bytes(context)).await {
        if let Err(error) = chunk {
            end = Some(error);
            break;
        }
    }
    assert!(end.is_some());
    drop(server);
    let chunks = futures_util::stream::iter([Ok(Bytes::from("abc"))]).boxed();
    let body = RelayBody::Arriving { length: None, chunks };
    let error = passed(&*provider, RelayCall { body, ..call(Method::POST, "/v1/x", "") }).await;
    assert_eq!(error.expect_err("nobody is there").kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn the_mock_takes_no_such_requests() {
    let spec = llm_providers::DeploymentSpec { vendor: "mock".to_owned(), ..Default::default() };
    let error = passed(&*built(&spec), call(Method::GET, "/v1/x", "")).await.expect_err("it has no API");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
