//! Streams side by side, as many as are asked for.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::Seen;
use super::stage::{Setup, Stage, is_served};
use crate::client::{Client, request};
use crate::gateway::{Gateway, MASTER, chat};

/// Streams where nobody says how many.
pub(crate) const STREAMS: usize = 400;

/// What a stream may take of the gateway's memory, in KiB, where there are enough of them to tell.
const MOST_EACH: u64 = 40;
const ENOUGH: usize = 1_000;

/// How many begin in a second: the clients are no attack.
const BEGIN: usize = 800;

#[derive(Default)]
struct Held {
    open: Cell<usize>,
    most: Cell<usize>,
    /// Frames of each stream that came to its end.
    frames: RefCell<Vec<usize>>,
    faults: RefCell<Vec<String>>,
}

impl Held {
    async fn hold(self: Rc<Self>, gateway: std::net::SocketAddr, ask: Rc<[u8]>, after: Duration) {
        sleep(after).await;
        self.open.set(self.open.get() + 1);
        self.most.set(self.most.get().max(self.open.get()));
        match frames(gateway, &ask).await {
            Ok(frames) => self.frames.borrow_mut().push(frames),
            Err(fault) => self.faults.borrow_mut().push(format!("{fault:#}")),
        }
        self.open.set(self.open.get() - 1);
    }
}

/// How many frames a stream has that comes to its end.
async fn frames(gateway: std::net::SocketAddr, ask: &[u8]) -> Result<usize> {
    let mut client = Client::connect(gateway).await?;
    client.send(ask).await?;
    let head = client.head().await?;
    ensure!(head.status == 200, "answered {}", head.status);
    let mut body = Vec::new();
    while let Some(chunk) = client.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    let body = String::from_utf8(body)?;
    ensure!(body.trim_end().ends_with("data: [DONE]"), "it looks whole and is not");
    Ok(body.matches("\n\n").count())
}

/// What was seen of many streams.
pub(crate) struct Outcome {
    pub(crate) count: usize,
    /// The most that were open at a time.
    pub(crate) most: usize,
    /// Memory of each in KiB.
    pub(crate) each: u64,
    /// Frames of each.
    pub(crate) frames: usize,
    /// The slowest of other calls meanwhile.
    pub(crate) slowest: Duration,
    faults: Vec<String>,
    short: usize,
}

/// The model for so many streams: each lasts longer than it takes until the last one has begun.
pub(crate) fn model(count: usize) -> String {
    let begins = Duration::from_secs_f64(count as f64 / BEGIN as f64);
    format!("tale-chunks40-pace{}", (begins.as_millis() / 20).max(50))
}

/// Many streams at a time, each of which gets every frame; others are served, and what they take is given back.
pub(crate) async fn many(stage: &Stage) -> Result<Seen> {
    let model = model(stage.streams);
    let gateway = stage.gateway(Setup { models: &[&model], ..Setup::default() }).await?;
    judge(&hold(&gateway, MASTER, stage.streams).await?)
}

/// Holds so many streams through a gateway that has their model.
pub(crate) async fn hold(gateway: &Gateway, key: &str, count: usize) -> Result<Outcome> {
    allow_descriptors(count * 2 + 100)?;
    let ask: Rc<[u8]> = request("POST", "/v1/chat/completions", key, &chat(&model(count), true)).into();
    let expected = frames(gateway.address, &ask).await?;
    let before = gateway.readings()?.resident;
    let held = Rc::new(Held::default());
    let clients = LocalSet::new();
    for number in 0..count {
        let after = Duration::from_secs_f64(number as f64 / BEGIN as f64);
        clients.spawn_local(Rc::clone(&held).hold(gateway.address, Rc::clone(&ask), after));
    }
    let watched = clients.run_until(watch(gateway, &held, count)).await;
    clients.await;
    let (resident, slowest) = watched?;
    Ok(Outcome {
        count,
        most: held.most.get(),
        each: resident.saturating_sub(before) / count as u64,
        frames: expected,
        slowest,
        short: held.frames.borrow().iter().filter(|frames| **frames != expected).count(),
        faults: held.faults.take(),
    })
}

/// Looks on until all have ended: the most memory, and the slowest of the other calls.
async fn watch(gateway: &Gateway, held: &Held, count: usize) -> Result<(u64, Duration)> {
    let (mut resident, mut slowest) = (0, Duration::ZERO);
    while held.frames.borrow().len() + held.faults.borrow().len() < count {
        sleep(Duration::from_millis(250)).await;
        resident = resident.max(gateway.readings()?.resident);
        slowest = slowest.max(is_served(gateway).await?);
    }
    Ok((resident, slowest))
}

impl Outcome {
    /// Whether all were there at a time, and each got all of its frames.
    pub(crate) fn is_whole(&self) -> Result<()> {
        if let Some(first) = self.faults.first() {
            bail!("{} broke off, the first: {first}; {self}", self.faults.len());
        }
        ensure!(self.short == 0, "{} lost frames; {self}", self.short);
        ensure!(self.most == self.count, "they were not all there at a time; {self}");
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { most, each, frames, slowest, .. } = self;
        write!(out, "{most} at a time, {each} KiB each, {frames} frames each, others within {slowest:.0?}")
    }
}

fn judge(outcome: &Outcome) -> Result<Seen> {
    outcome.is_whole()?;
    let is_small = outcome.count < ENOUGH || outcome.each <= MOST_EACH;
    ensure!(is_small, "more than {MOST_EACH} KiB each; {outcome}");
    Ok(Seen::Held(outcome.to_string()))
}

/// Each stream is two sockets here, one of the client and one of the vendor, and two of the gateway.
fn allow_descriptors(count: usize) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let count = count as u64;
    if current.is_some_and(|current| current < count) {
        // Beyond the hard limit is for root alone.
        let maximum = maximum.map(|maximum| maximum.max(count));
        let allowed = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        allowed.with_context(|| format!("{count} descriptors are not allowed: `ulimit -n {count}`"))?;
    }
    Ok(())
}
