//! Answers that come compressed although nobody asked.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use llm_core::ErrorKind;
use llm_core::provider::Deadlines;
use llm_transport::Options;
use tokio::sync::mpsc;

use crate::server::{CHUNKED, Server, call, failing_call, request};

const TEXT: &[u8] = b"{\"answer\":\"forty-two, forty-two, forty-two\"}";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

async fn serving(coding: &'static str, body: Vec<u8>) -> Server {
    Server::start(move |_, mut connection| {
        let body = body.clone();
        async move {
            while connection.request().await.is_some() {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                connection.send(head.as_bytes()).await;
                connection.send(&body).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn encodings_are_undone_and_their_headers_go() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(TEXT).expect("memory takes all");
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
    bare.write_all(TEXT).expect("memory takes all");
    let encoded = [
        ("gzip", gzip(TEXT)),
        ("X-GZIP", gzip(TEXT)),
        ("deflate", zlib.finish().expect("memory takes all")),
        ("deflate", bare.finish().expect("memory takes all")),
        ("identity", TEXT.to_vec()),
    ];
    for (coding, body) in encoded {
        let server = serving(coding, body).await;
        let upstream = server.upstream();
        for _ in 0..2 {
            let reply = upstream.send(request(), &Deadlines::default()).await.expect("an answer");
            let gone = !reply.headers.contains_key("content-length");
            assert_eq!(gone, coding != "identity");
            assert_eq!(reply.body.collect().await.expect("a body"), TEXT, "{coding}");
        }
        assert_eq!(server.accepted(), 1, "the connection is used again");
    }
}

#[tokio::test]
async fn each_event_of_a_compressed_stream_is_there_at_once() {
    let (ask, asked) = mpsc::channel::<()>(16);
    let asked = std::sync::Arc::new(tokio::sync::Mutex::new(asked));
    let server = Server::start(move |_, mut connection| {
        let asked = std::sync::Arc::clone(&asked);
        async move {
            connection.request().await;
            let head =
                String::from_utf8_lossy(CHUNKED).replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n");
            connection.send(head.as_bytes()).await;
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            for number in 0..5 {
                asked.lock().await.recv().await;
                encoder.write_all(format!("data: {number}\n\n").as_bytes()).expect("memory takes all");
                encoder.flush().expect("memory takes all");
                connection.chunk(&std::mem::take(encoder.get_mut())).await;
            }
            connection.chunk(&encoder.finish().expect("memory takes all")).await;
            connection.send(b"0\r\n\r\n").await;
        }
    })
    .await;
    let mut body = server.upstream().send(request(), &Deadlines::default()).await.expect("an answer").body;
    for number in 0..5 {
        ask.try_send(()).expect("the server waits");
        let event = body.chunk().await.expect("an event").expect("good");
        assert_eq!(event, format!("data: {number}\n\n"));
    }
    assert!(body.chunk().await.is_none());
}

#[tokio::test]
async fn a_compressed_answer_that_is_cut_is_an_error() {
    let whole = gzip(TEXT);
    for length in [1, 9, 11, whole.len() / 2, whole.len() - 1] {
        let server = serving("gzip", whole.iter().take(length).copied().collect()).await;
        assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::BadUpstreamAnswer, "{length}");
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_an_error() {
    let mut broken = gzip(TEXT);
    let place = broken.len() - 6;
    broken[place] ^= 1;
    let server = serving("gzip", broken).await;
    assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::BadUpstreamAnswer);
}

#[tokio::test]
async fn what_is_not_compressed_is_an_error() {
    let server = serving("gzip", b"<html>not gzip</html>".to_vec()).await;
    assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::BadUpstreamAnswer);
}

#[tokio::test]
async fn an_unknown_encoding_is_an_error_that_names_it() {
    let server = serving("br", b"x".to_vec()).await;
    let error = failing_call(&server.upstream()).await;
    assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);
    assert!(error.message().contains("`br`"), "{error}");
}

#[tokio::test]
async fn a_small_answer_that_inflates_to_a_huge_one_is_refused_in_time() {
    let server = serving("gzip", gzip(&vec![b' '; 64 * 1024 * 1024])).await;
    let upstream = server.upstream_with(Options { max_body: 1024 * 1024, ..Options::default() });
    assert_eq!(failing_call(&upstream).await.kind(), ErrorKind::BadUpstreamAnswer);
    let mut body = upstream.send(request(), &Deadlines::default()).await.expect("an answer").body;
    let piece = body.chunk().await.expect("a piece").expect("good");
    assert!(piece.len() <= 32 * 1024, "{} bytes at once", piece.len());
}

#[tokio::test]
async fn an_empty_answer_may_claim_to_be_compressed() {
    let server = serving("gzip", Vec::new()).await;
    assert_eq!(call(&server.upstream()).await.expect("an answer"), "");
}
