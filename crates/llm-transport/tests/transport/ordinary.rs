//! Ordinary calls: what is sent is what arrives, in both directions.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::provider::Deadlines;
use llm_core::wire::{WireBody, WireRequest};
use llm_transport::Options;
use mockito::Matcher;
use tokio::sync::mpsc;

use crate::server::{OK, Server, call, request, upstream, with_body};

#[tokio::test]
async fn a_call_goes_out_and_its_answer_comes_back() {
    let mut vendor = mockito::Server::new_async().await;
    let mock = vendor
        .mock("POST", "/v1/chat/completions")
        .match_query(Matcher::UrlEncoded("beta".into(), "true".into()))
        .match_header("x-key", "k")
        .match_header("content-length", "13")
        .match_body(Matcher::Json(serde_json::json!({"model": "m"})))
        .with_header("x-request-id", "r1")
        .with_body("answer")
        .create_async()
        .await;
    let upstream = upstream(&format!("{}/v1/", vendor.url()), Options::default());
    let mut request = request();
    request.path.push_str("?beta=true");
    request.headers.insert("x-key", HeaderValue::from_static("k"));
    let reply = upstream.send(request, &Deadlines::default()).await.expect("an answer");
    assert_eq!((reply.status, &reply.headers["x-request-id"]), (200, &HeaderValue::from_static("r1")));
    assert_eq!(reply.body.collect().await.expect("a body"), "answer");
    assert_eq!(upstream.base_url(), format!("{}/v1", vendor.url()));
    mock.assert_async().await;
}

#[tokio::test]
async fn a_refusal_of_the_vendor_is_an_answer() {
    let mut vendor = mockito::Server::new_async().await;
    vendor
        .mock("POST", "/chat/completions")
        .with_status(429)
        .with_header("retry-after", "3")
        .with_body("{\"error\":{}}")
        .create_async()
        .await;
    let upstream = upstream(&vendor.url(), Options::default());
    let reply = upstream.send(request(), &Deadlines::default()).await.expect("an answer");
    assert_eq!((reply.status, &reply.headers["retry-after"]), (429, &HeaderValue::from_static("3")));
    assert_eq!(reply.body.collect().await.expect("a body"), "{\"error\":{}}");
}

#[tokio::test]
async fn a_streamed_answer_comes_chunk_by_chunk() {
    let (go, mut gone_on) = mpsc::channel::<()>(16);
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(()));
    let held = std::sync::Arc::clone(&gate).lock_owned().await;
    let server = Server::start(move |_, mut connection| {
        let (gate, go) = (std::sync::Arc::clone(&gate), go.clone());
        async move {
            connection.request().await;
            connection.send(crate::server::CHUNKED).await;
            connection.chunk(b"data: 1\n\n").await;
            go.try_send(()).expect("the test waits");
            let _go_on = gate.lock().await;
            connection.chunk(b"data: 2\n\n").await;
            connection.send(b"0\r\n\r\n").await;
        }
    })
    .await;
    let upstream = server.upstream();
    let mut body = upstream.send(request(), &Deadlines::default()).await.expect("an answer").body;
    gone_on.recv().await.expect("the first chunk is out");
    assert_eq!(body.chunk().await.expect("a chunk").expect("good"), "data: 1\n\n");
    drop(held);
    assert_eq!(body.chunk().await.expect("a chunk").expect("good"), "data: 2\n\n");
    assert!(body.chunk().await.is_none());
    assert!(body.chunk().await.is_none(), "the end stays the end");
}

#[tokio::test]
async fn a_large_body_in_pieces_arrives_intact() {
    let (seen, mut bodies) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            let received = connection.request().await.expect("a request");
            seen.try_send(received.body).expect("the test waits");
            connection.send(OK).await;
        }
    })
    .await;
    let whole: Vec<u8> = (0..1_048_576_u32).map(|number| (number % 251) as u8).collect();
    let mut body = WireBody::default();
    let mut rest = Bytes::from(whole.clone());
    for length in [1, 2, 100, 65_536, 300_000] {
        body.push(rest.split_to(length));
    }
    body.push(rest);
    let request = WireRequest { body, ..with_body(Bytes::new()) };
    let reply = server.upstream().send(request, &Deadlines::default()).await.expect("an answer");
    assert_eq!(reply.body.collect().await.expect("a body"), "ok");
    assert!(bodies.recv().await.expect("a body") == whole, "the body was changed on its way");
}

#[tokio::test]
async fn the_head_says_what_we_decided_and_nothing_else() {
    let (seen, mut heads) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            let received = connection.request().await.expect("a request");
            seen.try_send(received.head).expect("the test waits");
            connection.send(OK).await;
        }
    })
    .await;
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("host", "evil.example"), ("connection", "close"), ("content-length", "7"), ("x-a", "b")]
    {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let request = WireRequest { headers, ..request() };
    server.upstream().send(request, &Deadlines::default()).await.expect("an answer");
    let head = heads.recv().await.expect("a head");
    let mut lines: Vec<_> = head.trim_end().lines().map(str::to_owned).collect();
    let line = lines.remove(0);
    lines.sort();
    assert_eq!(line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(
        lines,
        ["content-length: 13".to_owned(), format!("host: {}", server.address), "x-a: b".into()]
    );
}

#[tokio::test]
async fn a_path_with_line_breaks_is_refused_before_anything_is_sent() {
    let server = Server::answering(OK).await;
    let request = WireRequest { path: "/a HTTP/1.1\r\nx-evil: 1\r\n\r\n".into(), ..request() };
    let refused = server.upstream().send(request, &Deadlines::default()).await;
    assert_eq!(refused.err().expect("an error").kind(), llm_core::ErrorKind::InvalidRequest);
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_get_without_a_body_works() {
    let server = Server::answering(OK).await;
    let request = WireRequest { method: Method::GET, body: WireBody::default(), ..request() };
    let reply = server.upstream().send(request, &Deadlines::default()).await.expect("an answer");
    assert_eq!(reply.body.collect().await.expect("a body"), "ok");
}

#[tokio::test]
async fn an_answer_without_a_body_is_empty() {
    let server = Server::answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let upstream = server.upstream();
    assert_eq!(call(&upstream).await.expect("an answer"), "");
    assert_eq!(call(&upstream).await.expect("an answer"), "");
    assert_eq!(server.accepted(), 1);
}
