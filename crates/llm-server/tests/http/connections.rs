//! Connections: kept, pipelined, flooded, slow, many.

use std::time::Duration;

use llm_server::{Limits, Origins};

use crate::client::{Client, ask, bare, post};
use crate::fixture::{Fixture, limits};

#[tokio::test]
async fn a_connection_is_kept_after_errors() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    assert_eq!(client.call(post("no json")).await.status, 400);
    assert_eq!(client.call(bare("GET", "/nowhere")).await.status, 404);
    assert_eq!(client.call(bare("GET", "/v1/chat")).await.status, 405);
    assert_eq!(client.call(ask("panic")).await.status, 500);
    assert_eq!(client.call(ask("a")).await.status, 200);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client.send(["a", "b", "c"].map(ask).concat()).await;
    for model in ["a", "b", "c"] {
        assert_eq!(client.answer().await.body, format!(r#"{{"model":"{model}"}}"#));
    }
}

#[tokio::test]
async fn a_panic_is_an_error_in_the_clients_dialect_and_the_server_lives() {
    let fixture = Fixture::start();
    for _ in 0..4 {
        let answer = fixture.client().await.call(ask("panic")).await;
        assert_eq!(answer.status, 500);
        assert!(answer.body.contains(r#""kind":"internal""#), "{}", answer.body);
        assert!(!answer.body.contains("on purpose"), "{}", answer.body);
    }
    assert_eq!(fixture.client().await.call(ask("a")).await.status, 200);
}

#[tokio::test]
async fn a_client_of_the_old_protocol_is_answered_and_let_go() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let answer = client.call(ask("a").replace("HTTP/1.1", "HTTP/1.0")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"model":"a"}"#));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let fixture = Fixture::start();
    let headers: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let answer = fixture.client().await.call(format!("POST /v1/chat HTTP/1.1\r\n{headers}\r\n")).await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_head_without_an_end_is_refused() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client.send(format!("POST /v1/chat HTTP/1.1\r\nx-long: {}", "a".repeat(17 << 10))).await;
    assert_eq!(client.answer().await.status, 431);
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client.send("POST /v1/chat HTTP/1.1\r\nx-slow").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_resting_connection_is_closed_at_last_and_not_before() {
    let limits = Limits { idle: Duration::from_millis(400), head_time: Duration::from_secs(30), ..limits() };
    let fixture = Fixture::with(None, limits, Origins::Local);
    let mut client = fixture.client().await;
    for _ in 0..3 {
        assert_eq!(client.call(ask("a")).await.status, 200);
    }
    let rested = std::time::Instant::now();
    assert_eq!(client.rest().await, "");
    assert!(rested.elapsed() > Duration::from_millis(200));
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_call() {
    let fixture = Fixture::start();
    let mut hanging = fixture.vendor.hanging();
    let mut client = fixture.client().await;
    client.send(ask("hang")).await;
    assert_eq!(hanging.recv().await, Some(()), "the vendor was called");
    drop(client);
    assert_eq!(hanging.recv().await, None, "the call was dropped");
}

#[tokio::test]
async fn garbage_is_refused_and_the_server_lives() {
    let fixture = Fixture::start();
    for garbage in
        ["\x16\x03\x01\x02\x00\x01\x00\x01\x7f", "\r\n\r\n\r\n\0\0", "GET\r\n\r\n", "hello there\n\n"]
    {
        let mut client = fixture.client().await;
        client.send(garbage).await;
        let rest = client.rest().await;
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{garbage:?}: {rest}");
    }
    assert_eq!(fixture.client().await.call(ask("a")).await.status, 200);
}

#[tokio::test]
async fn two_hundred_connections_are_spread_and_served() {
    let fixture = Fixture::start();
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(fixture.client().await);
    }
    let calls = clients.into_iter().map(|mut client: Client| {
        tokio::spawn(async move {
            for _ in 0..5 {
                assert_eq!(client.call(ask("a")).await.body, r#"{"model":"a"}"#);
            }
            client
        })
    });
    let mut open = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        open.push(call.await.expect("no call failed"));
    }
    assert_eq!(fixture.server.connections(), 200);
}
