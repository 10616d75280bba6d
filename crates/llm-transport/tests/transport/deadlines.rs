//! Silence of every kind ends with an error that names the deadline. Time is virtual once a connection stands.

use std::time::Duration;

use llm_core::ErrorKind;
use llm_core::provider::Deadlines;
use llm_transport::{Options, UpstreamReply};
use tokio::time::{Instant, pause, sleep};

use crate::server::{CHUNKED, OK, Server, call, request, upstream};

const SECOND: Duration = Duration::from_secs(1);

async fn expired(sent: llm_core::Result<UpstreamReply>) -> String {
    let error = match sent {
        Ok(reply) => reply.body.collect().await.expect_err("a deadline passes"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    error.message().to_owned()
}

#[tokio::test]
async fn a_handshake_that_never_ends_meets_the_connect_deadline() {
    let server = Server::start(|_, mut connection| async move { connection.closed().await }).await;
    let upstream = upstream(&format!("https://{}", server.address), Options::default());
    let deadlines = Deadlines { connect: Some(Duration::from_millis(40)), ..Deadlines::default() };
    let message = expired(upstream.send(request(), &deadlines).await).await;
    assert_eq!(message, "the vendor could not be reached within 0.04 s (connect deadline)");
}

#[tokio::test]
async fn a_head_that_never_comes_meets_the_headers_deadline() {
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
        connection.closed().await;
    })
    .await;
    let upstream = server.upstream();
    call(&upstream).await.expect("an answer");
    pause();
    let began = Instant::now();
    let deadlines = Deadlines { headers: Some(30 * SECOND), ..Deadlines::default() };
    let message = expired(upstream.send(request(), &deadlines).await).await;
    assert_eq!(message, "the vendor did not begin to answer within 30 s (headers deadline)");
    assert!((30..32).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(server.accepted(), 1, "a deadline is no reason to send again");
}

/// Sends a chunk after each pause, then falls silent.
async fn pausing(pauses: &'static [u64]) -> Server {
    Server::start(move |_, mut connection| async move {
        connection.request().await;
        connection.send(CHUNKED).await;
        for seconds in pauses {
            sleep(Duration::from_secs(*seconds)).await;
            connection.chunk(b"data: 1\n\n").await;
        }
        connection.closed().await;
    })
    .await
}

#[tokio::test]
async fn a_gap_in_the_body_meets_the_idle_deadline() {
    let server = pausing(&[0, 9, 9, 9]).await;
    let deadlines = Deadlines { idle: Some(10 * SECOND), ..Deadlines::default() };
    let mut body = server.upstream().send(request(), &deadlines).await.expect("a head").body;
    pause();
    let clock = Instant::now();
    for _ in 0..4 {
        body.chunk().await.expect("a chunk").expect("in time");
    }
    let error = body.chunk().await.expect("not the end").expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.message(),
        "the vendor sent nothing for 10 s in the middle of its answer (idle deadline)"
    );
    assert!((37..39).contains(&clock.elapsed().as_secs()), "{:?}", clock.elapsed());
}

#[tokio::test]
async fn a_long_headers_deadline_does_not_stretch_the_idle_deadline() {
    let server = pausing(&[]).await;
    let deadlines =
        Deadlines { headers: Some(600 * SECOND), idle: Some(10 * SECOND), ..Deadlines::default() };
    let reply = server.upstream().send(request(), &deadlines).await;
    pause();
    let clock = Instant::now();
    assert!(expired(reply).await.contains("idle deadline"));
    assert!(clock.elapsed() < 12 * SECOND, "{:?}", clock.elapsed());
}

#[tokio::test]
async fn a_call_that_goes_on_and_on_meets_the_total_deadline() {
    let server = pausing(&[0, 4, 4, 4, 4, 4, 4]).await;
    let total = std::time::Instant::now() + 10 * SECOND;
    let deadlines = Deadlines { idle: Some(5 * SECOND), total: Some(total), ..Deadlines::default() };
    let reply = server.upstream().send(request(), &deadlines).await;
    pause();
    let clock = Instant::now();
    let message = expired(reply).await;
    assert!(message.contains("total deadline"), "{message}");
    assert!((9..11).contains(&clock.elapsed().as_secs()), "{:?}", clock.elapsed());
}

#[tokio::test]
async fn the_total_deadline_covers_the_wait_for_the_head() {
    let server = Server::start(|_, mut connection| async move { connection.closed().await }).await;
    let total = std::time::Instant::now() + Duration::from_millis(40);
    let deadlines = Deadlines { total: Some(total), ..Deadlines::default() };
    assert!(expired(server.upstream().send(request(), &deadlines).await).await.contains("total deadline"));
}

#[tokio::test]
async fn the_total_deadline_covers_connecting() {
    let server = Server::start(|_, mut connection| async move { connection.closed().await }).await;
    let upstream = upstream(&format!("https://{}", server.address), Options::default());
    let total = std::time::Instant::now() + Duration::from_millis(40);
    let deadlines = Deadlines { total: Some(total), ..Deadlines::default() };
    assert!(expired(upstream.send(request(), &deadlines).await).await.contains("total deadline"));
}
