//! Clients that go away, and a server that does.

use std::sync::Arc;
use std::time::Duration;

use end_to_end::client::Client;
use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::raw::{End, RawVendor};
use end_to_end::request::Request;
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::Deployment;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

/// A stream's beginning up to its first words, and the rest.
fn halves(vendor: Dialect) -> (String, String) {
    let stream = vendor.stream(&Said::text("Hello there, friend."));
    let word = stream.find("Hello").expect("it is said");
    let end = word + stream.get(word..).and_then(|rest| rest.find("\n\n")).expect("frames end") + 2;
    let (begun, rest) = stream.split_at(end);
    (begun.to_owned(), rest.to_owned())
}

/// Opens a stream and reads until its first words.
async fn open(stage: &Stage, client: Dialect) -> (Client, String) {
    let mut connection = stage.connect().await;
    let head = connection.open(&Request::json(client.path(), &client.ask("public", "Hi", true))).await;
    assert_eq!(head.status, 200);
    let mut begun = String::new();
    while !begun.contains("Hello") {
        let piece = connection.piece().await.expect("the stream goes on");
        begun += &String::from_utf8(piece).expect("UTF-8");
    }
    (connection, begun)
}

async fn status(stage: &Stage) -> Value {
    stage.get("/v1/providers/status").await.json()["providers"][0].clone()
}

/// Waits until no attempt is under way.
async fn settled(stage: &Stage) -> Value {
    let wait = async {
        loop {
            let status = status(stage).await;
            if status["in_flight"] == 0 {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, wait).await.expect("the call is settled")
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_the_vendor_and_is_settled() {
    for (client, vendor, _) in pairs().filter(|(.., stream)| *stream) {
        let (begun, _) = halves(vendor);
        let server = ScriptedVendor::start([Answer::events().chunk(begun).hanging()]).await;
        let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
        let (connection, _) = open(&stage, client).await;
        assert_eq!(status(&stage).await["in_flight"], 1, "{client:?} to {vendor:?}");
        drop(connection);
        timeout(SOON, server.hung_up()).await.expect("the vendor is told");
        let status = settled(&stage).await;
        assert_eq!(
            (&status["failures"], &status["status"]),
            (&0.into(), &"healthy".into()),
            "{client:?}: {status}"
        );
        assert!(
            status["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0),
            "what was said is counted: {status}"
        );
        let metrics = stage.get("/metrics").await;
        let cancelled = metrics.text().lines().any(|line| {
            line.starts_with("litellm_proxy_total_requests_metric_total")
                && line.contains("status_code=\"499\"")
        });
        assert!(cancelled, "{client:?} to {vendor:?}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_answer_stops_the_vendor_too() {
    for client in DIALECTS {
        let server = RawVendor::start("", End::Hang).await;
        let stage = Stage::of(&[Deployment::new("public", Dialect::Chat, server.url())]);
        let mut connection = stage.connect().await;
        connection.send(Request::json(client.path(), &client.ask("public", "Hi", false)).bytes()).await;
        let begun = async {
            while status(&stage).await["in_flight"] != 1 {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, begun).await.expect("the vendor is asked");
        drop(connection);
        let status = settled(&stage).await;
        assert_eq!(status["failures"], 0, "{client:?}: {status}");
    }
}

#[tokio::test]
async fn a_drain_lets_an_open_stream_end_and_takes_nobody_new() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let (begun, rest) = halves(vendor);
            let gate = Arc::new(Notify::new());
            let server = ScriptedVendor::start([Answer::events().chunk(begun).wait(&gate).chunk(rest)]).await;
            let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
            let (mut connection, mut stream) = open(&stage, client).await;
            let address = stage.address;
            let drain = tokio::spawn(stage.server.drain(SOON));
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
            assert!(!drain.is_finished(), "the stream is waited for");
            gate.notify_one();
            while let Some(piece) = connection.piece().await {
                stream += &String::from_utf8(piece).expect("UTF-8");
            }
            let heard = client.hear_stream(&stream);
            assert_eq!(
                (heard.text.as_str(), heard.complete),
                ("Hello there, friend.", true),
                "{client:?} to {vendor:?}"
            );
            assert!(connection.is_closed().await, "the connection ends with it");
            assert_eq!(drain.await.expect("no panic").cut, 0);
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_late_gets_everything() {
    for client in DIALECTS {
        let long: &'static str = Box::leak("A long tale. ".repeat(8_000).into_boxed_str());
        let answer = Answer::events().chunks_of(client.stream(&Said::text(long)).as_bytes(), 64 << 10);
        let server = ScriptedVendor::start([answer]).await;
        let stage = Stage::of(&[Deployment::new("public", client, &server.url())]);
        let mut connection = stage.connect().await;
        connection.open(&Request::json(client.path(), &client.ask("public", "Hi", true))).await;
        let other = stage.post(client.path(), &client.ask("no-such", "Hi", false)).await;
        assert_eq!(other.status, client.unknown_model(), "others are served meanwhile");
        let mut stream = Vec::new();
        while let Some(piece) = connection.piece().await {
            stream.extend_from_slice(&piece);
        }
        let heard = client.hear_stream(&String::from_utf8(stream).expect("UTF-8"));
        assert!(heard.complete && heard.text == long, "{client:?}");
    }
}
