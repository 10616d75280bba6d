//! Limits and cooldowns that several gateways share through Redis.
//!
//! An attempt costs one round trip, and only where its deployment has limits: a script checks and takes everything in
//! one step, by the clock of the server. What is given back and told goes there on the side, many at a time. Redis that
//! is gone, slow or full of errors is left alone for a while; meanwhile every gateway counts for itself, and no call
//! fails or waits.
//!
//! One thread of its own talks to Redis, so that no worker of a server depends on another one.

mod benches;
mod lease;
mod scripts;
mod settings;
mod status;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use llm_core::{Error, Result};
use llm_router::{BenchElsewhere, Deployment, Link, Scope, Shared, Verdict, Want};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use lease::RedisLease;
use status::Status;
use worker::{Command, Reserve, Worker};

pub use settings::RedisSettings;

/// How much longer than Redis may take a call waits for the thread that asks it.
const GRACE: Duration = Duration::from_millis(50);

/// State that gateways share.
pub struct SharedRouterState {
    commands: UnboundedSender<Command>,
    status: Arc<Status>,
    patience: Duration,
    next: AtomicU64,
    idle: Mutex<Option<Idle>>,
}

/// What the thread begins with.
struct Idle {
    client: redis::Client,
    settings: RedisSettings,
    commands: UnboundedReceiver<Command>,
}

impl SharedRouterState {
    /// A state that is not asked yet: [`Self::start`] opens the connection.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(settings: RedisSettings) -> Result<Self> {
        let client = settings.client()?;
        let (commands, received) = unbounded_channel();
        Ok(Self {
            commands,
            status: Arc::default(),
            patience: settings.timeout + GRACE,
            next: AtomicU64::new(0),
            idle: Mutex::new(Some(Idle { client, settings, commands: received })),
        })
    }

    /// Begins to talk to Redis; what other gateways say of these deployments is told to them. Later calls do nothing.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<'a>(&self, deployments: impl IntoIterator<Item = &'a Arc<Deployment>>) -> Result<()> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Idle { client, settings, commands }) = idle else { return Ok(()) };
        let known = deployments.into_iter().map(|one| (one.id.clone(), Arc::downgrade(one))).collect();
        let worker = Worker::new(client, settings, known, Arc::clone(&self.status));
        let thread = std::thread::Builder::new().name("llm-redis".to_owned());
        let started = thread.spawn(move || worker.run(commands));
        started.map(|_| ()).map_err(|error| Error::internal(format!("no thread for redis: {error}")))
    }

    async fn ask(&self, want: Want<'_>) -> Verdict {
        let (reply, answer) = oneshot::channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let lease = RedisLease::new(self.commands.clone(), &want, number);
        let reserve = Reserve {
            rpm: want.rpm,
            tpm: want.tpm,
            max_parallel: want.max_parallel,
            lease: Box::new(lease),
            reply,
        };
        if self.commands.send(Command::Reserve(reserve)).is_err() {
            return Verdict::Unknown;
        }
        // A call that gives up here leaves an answer that gives back what it took.
        match tokio::time::timeout(self.patience, answer).await {
            Ok(Ok(verdict)) => verdict,
            _ => Verdict::Unknown,
        }
    }
}

impl Shared for SharedRouterState {
    fn reserve<'a>(&'a self, want: Want<'a>) -> BoxFuture<'a, Verdict> {
        if self.status.link() == Link::Gone {
            return std::future::ready(Verdict::Unknown).boxed();
        }
        self.ask(want).boxed()
    }

    fn benched(&self, deployment: &str, bench: BenchElsewhere) {
        // Nobody listens when the thread is not there: then there is nobody to tell.
        let _ = self.commands.send(Command::Bench(benches::field(bench.scope, deployment), bench));
    }

    fn recovered(&self, deployment: &str, scope: Scope) {
        let _ = self.commands.send(Command::Recovered(benches::field(scope, deployment)));
    }

    fn link(&self) -> Link {
        self.status.link()
    }
}
