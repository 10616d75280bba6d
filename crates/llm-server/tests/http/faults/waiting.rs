//! Deployments without room, and requests that wait for it.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::clients::{DIALECTS, Dialect};
use super::processes::{Deployment, Process, configuration};
use super::scenarios::ECHO;
use crate::client::Client;

/// A gateway with one deployment that answers one request at a time, and begins after a while.
fn narrow(vendor: &Process, model: &'static str, router: &str) -> Process {
    let one = Deployment {
        group: "g",
        id: "narrow",
        vendor: "openai",
        model,
        at: vendor.address,
        more: "max_parallel_requests: 1",
    };
    Process::gateway(&configuration(&[one], router))
}

#[tokio::test]
async fn requests_wait_in_line_and_streams_keep_their_place() {
    let vendor = Process::vendor();
    let gateway = narrow(&vendor, "start-300ms", "queue_timeout: 20, max_queue: 4");
    let began = Instant::now();
    let asks = DIALECTS.into_iter().flat_map(|client| [(client, false), (client, true)]);
    let answers = join_all(asks.map(async |(client, stream)| {
        let answer = gateway.call(client.ask("g", stream, &json!({}))).await;
        client.hear(&answer, stream)
    }));
    for heard in answers.await {
        assert!(heard.complete && heard.text == ECHO, "{heard:?}");
    }
    assert!(began.elapsed() >= Duration::from_millis(1200), "one after the other: {:?}", began.elapsed());
    let status = gateway.status("narrow").await;
    assert_eq!((&status["attempts"], &status["in_flight"]), (&json!(4), &json!(0)));
}

#[tokio::test]
async fn who_goes_away_leaves_the_line_and_gives_the_place_back() {
    let vendor = Process::vendor();
    // Long enough for all of them to come while the first one waits, however busy the machine is.
    let gateway = narrow(&vendor, "start-2000ms", "queue_timeout: 20, max_queue: 2");
    let ask = || Dialect::Chat.ask("g", true, &json!({}));
    let mut leaving = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(gateway.address).await;
        client.send(ask()).await;
        leaving.push(client);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let full = gateway.call(ask()).await;
    assert_eq!(full.status, 429, "one is served, two wait: {}", full.body);
    // Those in the line first: one whose turn comes has reached the vendor.
    while let Some(client) = leaving.pop() {
        drop(client);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let answer = gateway.call(ask()).await;
    assert!(Dialect::Chat.hear(&answer, true).complete, "{}", answer.body);
    assert_eq!(gateway.status("narrow").await["attempts"], 2, "those in the line never reached the vendor");
}
