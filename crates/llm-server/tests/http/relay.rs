//! Requests that pass to a vendor as they are, over real sockets.

use std::time::Duration;

use llm_server::Origins;

use crate::client::bare;
use crate::fixture::{Fixture, limits};

#[tokio::test]
async fn any_method_and_path_of_the_vendor_passes() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    for method in ["GET", "DELETE", "PUT", "PATCH", "POST"] {
        let answer = client.call(bare(method, "/vendor/v1/files/a%20b?after=x")).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, format!("{method} /v1/files/a%20b?after=x 0 true").as_str())
        );
        assert!(answer.header("x-litellm-call-id").is_some());
    }
    let answer = client.call(bare("GET", "/vendors/v1/files")).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_stranger_is_refused_before_its_body_is_read() {
    let fixture = Fixture::with_key("sk-test");
    let mut client = fixture.client().await;
    client.send("POST /vendor/v1/files HTTP/1.1\r\nhost: a\r\ncontent-length: 999999999\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("test_error"), "{}", answer.body);
}

#[tokio::test]
async fn a_body_beyond_the_limit_of_model_apis_streams_through() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let length = 3 << 20;
    assert!(length > limits().body);
    client
        .send(format!("POST /vendor/v1/files HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n"))
        .await;
    client.send(vec![b'x'; length]).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body), (200, format!("POST /v1/files {length} false")));
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let fixture = Fixture::with(None, limits(), Origins::Local);
    let mut client = fixture.client().await;
    client
        .send("POST /vendor/v1/files HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        .await;
    let answer =
        tokio::time::timeout(Duration::from_secs(10), client.answer()).await.expect("it is given up");
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("stood still"), "{}", answer.body);
}

#[tokio::test]
async fn an_answer_streams_piece_by_piece() {
    let fixture = Fixture::start();
    let sender = fixture.vendor.stream("slow");
    let mut client = fixture.client().await;
    client.send(bare("GET", "/vendor/slow")).await;
    assert_eq!(client.head().await.status, 200);
    for piece in ["one", "two"] {
        sender.send(piece.into()).await.expect("it is read");
        assert_eq!(client.chunk().await.as_deref(), Some(piece));
    }
    drop(sender);
    assert_eq!(client.chunk().await, None);
}

#[tokio::test]
async fn objects_of_one_vendor_are_shown_the_way() {
    let fixture = Fixture::start();
    let answer = fixture.client().await.call(bare("POST", "/v1/assistants")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("/<vendor>/v1/assistants"), "{}", answer.body);
}
