//! The clients of the soak: some for each kind of calls, until they are told to stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::classes::{CLASSES, Class, Manner};
use crate::client::{Client, request};
use crate::gateway::{Gateway, chat};
use crate::vendor::Vendor;

/// What a client waits after anything but a good answer, so that refusals are not most of the traffic.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of the calls of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// Requests that were sent whole.
    pub(crate) sent: u64,
    /// How often each status came; 0: the answer broke off.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// The first thing that went wrong on this side.
    pub(crate) fault: Option<String>,
}

/// Calls by kind.
pub(crate) type AllCalls = BTreeMap<&'static str, Calls>;

/// All clients.
pub(crate) struct Traffic {
    clients: JoinSet<()>,
    stop: watch::Sender<bool>,
    calls: Arc<parking_lot::Mutex<AllCalls>>,
}

impl Traffic {
    /// Lets them begin.
    pub(crate) fn begin(gateway: &Gateway, vendor: &Vendor) -> Self {
        let (stop, _) = watch::channel(false);
        let mut traffic = Self { clients: JoinSet::new(), stop, calls: Arc::default() };
        for class in &CLASSES {
            for _ in 0..class.clients {
                let asker = Asker {
                    class,
                    address: gateway.address,
                    request: request(
                        "POST",
                        class.path,
                        &format!("sk-trial-of-{}", class.name),
                        &body(class),
                    ),
                    asked: vendor.watcher(&class.model()),
                    calls: Arc::clone(&traffic.calls),
                };
                traffic.clients.spawn(asker.ask(traffic.stop.subscribe()));
            }
        }
        traffic
    }

    /// Tells them to stop, and waits for their last answers.
    pub(crate) async fn end(mut self) -> AllCalls {
        self.stop.send_replace(true);
        while self.clients.join_next().await.is_some() {}
        std::mem::take(&mut self.calls.lock())
    }
}

fn body(class: &Class) -> String {
    let model = class.model();
    if class.path.ends_with("embeddings") {
        return format!(r#"{{"model":"{model}","input":"a text"}}"#);
    }
    let body = chat(&model, class.stream);
    // Clients of this format cannot ask for usage: they get it.
    if class.path.ends_with("messages") {
        body.replace(r#","stream_options":{"include_usage":true}"#, "")
    } else {
        body
    }
}

/// One client.
struct Asker {
    class: &'static Class,
    address: SocketAddr,
    request: Vec<u8>,
    /// How many requests of this kind the vendor has seen.
    asked: Box<dyn Fn() -> u64 + Send + Sync>,
    calls: Arc<parking_lot::Mutex<AllCalls>>,
}

impl Asker {
    async fn ask(self, stop: watch::Receiver<bool>) {
        let mut connection = None;
        while !*stop.borrow() {
            let status = self.call(&mut connection).await;
            if !matches!(status, Ok(200)) {
                sleep(PAUSE).await;
            }
            let mut calls = self.calls.lock();
            let calls = calls.entry(self.class.name).or_default();
            match status {
                Ok(status) => *calls.statuses.entry(status).or_default() += 1,
                Err(fault) => {
                    connection = None;
                    calls.fault.get_or_insert_with(|| format!("{fault:#}"));
                }
            }
        }
    }

    /// One call; its status, 0 when the answer broke off.
    async fn call(&self, connection: &mut Option<Client>) -> Result<u16> {
        let mut client = match connection.take() {
            Some(client) => client,
            None => Client::connect(self.address).await?,
        };
        let before = (self.asked)();
        client.send(&self.request).await?;
        self.calls.lock().entry(self.class.name).or_default().sent += 1;
        if self.class.manner == Manner::GivesUp {
            self.vendor_is_asked(before).await?;
            return Ok(200);
        }
        let head = client.head().await?;
        if head.header("transfer-encoding").is_none() {
            let length = head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            client.skip(length).await?;
        } else if !self.read(&mut client).await {
            return Ok(if self.class.manner == Manner::HangsUp { head.status } else { 0 });
        }
        if head.header("connection") != Some("close") {
            *connection = Some(client);
        }
        Ok(head.status)
    }

    /// Reads a stream in the client's manner; whether it came to its end.
    async fn read(&self, client: &mut Client) -> bool {
        let mut pieces = 0;
        loop {
            match client.chunk().await {
                Ok(Some(_)) => pieces += 1,
                Ok(None) => return true,
                Err(_) => return false,
            }
            match self.class.manner {
                Manner::HangsUp if pieces == 3 => return false,
                Manner::ReadsSlowly => sleep(Duration::from_millis(5)).await,
                _ => {}
            }
        }
    }

    async fn vendor_is_asked(&self, before: u64) -> Result<()> {
        let begun = Instant::now();
        while (self.asked)() == before {
            ensure!(begun.elapsed() < Duration::from_secs(10), "the vendor was not asked");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}
