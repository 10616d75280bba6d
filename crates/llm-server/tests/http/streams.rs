//! Streamed answers: passed on as they come, cancelled when nobody reads.

use std::time::Duration;

use bytes::Bytes;
use llm_server::{Limits, Origins};

use crate::client::{ask, ask_stream};
use crate::fixture::{Fixture, limits};

#[tokio::test]
async fn each_chunk_arrives_before_the_next_is_sent() {
    let fixture = Fixture::start();
    let chunks = fixture.vendor.stream("tale");
    let mut client = fixture.client().await;
    chunks.try_send(Bytes::from("one\n\n")).expect("open");
    client.send(ask_stream("tale")).await;
    let head = client.head().await;
    assert_eq!((head.status, head.header("transfer-encoding")), (200, Some("chunked")));
    assert_eq!(client.chunk().await.as_deref(), Some("one\n\n"));
    for text in ["two\n\n", "three\n\n"] {
        chunks.try_send(Bytes::from(text)).expect("open");
        assert_eq!(client.chunk().await.as_deref(), Some(text));
    }
    drop(chunks);
    assert_eq!(client.chunk().await, None);
    assert_eq!(client.call(ask("a")).await.status, 200, "the connection is kept after a stream");
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_stream() {
    let fixture = Fixture::start();
    let chunks = fixture.vendor.stream("tale");
    let mut client = fixture.client().await;
    chunks.try_send(Bytes::from("one")).expect("open");
    client.send(ask_stream("tale")).await;
    client.head().await;
    drop(client);
    tokio::time::timeout(Duration::from_secs(10), chunks.closed()).await.expect("the stream was dropped");
}

#[tokio::test]
async fn a_client_that_stops_reading_loses_its_stream() {
    let limits = Limits { stall: Duration::from_millis(300), ..limits() };
    let fixture = Fixture::with(None, limits, Origins::Local);
    let chunks = fixture.vendor.stream("tale");
    let mut client = fixture.client().await;
    chunks.try_send(Bytes::from("one")).expect("open");
    client.send(ask_stream("tale")).await;
    client.head().await;
    for _ in 0..64 {
        let _ = chunks.try_send(Bytes::from(vec![b'x'; 1 << 20]));
    }
    tokio::time::timeout(Duration::from_secs(10), chunks.closed()).await.expect("the stream was dropped");
}

#[tokio::test]
async fn a_panic_in_a_stream_never_looks_like_its_end() {
    let fixture = Fixture::start();
    let chunks = fixture.vendor.stream("tale");
    let mut client = fixture.client().await;
    chunks.try_send(Bytes::from("one")).expect("open");
    client.send(ask_stream("tale")).await;
    client.head().await;
    assert_eq!(client.chunk().await.as_deref(), Some("one"));
    chunks.try_send(Bytes::from("panic")).expect("open");
    assert_eq!(client.rest().await, "", "no last chunk");
    assert_eq!(fixture.client().await.call(ask("a")).await.status, 200);
}

#[tokio::test]
async fn a_client_of_the_old_protocol_gets_the_stream_unframed() {
    let fixture = Fixture::start();
    let chunks = fixture.vendor.stream("tale");
    let mut client = fixture.client().await;
    for text in ["one ", "two"] {
        chunks.try_send(Bytes::from(text)).expect("open");
    }
    drop(chunks);
    let answer = client.call(ask_stream("tale").replace("HTTP/1.1", "HTTP/1.0")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "one two"));
}
