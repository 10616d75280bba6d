//! HTTP/2: by prior knowledge and by negotiation, many calls on one connection and more connections when it is full.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use llm_core::provider::Deadlines;
use llm_transport::{HttpVersion, Options, Upstream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::{Barrier, Notify};

use crate::secure::{acceptor, trusting};
use crate::server::{Server, call, failing_call, request, upstream};

/// Echoes method, URL and body; waits at the barrier before it does.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, most: u32, together: Arc<Barrier>) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let together = Arc::clone(&together);
        async move {
            let said = format!("{} {} {:?} ", request.method(), request.uri(), request.headers().get("host"));
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            together.wait().await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from([said.as_bytes(), &body].concat()))))
        }
    });
    let _ended = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(most)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn http2(most: u32, together: usize) -> Server {
    let barrier = Arc::new(Barrier::new(together));
    Server::start(move |_, connection| serve(connection.into_stream(), most, Arc::clone(&barrier))).await
}

fn knowing(server: &Server) -> Arc<Upstream> {
    server.upstream_with(Options { http_version: HttpVersion::Http2, ..Options::default() })
}

#[tokio::test]
async fn prior_knowledge_works_without_tls() {
    let server = http2(100, 1).await;
    let upstream = knowing(&server);
    let answer = call(&upstream).await.expect("an answer");
    assert_eq!(
        answer,
        format!("POST http://{}/v1/chat/completions None {{\"model\":\"m\"}}", server.address)
    );
    call(&upstream).await.expect("an answer");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn calls_at_the_same_time_share_a_connection() {
    let server = http2(100, 50).await;
    let upstream = knowing(&server);
    for answer in join_all((0..50).map(|_| call(&upstream))).await {
        answer.expect("an answer");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_full_connection_gets_company() {
    // Six calls are answered only when all six are there, and a connection takes two.
    let waiting = http2(2, 6).await;
    let upstream = knowing(&waiting);
    let calls: Vec<_> = (0..6).map(|_| call(&upstream)).collect();
    for answer in join_all(calls).await {
        answer.expect("an answer");
    }
    assert_eq!(waiting.accepted(), 3);
}

#[tokio::test]
async fn negotiation_picks_http2_where_it_is_spoken() {
    let acceptor = acceptor(&["h2", "http/1.1"], false);
    let server = Server::start(move |_, connection| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(connection.into_stream()).await {
                serve(stream, 100, Arc::new(Barrier::new(1))).await;
            }
        }
    })
    .await;
    let url = format!("https://localhost:{}", server.address.port());
    let upstream = upstream(&url, Options { http_version: HttpVersion::Auto, ..trusting() });
    for answer in join_all((0..10).map(|_| call(&upstream))).await {
        assert!(answer.expect("an answer").starts_with(format!("POST {url}/chat").as_bytes()));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_server_without_http2_is_an_error_when_it_was_demanded() {
    let acceptor = acceptor(&["http/1.1"], false);
    let server = Server::start(move |_, connection| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(connection.into_stream()).await) }
    })
    .await;
    let url = format!("https://localhost:{}", server.address.port());
    let upstream = upstream(&url, Options { http_version: HttpVersion::Http2, ..trusting() });
    assert_eq!(failing_call(&upstream).await.kind(), llm_core::ErrorKind::Connection);
}

#[tokio::test]
async fn a_peer_that_does_not_speak_http2_is_an_error() {
    let server = Server::answering_once(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(failing_call(&knowing(&server)).await.kind(), llm_core::ErrorKind::Connection);
}

/// Answers each call with a body that does not end, and tells when the client drops it. `leave`: the connection says
/// goodbye then, and lets the calls under way go on.
async fn serve_endless(stream: TcpStream, dropped: Sender<()>, leave: Arc<Notify>) {
    let service = service_fn(move |_| {
        let (sender, body) = mpsc::channel::<()>(16);
        let dropped = dropped.clone();
        tokio::spawn(async move {
            sender.closed().await;
            let _over = dropped.try_send(());
        });
        async move { Ok::<_, Infallible>(Response::new(Endless { _alive: body, begun: false })) }
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    tokio::select! {
        _ended = serving.as_mut() => return,
        () = leave.notified() => serving.as_mut().graceful_shutdown(),
    }
    let _ended = serving.await;
}

#[tokio::test]
async fn dropping_a_reply_resets_its_stream_and_spares_the_connection() {
    let (seen, mut dropped) = mpsc::channel(16);
    let server = Server::start(move |_, connection| {
        serve_endless(connection.into_stream(), seen.clone(), Arc::default())
    })
    .await;
    let upstream = knowing(&server);
    for _ in 0..2 {
        let mut body = upstream.send(request(), &Deadlines::default()).await.expect("a head").body;
        assert_eq!(body.chunk().await.expect("a chunk").expect("good"), "data: 1\n\n");
        drop(body);
        dropped.recv().await.expect("the server saw the reset");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_says_goodbye_is_replaced_by_one_for_all() {
    let (seen, _dropped) = mpsc::channel(16);
    let leave = Arc::new(Notify::new());
    let (first, never) = (Arc::clone(&leave), Arc::<Notify>::default());
    let server = Server::start(move |number, connection| {
        let leave = if number == 0 { &first } else { &never };
        serve_endless(connection.into_stream(), seen.clone(), Arc::clone(leave))
    })
    .await;
    let upstream = knowing(&server);
    let deadlines = Deadlines::default();
    let mut under_way = upstream.send(request(), &deadlines).await.expect("a head").body;
    leave.notify_one();
    while server.accepted() == 1 {
        upstream.send(request(), &deadlines).await.expect("the goodbye costs no call");
    }
    let calls: Vec<_> = (0..10).map(|_| upstream.send(request(), &deadlines)).collect();
    for reply in join_all(calls).await {
        assert_eq!(reply.expect("a head").status, 200);
    }
    assert_eq!(under_way.chunk().await.expect("a chunk").expect("good"), "data: 1\n\n");
    assert_eq!(server.accepted(), 2);
}

/// A body that says one thing and then waits until it is dropped.
struct Endless {
    _alive: mpsc::Receiver<()>,
    begun: bool,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.begun, true) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b"data: 1\n\n")))))
    }
}
