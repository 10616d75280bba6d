//! Vendors that answer too much, never end, are not found, or die.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::Seen;
use super::stage::{GOOD, Setup, Stage, comes, grown, is_served, recovers};
use crate::client::{Client, request};
use crate::gateway::{MASTER, chat, deployment};
use crate::vendor::Vendor;

/// A small answer that unpacks to a gibibyte is given up, for the price of a large one.
pub(crate) async fn bomb(stage: &Stage) -> Result<Seen> {
    const MOST: u64 = 300;
    let gateway = stage.gateway(Setup { models: &["bomb"], ..Setup::default() }).await?;
    is_served(&gateway).await?;
    let before = gateway.readings()?.resident;
    let begun = Instant::now();
    let body = chat("bomb", false);
    let mut call = std::pin::pin!(gateway.ask(MASTER, "/v1/chat/completions", &body));
    let mut most = 0;
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer?,
            () = sleep(Duration::from_millis(20)) => most = most.max(grown(&gateway, before)?),
        }
    };
    let other = is_served(&gateway).await?;
    let seen = format!("answered {} after {:.1?}, {most} MiB at most", answer.status(), begun.elapsed());
    ensure!(answer.status() >= 500 && most < MOST, "{seen}, of {MOST} allowed");
    Ok(Seen::Held(format!("{seen}, others served in {other:.0?}")))
}

/// A stream without an end ends when the call's time is over, and at once when its client goes away.
pub(crate) async fn endless_stream(stage: &Stage) -> Result<Seen> {
    const STREAM: &str = "tale-endless-pace5";
    let setup = Setup { models: &[STREAM], router: "num_retries: 0, total_timeout: 2", ..Setup::default() };
    let gateway = stage.gateway(setup).await?;
    let ask = request("POST", "/v1/chat/completions", MASTER, &chat(STREAM, true));
    let mut client = Client::connect(gateway.address).await?;
    client.send(&ask).await?;
    client.head().await?;
    let begun = Instant::now();
    while let Ok(Some(_)) = client.chunk().await {
        ensure!(begun.elapsed() < Duration::from_secs(10), "the stream goes on past the time of the call");
    }
    let ended = begun.elapsed();
    let left = || stage.vendor.count(STREAM).left;
    comes("the end of the vendor's work", Duration::from_secs(3), || left() == 1).await?;
    let mut client = Client::connect(gateway.address).await?;
    client.send(&ask).await?;
    client.head().await?;
    client.chunk().await?;
    drop(client);
    let told = comes("the end of the vendor's work", Duration::from_secs(2), || left() == 2).await?;
    Ok(Seen::Held(format!("ended after {ended:.1?} of 2 s, vendor told {told:.0?} after a client left")))
}

/// A frame that never ends is given up when it is larger than any that makes sense.
pub(crate) async fn endless_frame(stage: &Stage) -> Result<Seen> {
    const STREAM: &str = "tale-endless-frame";
    const MOST: u64 = 400;
    let gateway = stage.gateway(Setup { models: &[STREAM], ..Setup::default() }).await?;
    is_served(&gateway).await?;
    let before = gateway.readings()?.resident;
    let begun = Instant::now();
    let body = chat(STREAM, true);
    let mut call = std::pin::pin!(gateway.ask(MASTER, "/v1/chat/completions", &body));
    let mut most = 0;
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer?,
            () = sleep(Duration::from_millis(20)) => most = most.max(grown(&gateway, before)?),
        }
        ensure!(begun.elapsed() < Duration::from_secs(25), "the frame goes on and on, {most} MiB");
    };
    let took = begun.elapsed();
    ensure!(answer.status() == 502, "it was answered {}: {}", answer.status(), answer.text());
    ensure!(most < MOST, "{most} MiB for one frame");
    let other = is_served(&gateway).await?;
    Ok(Seen::Held(format!("502 after {took:.1?}, {most} MiB at most, others served in {other:.0?}")))
}

/// A vendor whose name is not known is an error, soon; a fallback answers in its place.
pub(crate) async fn unknown_host(stage: &Stage) -> Result<Seen> {
    let nowhere = |name: &str| {
        deployment("openai", name, stage.vendor.address(), "").replace("127.0.0.1", "nowhere.invalid")
    };
    let setup = Setup {
        deployments: &(nowhere("alone") + &nowhere("named")),
        router: &format!("num_retries: 0, fallbacks: [{{named: [{GOOD}]}}]"),
        ..Setup::default()
    };
    let gateway = stage.gateway(setup).await?;
    let begun = Instant::now();
    let alone = gateway.ask(MASTER, "/v1/chat/completions", &chat("alone", false)).await?;
    let took = begun.elapsed();
    let named = gateway.ask(MASTER, "/v1/chat/completions", &chat("named", false)).await?;
    ensure!(alone.status() >= 500, "it was answered {}: {}", alone.status(), alone.text());
    ensure!(named.status() == 200, "no fallback: {}: {}", named.status(), named.text());
    ensure!(took < Duration::from_secs(15), "it took {took:.1?}");
    Ok(Seen::Held(format!("{} after {took:.1?}, the fallback answered", alone.status())))
}

/// A vendor that dies fails calls at once; when it is back, so are the calls.
pub(crate) async fn dies(stage: &Stage) -> Result<Seen> {
    let vendor = Vendor::start()?;
    let deployments = deployment("openai", "mortal-wait5", vendor.address(), "");
    let router = "num_retries: 0, cooldown_time: 1, max_cooldown_time: 1";
    let setup = Setup { deployments: &deployments, router, ..Setup::default() };
    let gateway = stage.gateway(setup).await?;
    let ask = async || {
        let begun = Instant::now();
        let answer = gateway.ask(MASTER, "/v1/chat/completions", &chat("mortal-wait5", false)).await?;
        anyhow::Ok((answer.status(), begun.elapsed()))
    };
    ensure!(ask().await?.0 == 200, "not even while it lived");
    let (address, counts) = vendor.die();
    let (mut failed, mut slowest) = (0, Duration::ZERO);
    for _ in 0..20 {
        let (status, took) = ask().await?;
        ensure!(status >= 500 || status == 429, "a dead vendor answered {status}");
        slowest = slowest.max(took);
        failed += 1;
    }
    let _vendor = Vendor::start_at(address, counts)?;
    let back = Instant::now();
    while ask().await?.0 != 200 {
        ensure!(back.elapsed() < Duration::from_secs(10), "10 s after it came back it is not asked");
        sleep(Duration::from_millis(50)).await;
    }
    let back = back.elapsed();
    recovers(&gateway, Duration::from_secs(1)).await?;
    ensure!(slowest < Duration::from_secs(3), "a failure took {slowest:.1?}");
    Ok(Seen::Held(format!("{failed} failed, the slowest in {slowest:.0?}; back {back:.1?} after it was")))
}
