//! Gateways that end while they are asked: in an orderly way with a successor beside them, and without a warning.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::Seen;
use super::stage::{GOOD, Setup, Stage, is_served};
use crate::client::{Client, request};
use crate::gateway::{Launch, MASTER, chat};

const CLIENTS: usize = 16;

/// Calls that clients made, and what became of them.
#[derive(Default)]
struct Calls {
    stop: Cell<bool>,
    statuses: RefCell<BTreeMap<u16, u64>>,
    faults: RefCell<Vec<String>>,
    /// Connections that the gateway closed at rest, while a request was on its way.
    retried: Cell<u64>,
}

impl Calls {
    /// Asks again and again; every other client keeps its connection.
    async fn insist(self: Rc<Self>, address: SocketAddr, keeps: bool) {
        let ask = request("POST", "/v1/chat/completions", MASTER, &chat(GOOD, false));
        let mut kept = None;
        while !self.stop.get() {
            match self.call(address, &mut kept, &ask).await {
                Ok(status) => *self.statuses.borrow_mut().entry(status).or_default() += 1,
                Err(fault) => self.faults.borrow_mut().push(format!("{fault:#}")),
            }
            if !keeps {
                kept = None;
            }
        }
    }

    /// One call. A kept connection that ends without a byte of an answer is tried again on a new one, as HTTP clients do.
    async fn call(&self, address: SocketAddr, kept: &mut Option<Client>, ask: &[u8]) -> Result<u16> {
        if let Some(mut client) = kept.take() {
            match client.ask(ask).await {
                Ok(answer) => return Ok(self.keep(client, kept, &answer.head)),
                Err(fault) if client.has_unread() => return Err(fault),
                Err(_) => self.retried.set(self.retried.get() + 1),
            }
        }
        let mut client = Client::connect(address).await?;
        let answer = client.ask(ask).await?;
        Ok(self.keep(client, kept, &answer.head))
    }

    fn keep(&self, client: Client, kept: &mut Option<Client>, head: &crate::client::Head) -> u16 {
        if head.header("connection") != Some("close") {
            *kept = Some(client);
        }
        head.status
    }
}

/// A second gateway listens at the same port, then the first one is told to end: no call fails.
pub(crate) async fn restart(stage: &Stage) -> Result<Seen> {
    const AT_LEAST: usize = 3;
    let launch = Launch { arguments: &["--reuse-port"], ..Launch::default() };
    let mut gateway = stage.named_gateway("first", Setup { launch, ..Setup::default() }).await?;
    let launch = Launch { at: Some(gateway.address), ..launch };
    let calls = Rc::new(Calls::default());
    let clients = LocalSet::new();
    for number in 0..CLIENTS {
        clients.spawn_local(Rc::clone(&calls).insist(gateway.address, number % 2 == 0));
    }
    let begun = Instant::now();
    let mut times = 0;
    let restarts = async {
        while times < AT_LEAST || begun.elapsed() < stage.more {
            times += 1;
            sleep(Duration::from_millis(500)).await;
            let setup = Setup { launch, ..Setup::default() };
            let next = stage.named_gateway(&format!("next-{times}"), setup).await?;
            gateway.signal(Signal::TERM)?;
            ensure!(gateway.ended_within(Duration::from_secs(15)).await, "the drain does not end");
            gateway = next;
        }
        sleep(Duration::from_millis(500)).await;
        is_served(&gateway).await?;
        calls.stop.set(true);
        anyhow::Ok(())
    };
    clients.run_until(restarts).await?;
    clients.await;
    let seen = format!(
        "{times} restarts, {:?}, {} asked again on a new connection",
        calls.statuses.borrow(),
        calls.retried.get()
    );
    let faults = calls.faults.borrow();
    ensure!(faults.is_empty(), "{} calls failed, the first: {}; {seen}", faults.len(), faults[0]);
    ensure!(calls.statuses.borrow().keys().all(|status| *status == 200), "{seen}");
    Ok(Seen::Held(seen))
}

/// After a kill the gateway starts again, and every answer that clients had has its row.
pub(crate) async fn kill(stage: &Stage) -> Result<Seen> {
    const TIMES: usize = 3;
    let calls = Rc::new(Calls::default());
    let mut gateway = stage.gateway(Setup::default()).await?;
    let mut own = 0;
    for _ in 0..TIMES {
        calls.stop.set(false);
        let clients = LocalSet::new();
        for number in 0..CLIENTS {
            clients.spawn_local(Rc::clone(&calls).insist_until_it_dies(gateway.address, number % 2 == 0));
        }
        clients.run_until(sleep(Duration::from_millis(700))).await;
        gateway.kill()?;
        clients.await;
        drop(gateway);
        gateway = stage.gateway(Setup::default()).await?;
        is_served(&gateway).await?;
        own += 1;
    }
    let answered: u64 = calls.statuses.borrow().values().sum::<u64>() + own;
    let mut rows = 0;
    for _ in 0..100 {
        rows = gateway.look("/spend/logs/v2?page_size=1").await?["total"].as_u64().unwrap_or(0);
        if rows >= answered {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let broken = calls.faults.borrow().len() as u64;
    let seen = format!("{TIMES} kills, {answered} answers, {broken} broken off, {rows} rows");
    ensure!(rows >= answered && rows <= answered + broken, "{seen}");
    Ok(Seen::Held(seen))
}

impl Calls {
    /// Asks until the gateway does not answer any more.
    async fn insist_until_it_dies(self: Rc<Self>, address: SocketAddr, keeps: bool) {
        let ask = request("POST", "/v1/chat/completions", MASTER, &chat(GOOD, false));
        let mut kept = None;
        loop {
            match self.call(address, &mut kept, &ask).await {
                Ok(status) => *self.statuses.borrow_mut().entry(status).or_default() += 1,
                Err(fault) => return self.faults.borrow_mut().push(format!("{fault:#}")),
            }
            if !keeps {
                kept = None;
            }
        }
    }
}
