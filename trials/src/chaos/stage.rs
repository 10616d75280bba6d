//! What every scenario stands on: a vendor, a folder, and gateways in front of the one in the other.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::{sleep, timeout};

use super::streams::STREAMS;
use crate::gateway::{Gateway, Launch, MASTER, chat, deployment};
use crate::soak::head;
use crate::vendor::Vendor;
use crate::words::Words;

/// A model that answers well.
pub(crate) const GOOD: &str = "plain-wait5";

/// What a call may take while somebody misbehaves: on a busy machine, of a program in debug.
const PROMPT: Duration = Duration::from_secs(5);

/// A scenario's place.
pub(crate) struct Stage {
    program: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) vendor: Vendor,
    /// How much longer it may take, where it is a matter of time.
    pub(crate) more: Duration,
    /// How many streams at a time.
    pub(crate) streams: usize,
}

/// What a gateway is started with, besides its good model.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup<'a> {
    /// Models of the vendor.
    pub(crate) models: &'a [&'a str],
    /// Deployments written out.
    pub(crate) deployments: &'a str,
    /// What `router_settings` says.
    pub(crate) router: &'a str,
    /// More sections.
    pub(crate) more: &'a str,
    /// How the program is started.
    pub(crate) launch: Launch<'a>,
}

impl Stage {
    pub(crate) fn new(words: &Words, name: &str, more: Duration) -> Result<Self> {
        let folder = words.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of streams")]
        let streams = words.number("--streams")?.map_or(STREAMS, |number| number.max(1.0) as usize);
        Ok(Self { program: words.program.clone(), folder, vendor: Vendor::start()?, more, streams })
    }

    /// A gateway in front of the vendor.
    pub(crate) async fn gateway(&self, setup: Setup<'_>) -> Result<Gateway> {
        self.named_gateway("", setup).await
    }

    /// One with a folder of its own, where there are several.
    pub(crate) async fn named_gateway(&self, name: &str, setup: Setup<'_>) -> Result<Gateway> {
        let models = [&[GOOD], setup.models].concat();
        let models = models.iter().map(|model| deployment("openai", model, self.vendor.address(), ""));
        let models = models.collect::<String>() + setup.deployments;
        let router = if setup.router.is_empty() { "num_retries: 0" } else { setup.router };
        let configuration = head(&models, router, setup.more);
        setup.launch.start(&self.program, &self.folder.join(name), &configuration).await
    }
}

/// One good call, which must be answered in good time.
pub(crate) async fn is_served(gateway: &Gateway) -> Result<Duration> {
    let begun = Instant::now();
    let answer = timeout(PROMPT, gateway.ask(MASTER, "/v1/chat/completions", &chat(GOOD, false))).await;
    let answer = answer.with_context(|| format!("others are not served within {PROMPT:?}"))??;
    ensure!(answer.status() == 200, "others are answered {}: {}", answer.status(), answer.text());
    Ok(begun.elapsed())
}

/// Calls until one is answered well; how long that took.
pub(crate) async fn recovers(gateway: &Gateway, within: Duration) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let fault = match is_served(gateway).await {
            Ok(_) => return Ok(begun.elapsed()),
            Err(fault) => fault,
        };
        ensure!(begun.elapsed() < within, "not served again after {within:?}: {fault:#}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits for something that comes.
pub(crate) async fn comes(what: &str, within: Duration, is_there: impl Fn() -> bool) -> Result<Duration> {
    let begun = Instant::now();
    while !is_there() {
        ensure!(begun.elapsed() < within, "{what} did not come within {within:?}");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(begun.elapsed())
}

/// How much memory came on top since, in MiB.
pub(crate) fn grown(gateway: &Gateway, before: u64) -> Result<u64> {
    Ok(gateway.readings()?.resident.saturating_sub(before) / 1024)
}
