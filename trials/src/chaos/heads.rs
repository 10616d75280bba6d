//! Heads of requests that no honest client sends.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Seen;
use super::stage::{Setup, Stage, grown, is_served};
use crate::client::Client;

/// Thousands of headers are refused, and the connection is closed.
pub(crate) async fn flood(stage: &Stage) -> Result<Seen> {
    let headers = (0..20_000).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    refused(stage, &format!("GET /v1/models HTTP/1.1\r\nhost: x\r\n{headers}\r\n"), &[400, 431]).await
}

/// So is one of a megabyte.
pub(crate) async fn giant(stage: &Stage) -> Result<Seen> {
    let value = "y".repeat(1 << 20);
    refused(stage, &format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nx-one: {value}\r\n\r\n"), &[400, 431])
        .await
}

/// HTTP/2 is not spoken without TLS in front: its preface is refused, so that there are no streams to reset.
pub(crate) async fn preface(stage: &Stage) -> Result<Seen> {
    let resets = "\0\0\u{4}\u{3}\0\0\0\0\u{1}\0\0\0\u{8}".repeat(1_000);
    refused(stage, &format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{resets}"), &[400, 505]).await
}

async fn refused(stage: &Stage, bytes: &str, with: &[u16]) -> Result<Seen> {
    const TIMES: usize = 50;
    let gateway = stage.gateway(Setup::default()).await?;
    is_served(&gateway).await?;
    let before = gateway.readings()?.resident;
    let mut answered = 0;
    for _ in 0..TIMES {
        let mut client = Client::connect(gateway.address).await?;
        // The gateway may have refused and closed before all is written: then the answer may be lost, too.
        let _ = client.send(bytes.as_bytes()).await;
        if let Ok(head) = client.head().await {
            ensure!(with.contains(&head.status), "it was answered {}", head.status);
            answered += 1;
        }
        ensure!(client.is_closed_within(Duration::from_secs(3)).await, "the connection stays open");
    }
    let other = is_served(&gateway).await?;
    let grown = grown(&gateway, before)?;
    ensure!(grown < 64, "{grown} MiB more");
    Ok(Seen::Held(format!(
        "{TIMES} refused, {answered} of them heard why, {grown} MiB more, others served in {other:.0?}"
    )))
}
