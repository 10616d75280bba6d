//! Connections: when they are used again, when they are not, and when they are closed.

use std::time::Duration;

use futures_util::future::join_all;
use llm_core::ErrorKind;
use llm_core::provider::Deadlines;
use llm_transport::Options;
use tokio::sync::mpsc;

use crate::server::{CHUNKED, OK, Server, call, failing_call, request};

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection() {
    let server = Server::answering(OK).await;
    let upstream = server.upstream();
    for _ in 0..10 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_is_free_again_after_a_chunked_answer() {
    let server =
        Server::answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let upstream = server.upstream();
    for _ in 0..3 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn calls_at_the_same_time_have_connections_of_their_own() {
    let server = Server::answering(OK).await;
    let upstream = server.upstream();
    for _ in 0..2 {
        for answer in join_all((0..20).map(|_| call(&upstream))).await {
            assert_eq!(answer.expect("an answer"), "ok");
        }
    }
    assert_eq!(server.accepted(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_of_one_runtime_do_not_each_need_a_connection() {
    let server = Server::answering(OK).await;
    let upstream = server.upstream();
    for _ in 0..100 {
        let upstream = upstream.clone();
        let answer = tokio::spawn(async move { call(&upstream).await }).await.expect("no panic");
        assert_eq!(answer.expect("an answer"), "ok");
    }
    assert!(server.accepted() < 10, "{} connections for calls one after the other", server.accepted());
}

#[test]
fn a_connection_of_a_runtime_that_stands_still_is_not_used() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (servers, first, second) = (runtime(), runtime(), runtime());
    let server = servers.block_on(Server::answering(OK));
    std::thread::scope(|scope| {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        scope.spawn(move || servers.block_on(stopped));
        let upstream = server.upstream();
        assert_eq!(first.block_on(call(&upstream)).expect("an answer"), "ok");
        assert_eq!(second.block_on(call(&upstream)).expect("an answer"), "ok");
        assert_eq!(first.block_on(call(&upstream)).expect("an answer"), "ok");
        stop.send(()).expect("the server's thread waits");
    });
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_connection_that_turns_out_closed_is_replaced_once() {
    let server = Server::start(|number, mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
        // The first connection takes a second request and closes without a word.
        connection.request().await;
        if number > 0 {
            connection.send(OK).await;
            connection.closed().await;
        }
    })
    .await;
    let upstream = server.upstream();
    for _ in 0..3 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
    }
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_used() {
    let server = Server::answering_once(OK).await;
    let upstream = server.upstream();
    for calls in 1..4 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
        assert_eq!(server.accepted(), calls);
    }
}

#[tokio::test]
async fn a_fresh_connection_that_closes_is_an_error_at_once() {
    let server = Server::answering_once(b"").await;
    let error = failing_call(&server.upstream()).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_call_is_not_repeated_once_an_answer_began() {
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
        connection.request().await;
        connection.send(b"HTTP/1.1 200 O").await;
    })
    .await;
    let upstream = server.upstream();
    call(&upstream).await.expect("an answer");
    assert_eq!(failing_call(&upstream).await.kind(), ErrorKind::Connection);
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn dropping_a_reply_closes_its_connection() {
    let (seen, mut closed) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            connection.request().await;
            connection.send(CHUNKED).await;
            connection.chunk(b"data: 1\n\n").await;
            connection.closed().await;
            seen.try_send(()).expect("the test waits");
        }
    })
    .await;
    let upstream = server.upstream();
    let mut body = upstream.send(request(), &Deadlines::default()).await.expect("an answer").body;
    body.chunk().await.expect("a chunk").expect("good");
    drop(body);
    closed.recv().await.expect("the server saw the close");
}

#[tokio::test]
async fn dropping_a_call_before_its_answer_closes_its_connection() {
    let (seen, mut events) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            connection.request().await;
            seen.try_send("asked").expect("the test waits");
            connection.closed().await;
            seen.try_send("closed").expect("the test waits");
        }
    })
    .await;
    let upstream = server.upstream();
    let deadlines = Deadlines::default();
    tokio::select! {
        _ = upstream.send(request(), &deadlines) => panic!("nobody answers"),
        event = events.recv() => assert_eq!(event, Some("asked")),
    }
    assert_eq!(events.recv().await, Some("closed"));
}

#[tokio::test]
async fn dropping_the_upstream_closes_its_idle_connections() {
    let (seen, mut closed) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            connection.request().await;
            connection.send(OK).await;
            connection.closed().await;
            seen.try_send(()).expect("the test waits");
        }
    })
    .await;
    let upstream = server.upstream();
    call(&upstream).await.expect("an answer");
    assert!(closed.try_recv().is_err(), "it is kept while the upstream lives");
    drop(upstream);
    closed.recv().await.expect("the server saw the close");
}

#[tokio::test]
async fn a_call_outlives_its_upstream() {
    let server = Server::answering(OK).await;
    let upstream = server.upstream();
    let reply = upstream.send(request(), &Deadlines::default()).await.expect("an answer");
    drop(upstream);
    assert_eq!(reply.body.collect().await.expect("a body"), "ok");
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_call_to_notice() {
    let (seen, mut closed) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            while connection.request().await.is_some() {
                connection.send(OK).await;
            }
            seen.try_send(()).expect("the test waits");
        }
    })
    .await;
    let options = Options { idle_timeout: Duration::from_millis(20), ..Options::default() };
    let upstream = server.upstream_with(options);
    call(&upstream).await.expect("an answer");
    closed.recv().await.expect("the server saw the close");
    drop(upstream);
}

#[tokio::test]
async fn an_expired_connection_is_not_used() {
    let server = Server::answering(OK).await;
    let upstream = server.upstream_with(Options { idle_timeout: Duration::ZERO, ..Options::default() });
    call(&upstream).await.expect("an answer");
    call(&upstream).await.expect("an answer");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    let server = Server::answering(OK).await;
    let upstream = server.upstream_with(Options { max_idle_per_core: 2, ..Options::default() });
    for _ in 0..2 {
        join_all((0..5).map(|_| call(&upstream))).await;
    }
    assert_eq!(server.accepted(), 5 + 3);
}

#[tokio::test]
async fn many_streams_run_side_by_side() {
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        connection.send(CHUNKED).await;
        for number in 0..50 {
            connection.chunk(format!("data: {number}\n\n").as_bytes()).await;
            tokio::task::yield_now().await;
        }
        connection.send(b"0\r\n\r\n").await;
    })
    .await;
    let upstream = server.upstream();
    let expected: String = (0..50).map(|number| format!("data: {number}\n\n")).collect();
    for answer in join_all((0..100).map(|_| call(&upstream))).await {
        assert_eq!(answer.expect("an answer"), expected);
    }
}
