//! The orderly end.

use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::client::{ask, ask_stream, bare};
use crate::fixture::{Fixture, gateway};

#[tokio::test]
async fn readiness_says_that_we_leave() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let ready = client.call(bare("GET", "/health/readiness")).await;
    assert_eq!((ready.status, ready.body.as_str()), (200, r#"{"status":"healthy","db":"Not connected"}"#));
    fixture.server.announce_leaving();
    let leaving = client.call(bare("GET", "/health/readiness")).await;
    assert_eq!((leaving.status, leaving.body.as_str()), (503, r#"{"status":"shutting_down"}"#));
    assert_eq!(client.call(ask("a")).await.status, 200, "requests are still served");
}

#[tokio::test]
async fn a_drain_waits_for_an_open_stream_and_takes_nobody_new() {
    let Fixture { vendor, server } = Fixture::start();
    let address = server.address();
    let chunks = vendor.stream("tale");
    let mut client = crate::client::Client::connect(address).await;
    chunks.try_send(Bytes::from("one")).expect("open");
    client.send(ask_stream("tale")).await;
    client.head().await;
    assert_eq!(client.chunk().await.as_deref(), Some("one"));

    let drain = tokio::spawn(server.drain(Duration::from_secs(30)));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!drain.is_finished());
    chunks.try_send(Bytes::from("two")).expect("the stream goes on");
    assert_eq!(client.chunk().await.as_deref(), Some("two"));
    drop(chunks);
    assert_eq!(client.chunk().await, None);
    assert_eq!(client.rest().await, "");
    assert_eq!(drain.await.expect("no panic").cut, 0);
}

#[tokio::test]
async fn resting_and_silent_connections_do_not_hold_up_a_drain() {
    let Fixture { server, .. } = Fixture::start();
    let mut resting = crate::client::Client::connect(server.address()).await;
    assert_eq!(resting.call(ask("a")).await.status, 200);
    let mut silent = crate::client::Client::connect(server.address()).await;
    let drained = server.drain(Duration::from_secs(15)).await;
    assert_eq!(drained.cut, 0);
    assert_eq!(resting.rest().await + &silent.rest().await, "");
}

#[tokio::test]
async fn who_asks_soon_is_answered_and_told_that_it_was_the_last_answer() {
    let Fixture { server, .. } = Fixture::start();
    let mut resting = crate::client::Client::connect(server.address()).await;
    assert_eq!(resting.call(ask("a")).await.header("connection"), None);
    // The workers look at the time now and then: what came since they did last must not be taken for old.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let mut silent = crate::client::Client::connect(server.address()).await;
    let drain = tokio::spawn(server.drain(Duration::from_secs(15)));
    tokio::time::sleep(Duration::from_millis(150)).await;
    for client in [&mut resting, &mut silent] {
        let answer = client.call(ask("a")).await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert_eq!(client.rest().await, "");
    }
    assert_eq!(drain.await.expect("no panic").cut, 0);
}

#[tokio::test]
async fn what_is_open_at_the_deadline_is_cut() {
    let Fixture { vendor, server } = Fixture::start();
    let chunks = vendor.stream("tale");
    let mut client = crate::client::Client::connect(server.address()).await;
    chunks.try_send(Bytes::from("one")).expect("open");
    client.send(ask_stream("tale")).await;
    client.head().await;
    assert_eq!(server.drain(Duration::from_millis(100)).await.cut, 1);
    assert!(chunks.is_closed(), "the stream was dropped");
    assert!(!client.rest().await.contains("\r\n0\r\n"), "no last chunk");
}

#[tokio::test]
async fn a_second_server_on_the_same_port_is_refused() {
    let fixture = Fixture::start();
    let error = llm_server::listen(fixture.server.address()).expect_err("in use");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_successor_listens_beside_one_that_shares_its_port() {
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let first = llm_server::listen_with_others(free).expect("a free port");
    let address = first.local_addr().expect("bound");
    let second = llm_server::listen_with_others(address).expect("shared");
    assert_eq!(second.local_addr().expect("bound"), address);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens before there is a server");
    let gateway = gateway(&std::sync::Arc::default(), None);
    let server = llm_server::Server::new(gateway, llm_server::Options::default());
    let _running = server.start(second).expect("the server starts");
    TcpStream::connect(address).await.expect("the second listens, the first does not yet");
    let error = llm_server::listen(address).expect_err("who does not share is refused");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
