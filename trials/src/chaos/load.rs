//! More calls than there is room for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::Seen;
use super::stage::{Setup, Stage, recovers};
use crate::client::{Answer, Client, request};
use crate::gateway::{Gateway, MASTER, chat};

/// Calls at a time that the gateway serves, and clients that want to be served.
const ROOM: usize = 20;
const CLIENTS: usize = 10 * ROOM;

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(5);

/// How long a client waits that was refused: far less than `retry-after` says.
const IMPATIENCE: Duration = Duration::from_millis(100);

/// What refusals may take at the 99th percentile.
const QUICK: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Tally {
    statuses: BTreeMap<u16, u64>,
    refusals: Vec<Duration>,
    faults: Vec<String>,
    without_hint: u64,
}

impl Tally {
    /// Notes an answer; whether it was a good one.
    fn add(&mut self, answer: &Answer, took: Duration) -> bool {
        *self.statuses.entry(answer.status()).or_default() += 1;
        if answer.status() == 200 {
            return true;
        }
        self.refusals.push(took);
        self.without_hint += u64::from(answer.head.header("retry-after").is_none());
        false
    }
}

/// Ten times more clients than there is room for: refused at once, told when to come back, and served soon afterwards.
pub(crate) async fn overload(stage: &Stage) -> Result<Seen> {
    let more = format!("server: {{max_parallel_requests: {ROOM}}}\n");
    let setup = Setup { models: &["busy-wait100"], more: &more, ..Setup::default() };
    let gateway = stage.gateway(setup).await?;
    let tally = Rc::new(RefCell::new(Tally::default()));
    let until = Instant::now() + LASTS + stage.more;
    let clients = LocalSet::new();
    for _ in 0..CLIENTS {
        clients.spawn_local(insist(gateway.address, until, Rc::clone(&tally)));
    }
    clients.await;
    let recovered = recovers(&gateway, Duration::from_secs(5)).await?;
    let mut tally = tally.take();
    judge(&mut tally, recovered, &gateway)
}

async fn insist(address: std::net::SocketAddr, until: Instant, tally: Rc<RefCell<Tally>>) {
    let request = request("POST", "/v1/chat/completions", MASTER, &chat("busy-wait100", false));
    let mut connection: Option<Client> = None;
    while Instant::now() < until {
        let begun = Instant::now();
        let called = async {
            let mut client = match connection.take() {
                Some(client) => client,
                None => Client::connect(address).await?,
            };
            let answer = client.ask(&request).await?;
            anyhow::Ok((client, answer))
        };
        let called = called.await;
        let is_served = called.map_or_else(
            |fault| {
                tally.borrow_mut().faults.push(format!("{fault:#}"));
                false
            },
            |(client, answer)| {
                connection = Some(client);
                tally.borrow_mut().add(&answer, begun.elapsed())
            },
        );
        if is_served {
            continue;
        }
        sleep(IMPATIENCE).await;
    }
}

fn judge(tally: &mut Tally, recovered: Duration, gateway: &Gateway) -> Result<Seen> {
    tally.refusals.sort();
    let p99 = tally.refusals.get(tally.refusals.len() * 99 / 100).copied().unwrap_or_default();
    let served = tally.statuses.get(&200).copied().unwrap_or(0);
    let seen = format!(
        "{:?}, refusals p99 {:.0?}, served again after {recovered:.0?}, {} MiB",
        tally.statuses,
        p99,
        gateway.readings()?.resident / 1024
    );
    ensure!(tally.faults.is_empty(), "{} calls broke off: {}; {seen}", tally.faults.len(), tally.faults[0]);
    let only_busy = tally.statuses.keys().all(|status| matches!(status, 200 | 429 | 503));
    ensure!(only_busy, "other refusals than 429 and 503: {seen}");
    ensure!(served > 0 && !tally.refusals.is_empty(), "nobody served or nobody refused: {seen}");
    ensure!(tally.without_hint == 0, "{} refusals without `retry-after`: {seen}", tally.without_hint);
    ensure!(p99 < QUICK, "refusals take too long: {seen}");
    Ok(Seen::Held(seen))
}
