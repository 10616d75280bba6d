//! Answers that are none: each is an error, never a short answer that looks whole.

use llm_core::provider::Deadlines;
use llm_core::{ErrorKind, Retry};
use llm_transport::Options;

use crate::server::{Server, call, failing_call, request, upstream};

#[tokio::test]
async fn half_a_body_is_an_error() {
    let server = Server::answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    let upstream = server.upstream();
    let mut body = upstream.send(request(), &Deadlines::default()).await.expect("a head").body;
    assert_eq!(body.chunk().await.expect("a chunk").expect("good so far"), "half");
    for _ in 0..2 {
        let error = body.chunk().await.expect("not the end").expect_err("the rest is missing");
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.message().contains("incomplete"), "{error}");
    }
    assert_eq!(failing_call(&upstream).await.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_chunked_body_that_is_cut_is_an_error() {
    for cut in ["5\r\nwhole\r\n", "5\r\nwho", "5", "5\r\nwhole\r\n0\r\n"] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{cut}");
        let server = Server::start(move |_, mut connection| {
            let answer = answer.clone();
            async move {
                connection.request().await;
                connection.send(answer.as_bytes()).await;
            }
        })
        .await;
        assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::Connection, "{cut:?}");
    }
}

#[tokio::test]
async fn a_malformed_chunk_is_a_bad_answer() {
    let server =
        Server::answering_once(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nwhole\r\n").await;
    assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::BadUpstreamAnswer);
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_answer() {
    let too_many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let answers = [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned(),
        "HTTP/1.1 two hundred\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".into(),
        format!("HTTP/1.1 200 OK\r\n{too_many}\r\n"),
    ];
    for answer in answers {
        let sent = answer.clone();
        let server = Server::start(move |_, mut connection| {
            let sent = sent.clone();
            async move {
                connection.request().await;
                connection.send(sent.as_bytes()).await;
            }
        })
        .await;
        let error = failing_call(&server.upstream()).await;
        assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer, "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_reset_is_a_connection_error() {
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        connection.reset();
    })
    .await;
    assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_body_is_a_connection_error() {
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nno length, so only a reset can tell").await;
        connection.reset();
    })
    .await;
    assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn nobody_listening_is_a_connection_error_without_internals() {
    let server = Server::answering_once(b"").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("it is bound");
    drop((server, free));
    let error = failing_call(&upstream(&format!("http://{address}"), Options::default())).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.message(), "the vendor could not be reached: the connection was refused");
}

#[tokio::test]
async fn an_unknown_host_is_a_connection_error() {
    let error = failing_call(&upstream("http://vendor.invalid", Options::default())).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("host name"), "{error}");
}

#[tokio::test]
async fn redirects_are_errors_that_name_the_host() {
    let server = Server::answering(
        b"HTTP/1.1 307 Go\r\nlocation: https://other.example/x?key=1\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let error = failing_call(&server.upstream()).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::BadUpstreamAnswer, Retry::Elsewhere));
    assert!(error.message().contains("`other.example`") && !error.message().contains("key"), "{error}");
}

#[tokio::test]
async fn switching_protocols_is_no_answer() {
    let server =
        Server::answering_once(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n").await;
    assert_eq!(failing_call(&server.upstream()).await.kind(), ErrorKind::BadUpstreamAnswer);
}

#[tokio::test]
async fn answers_larger_than_the_limit_are_refused() {
    let answers: [&'static [u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n4\r\n6789\r\n0\r\n\r\n",
    ];
    for answer in answers {
        let server = Server::answering(answer).await;
        let small = server.upstream_with(Options { max_body: 8, ..Options::default() });
        let error = failing_call(&small).await;
        assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);
        assert!(error.message().contains("8 bytes"), "{error}");
        let exact = server.upstream_with(Options { max_body: 9, ..Options::default() });
        assert_eq!(call(&exact).await.expect("it fits"), "123456789");
    }
}
