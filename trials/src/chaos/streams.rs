//! Streams side by side, as many as are asked for.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
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

/// Many streams at a time, each of which gets every frame; others are served, and what they take is given back.
pub(crate) async fn many(stage: &Stage) -> Result<Seen> {
    allow_descriptors(stage.streams * 2 + 100)?;
    // Each lasts longer than it takes until the last one has begun.
    let begins = Duration::from_secs_f64(stage.streams as f64 / BEGIN as f64);
    let pace = (begins.as_millis() / 20).max(50);
    let model = format!("tale-chunks40-pace{pace}");
    let gateway = stage.gateway(Setup { models: &[&model], ..Setup::default() }).await?;
    let ask: Rc<[u8]> = request("POST", "/v1/chat/completions", MASTER, &chat(&model, true)).into();
    let expected = frames(gateway.address, &ask).await?;
    let before = gateway.readings()?.resident;
    let held = Rc::new(Held::default());
    let clients = LocalSet::new();
    for number in 0..stage.streams {
        let after = Duration::from_secs_f64(number as f64 / BEGIN as f64);
        clients.spawn_local(Rc::clone(&held).hold(gateway.address, Rc::clone(&ask), after));
    }
    let watched = clients.run_until(watch(&gateway, &held, stage.streams)).await;
    clients.await;
    let (resident, slowest) = watched?;
    judge(&held, stage.streams, expected, (resident.saturating_sub(before), slowest))
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

fn judge(held: &Held, count: usize, expected: usize, (grown, slowest): (u64, Duration)) -> Result<Seen> {
    let (most, each) = (held.most.get(), grown / count as u64);
    let seen =
        format!("{most} at a time, {each} KiB each, {expected} frames each, others within {slowest:.0?}");
    let faults = held.faults.borrow();
    ensure!(faults.is_empty(), "{} broke off, the first: {}; {seen}", faults.len(), faults[0]);
    let short = held.frames.borrow().iter().filter(|frames| **frames != expected).count();
    ensure!(short == 0, "{short} lost frames; {seen}");
    ensure!(most == count, "they were not all there at a time; {seen}");
    ensure!(count < ENOUGH || each <= MOST_EACH, "more than {MOST_EACH} KiB each; {seen}");
    Ok(Seen::Held(seen))
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
