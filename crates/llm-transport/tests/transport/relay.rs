//! Bodies that go on while they still arrive.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::provider::Deadlines;
use llm_core::relay::RelayBody;
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{Error, ErrorKind, Result};
use llm_transport::{Options, Proxy, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn upstream(path: &str) -> (TcpListener, Arc<Upstream>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let base = format!("http://{}{path}", listener.local_addr().expect("bound"));
    let options = Options { proxy: Proxy::None, ..Options::default() };
    (listener, Upstream::new(&base, &options).expect("a good address"))
}

fn request(path: &str) -> WireRequest {
    let headers = HeaderMap::from_iter([
        (HeaderName::from_static("content-length"), HeaderValue::from_static("999")),
        (HeaderName::from_static("x-kept"), HeaderValue::from_static("yes")),
    ]);
    WireRequest { method: Method::POST, path: path.to_owned(), headers, body: WireBody::default() }
}

fn deadlines() -> Deadlines {
    Deadlines { headers: Some(Duration::from_secs(10)), ..Deadlines::default() }
}

fn arriving(length: Option<u64>, pieces: Vec<Result<Bytes>>) -> RelayBody {
    RelayBody::Arriving { length, chunks: stream::iter(pieces).boxed() }
}

/// What the server read until the words, after which it answers.
async fn served(listener: TcpListener, until: &str) -> String {
    let (mut socket, _) = listener.accept().await.expect("a connection");
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(until) {
        if socket.read_buf(&mut read).await.expect("it sends") == 0 {
            break;
        }
    }
    let _ = socket.write_all(ANSWER).await;
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn a_body_goes_out_with_the_length_that_the_client_said_or_in_chunks() {
    for (length, head, body) in [
        (Some(6), "content-length: 6\r\n", "\r\n\r\nabcdef"),
        (None, "transfer-encoding: chunked\r\n", "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"),
    ] {
        let (listener, upstream) = upstream("/api/v1?key=1").await;
        let server = tokio::spawn(served(listener, if length.is_some() { "abcdef" } else { "0\r\n\r\n" }));
        let pieces = vec![Ok(Bytes::from("abc")), Ok(Bytes::new()), Ok(Bytes::from("def"))];
        let reply = upstream
            .relay(request("/v1/files?a=b"), arriving(length, pieces), &deadlines())
            .await
            .expect("an answer");
        assert_eq!(reply.body.collect().await, Ok(Bytes::from("ok")));
        let read = server.await.expect("it served");
        assert!(read.starts_with("POST /v1/files?a=b HTTP/1.1\r\n"), "{read}");
        assert!(read.contains(head) && read.ends_with(body) && read.contains("x-kept: yes"), "{read}");
        assert_eq!(read.matches("content-length").count(), usize::from(length.is_some()), "{read}");
    }
}

#[tokio::test]
async fn the_first_piece_is_sent_before_the_last_one_came() {
    let (listener, upstream) = upstream("/v1").await;
    let seen = Arc::new(Notify::new());
    let gate = Arc::clone(&seen);
    let chunks = stream::iter([Ok(Bytes::from("first"))])
        .chain(stream::once(async move {
            gate.notified().await;
            Ok(Bytes::from("last"))
        }))
        .boxed();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut read = Vec::new();
        while !read.ends_with(b"first\r\n") {
            socket.read_buf(&mut read).await.expect("it sends");
        }
        seen.notify_one();
        while !read.ends_with(b"0\r\n\r\n") {
            socket.read_buf(&mut read).await.expect("it sends");
        }
        socket.write_all(ANSWER).await.expect("it listens");
    });
    let body = RelayBody::Arriving { length: None, chunks };
    let reply = upstream.relay(request("/v1/files"), body, &deadlines()).await.expect("an answer");
    assert_eq!(reply.status, 200);
    server.await.expect("it served");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_clients_fault() {
    let (listener, upstream) = upstream("/v1").await;
    let server = tokio::spawn(served(listener, "never"));
    let pieces = vec![Ok(Bytes::from("abc")), Err(Error::invalid("the client went away"))];
    let fault = upstream.relay(request("/v1/files"), arriving(Some(9), pieces), &deadlines()).await;
    let error = fault.err().expect("no answer");
    assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidRequest, "the client went away"));
    let read = server.await.expect("it read");
    let body = read.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    assert!("abc".starts_with(body), "the vendor gets no whole body: {read}");
}

#[tokio::test]
async fn a_whole_body_goes_over_a_kept_connection() {
    let (listener, upstream) = upstream("/v1").await;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("one connection");
        for _ in 0..2 {
            let mut read = Vec::new();
            while !read.ends_with(b"whole") {
                socket.read_buf(&mut read).await.expect("it sends");
            }
            socket.write_all(ANSWER).await.expect("it listens");
        }
    });
    for _ in 0..2 {
        let body = RelayBody::Whole(Bytes::from("whole"));
        let reply = upstream.relay(request("/v1/x"), body, &deadlines()).await.expect("an answer");
        assert_eq!(reply.body.collect().await, Ok(Bytes::from("ok")));
    }
    server.await.expect("it served both");
}
