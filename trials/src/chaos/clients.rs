//! Clients that take their time, say nothing, or say everything at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::Seen;
use super::stage::{GOOD, Setup, Stage, comes, grown, is_served};
use crate::client::{Client, request};
use crate::gateway::{MASTER, chat};

/// Clients that misbehave at a time.
const MANY: usize = 200;

/// Heads that come letter by letter end when the time for heads is over, and hold nobody up.
pub(crate) async fn slow_heads(stage: &Stage) -> Result<Seen> {
    let setup = Setup { more: "server: {header_timeout: 1}\n", ..Setup::default() };
    let gateway = stage.gateway(setup).await?;
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(Client::connect(gateway.address).await?);
    }
    let mut slowest = Duration::ZERO;
    for letter in b"POST /v1/chat" {
        for client in &mut clients {
            // Those that were closed already cannot be written to.
            let _ = client.send(&[*letter]).await;
        }
        slowest = slowest.max(is_served(&gateway).await?);
        sleep(Duration::from_millis(150)).await;
    }
    let mut open = 0;
    for client in &mut clients {
        open += usize::from(!client.is_closed_within(Duration::from_secs(3)).await);
    }
    ensure!(open == 0, "{open} of {MANY} connections are still open");
    Ok(Seen::Held(format!("{MANY} closed, others served within {slowest:.0?}")))
}

/// Bodies that come letter by letter hold nobody up, and take no more memory than has come of them.
pub(crate) async fn slow_bodies(stage: &Stage) -> Result<Seen> {
    let gateway = stage.gateway(Setup::default()).await?;
    is_served(&gateway).await?;
    let before = gateway.readings()?;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MASTER}\r\n\
         content-length: 50000000\r\n\r\n"
    );
    let mut clients = Vec::new();
    for _ in 0..MANY {
        let mut client = Client::connect(gateway.address).await?;
        client.send(head.as_bytes()).await?;
        clients.push(client);
    }
    let mut slowest = Duration::ZERO;
    for letter in b"{\"model\":\"" {
        for client in &mut clients {
            client.send(&[*letter]).await?;
        }
        slowest = slowest.max(is_served(&gateway).await?);
        sleep(Duration::from_millis(100)).await;
    }
    let grown = grown(&gateway, before.resident)?;
    drop(clients);
    let readings = || gateway.readings().map_or(usize::MAX, |now| now.descriptors);
    let back =
        comes("their descriptors", Duration::from_secs(5), || readings() <= before.descriptors + 2).await?;
    ensure!(grown < MANY as u64, "{grown} MiB for {MANY} bodies of a few bytes");
    Ok(Seen::Held(format!(
        "{grown} MiB for {MANY}, others served within {slowest:.0?}, all descriptors back after {back:.0?}"
    )))
}

/// Streams that nobody reads stop the vendor and take little memory.
pub(crate) async fn slow_readers(stage: &Stage) -> Result<Seen> {
    const READERS: usize = 50;
    const STREAM: &str = "flood-endless-words200";
    let gateway = stage.gateway(Setup { models: &[STREAM], ..Setup::default() }).await?;
    is_served(&gateway).await?;
    let before = gateway.readings()?.resident;
    let ask = request("POST", "/v1/chat/completions", MASTER, &chat(STREAM, true));
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = Client::connect(gateway.address).await?;
        reader.send(&ask).await?;
        reader.head().await?;
        readers.push(reader);
    }
    sleep(Duration::from_secs(3) + stage.more).await;
    let grown = grown(&gateway, before)?;
    let other = is_served(&gateway).await?;
    drop(readers);
    let left = || stage.vendor.count(STREAM).left >= READERS as u64;
    let freed = comes("the end of their streams", Duration::from_secs(10), left).await?;
    ensure!(grown < READERS as u64, "{grown} MiB for {READERS} streams that nobody reads");
    Ok(Seen::Held(format!(
        "{grown} MiB for {READERS}, others served in {other:.0?}, vendor told after {freed:.0?}"
    )))
}

/// Connections without a word, and halves of requests, cost a descriptor as long as they stand and nothing afterwards.
pub(crate) async fn silent(stage: &Stage) -> Result<Seen> {
    let setup = Setup { more: "server: {header_timeout: 1}\n", ..Setup::default() };
    let gateway = stage.gateway(setup).await?;
    is_served(&gateway).await?;
    let before = gateway.readings()?;
    let mut clients = Vec::new();
    for number in 0..MANY {
        let mut client = Client::connect(gateway.address).await?;
        match number % 3 {
            0 => client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-le").await?,
            1 => {
                client
                    .send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{")
                    .await?;
                client.finish().await?;
            }
            _ => {}
        }
        clients.push(client);
    }
    let other = is_served(&gateway).await?;
    sleep(Duration::from_secs(2)).await;
    drop(clients);
    let readings = || gateway.readings().map_or(usize::MAX, |now| now.descriptors);
    let back =
        comes("their descriptors", Duration::from_secs(5), || readings() <= before.descriptors + 2).await?;
    Ok(Seen::Held(format!("{MANY}, others served in {other:.0?}, all descriptors back after {back:.0?}")))
}

/// Requests that come in one piece are answered one after the other, in their order.
pub(crate) async fn pipelining(stage: &Stage) -> Result<Seen> {
    const REQUESTS: usize = 60;
    let gateway = stage.gateway(Setup::default()).await?;
    let calls = request("POST", "/v1/chat/completions", MASTER, &chat(GOOD, false));
    let unknown = request("GET", "/there/is/no/such/path", MASTER, "");
    let mut client = Client::connect(gateway.address).await?;
    let all = [calls, unknown].concat().repeat(REQUESTS / 2);
    client.send(&all).await?;
    for number in 0..REQUESTS {
        let answer = client.answer().await?;
        let expected = if number % 2 == 0 { 200 } else { 404 };
        ensure!(answer.status() == expected, "answer {number} is {}: {}", answer.status(), answer.text());
    }
    Ok(Seen::Held(format!("{REQUESTS} requests in one write, {REQUESTS} answers in their order")))
}
