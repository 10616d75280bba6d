//! Request bodies: whole, in pieces, too large, too slow, broken.

use llm_server::Origins;

use crate::client::{ask, bare, post};
use crate::fixture::{Fixture, limits};

const LENGTH: &str = r#"{"model":"length"}"#;

#[tokio::test]
async fn an_announced_length_above_the_limit_is_refused_before_a_byte_of_it_came() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let head = format!("POST /v1/chat HTTP/1.1\r\nhost: g\r\ncontent-length: {}\r\n\r\n", (1 << 20) + 1);
    let answer = client.call(head).await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("1048577") && answer.body.contains("payload_too_large"), "{}", answer.body);
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_refused_body_has_a_call_id_too() {
    let fixture = Fixture::start();
    let given = format!("x-request-id: call-7\r\ncontent-length: {}", (1 << 20) + 1);
    for (line, known) in [(given.as_str(), Some("call-7")), ("content-encoding: gzip", None)] {
        let head = format!("POST /v1/chat HTTP/1.1\r\nhost: g\r\n{line}\r\n\r\n");
        let answer = fixture.client().await.call(head).await;
        let id = answer.header("x-litellm-call-id").expect("every refusal can be asked about");
        assert!(known.map_or(id.len() == 36, |known| known == id), "{id}");
    }
}

#[tokio::test]
async fn a_client_that_sends_everything_first_still_reads_the_refusal() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let answer = client.call(post(&"x".repeat(8 << 20))).await;
    assert_eq!(answer.status, 413);
    assert_eq!(client.rest().await, "", "the connection is closed, not reset, after the answer");
}

#[tokio::test]
async fn a_chunked_body_is_cut_off_at_the_limit() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client.send("POST /v1/chat HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, "x".repeat(64 << 10));
    for _ in 0..17 {
        client.send(&chunk).await;
    }
    assert_eq!(client.answer().await.status, 413);
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let (first, second) = LENGTH.split_at(5);
    client.send("POST /v1/chat HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n").await;
    client.send(format!("5\r\n{first}\r\n")).await;
    client.send(format!("{:x};name=value\r\n{second}\r\n0\r\n\r\n", second.len())).await;
    assert_eq!(client.answer().await.body, r#"{"length":18}"#);
}

#[tokio::test]
async fn a_body_of_many_pieces_is_read() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let padded = format!("{LENGTH}{}", " ".repeat((1 << 20) - LENGTH.len()));
    let answer = client.call(post(&padded)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"length":1048576}"#));
}

#[tokio::test]
async fn bodies_that_are_held_together_are_bounded() {
    let limits = llm_server::Limits { buffered: 100 << 10, ..limits() };
    let fixture = Fixture::with(None, limits, Origins::Local);
    let answer = fixture.client().await.call(post(&" ".repeat(900 << 10))).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(fixture.client().await.call(ask("a")).await.status, 200);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_refused() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client.send("POST /v1/chat HTTP/1.1\r\nhost: g\r\ncontent-length: 100\r\n\r\nhalf").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("too slowly"), "{}", answer.body);
}

#[tokio::test]
async fn half_a_body_and_a_close_leave_the_server_well() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client.send("POST /v1/chat HTTP/1.1\r\nhost: g\r\ncontent-length: 100\r\n\r\nhalf").await;
    drop(client);
    assert_eq!(fixture.client().await.call(ask("a")).await.status, 200);
}

#[tokio::test]
async fn a_malformed_chunk_is_told_as_such() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client.send("POST /v1/chat HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("could not be read"), "{}", answer.body);
}

#[tokio::test]
async fn lengths_that_are_no_length_are_refused() {
    let fixture = Fixture::start();
    for length in ["-1", "abc", "1 2", "99999999999999999999999", "3, 4"] {
        let mut client = fixture.client().await;
        let head = format!("POST /v1/chat HTTP/1.1\r\nhost: g\r\ncontent-length: {length}\r\n\r\nxyz");
        assert_eq!(client.call(head).await.status, 400, "{length}");
    }
}

#[tokio::test]
async fn a_length_and_chunks_together_never_smuggle_a_request() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let smuggled = bare("GET", "/health/liveliness");
    client
        .send(format!(
            "POST /v1/chat HTTP/1.1\r\nhost: g\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
            5 + smuggled.len()
        ))
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_client_that_asks_before_sending_is_told_to_go_on() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client
        .send("POST /v1/chat HTTP/1.1\r\nhost: g\r\nexpect: 100-continue\r\ncontent-length: 18\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 100);
    assert_eq!(client.call(LENGTH).await.body, r#"{"length":18}"#);
}

#[tokio::test]
async fn a_client_that_asks_before_sending_too_much_is_told_not_to() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    client
        .send("POST /v1/chat HTTP/1.1\r\nhost: g\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 413);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn nobody_without_the_key_makes_the_server_wait_for_a_body() {
    let fixture = Fixture::with_key("sk-test");
    let mut client = fixture.client().await;
    client.send("POST /v1/chat HTTP/1.1\r\nhost: g\r\ncontent-length: 1000000\r\n\r\n{").await;
    assert_eq!(client.answer().await.status, 401);
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_name() {
    let fixture = Fixture::start();
    let request =
        "POST /v1/chat HTTP/1.1\r\nhost: g\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x00";
    let answer = fixture.client().await.call(request).await;
    assert_eq!(answer.status, 415);
    assert!(answer.body.contains("content-encoding"), "{}", answer.body);
}
