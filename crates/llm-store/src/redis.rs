//! What several gateways share through Redis: limits and cooldowns of deployments ([`SharedRouterState`]); and how it
//! keeps what callers share ([`crate::shared`]).
//!
//! An attempt costs one round trip, and only where its deployment has limits: a script checks and takes everything in
//! one step, by the clock of the server. What is given back and told goes there on the side, many at a time.

mod benches;
mod counters;
mod lease;
pub(crate) mod line;
mod notices;
mod scripts;
mod settings;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use llm_core::Result;
use llm_router::{BenchElsewhere, Deployment, Link, Scope, Shared, Verdict, Want};
use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::settings::RedisSettings;
use crate::shared::status::Status;
use crate::shared::talk::{Connect, GRACE, MOST_WAITING, Reach};
use lease::RedisLease;
use line::Line;
use worker::{Command, Reserve, Worker};

/// State that gateways share.
pub struct SharedRouterState {
    commands: Sender<Command>,
    status: Arc<Status>,
    patience: Duration,
    next: AtomicU64,
    idle: Mutex<Option<Idle>>,
}

/// What the thread begins with.
struct Idle {
    connect: Connect<Line>,
    prefix: String,
    commands: Receiver<Command>,
}

impl SharedRouterState {
    /// A state that is not asked yet: [`Self::start`] opens the connection.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(settings: RedisSettings) -> Result<Self> {
        let connect = Line::connect(&settings)?;
        // Beyond that the gateway counts for itself, and what is not given back comes back by its lease.
        let (commands, received) = channel(MOST_WAITING);
        Ok(Self {
            commands,
            status: Arc::new(Status::of("limits and cooldowns", "redis")),
            patience: settings.timeout + GRACE,
            next: AtomicU64::new(0),
            idle: Mutex::new(Some(Idle { connect, prefix: settings.prefix, commands: received })),
        })
    }

    /// Begins to talk to Redis; what other gateways say of these deployments is told to them. Later calls name the
    /// deployments anew.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<'a>(&self, deployments: impl IntoIterator<Item = &'a Arc<Deployment>>) -> Result<()> {
        let known = deployments.into_iter().map(|one| (one.id.clone(), Arc::downgrade(one))).collect();
        let idle = self.idle.lock().take();
        let Some(Idle { connect, prefix, commands }) = idle else {
            // A thread that is busy beyond hope hears of them with the next change.
            let _ = self.commands.try_send(Command::Know(known));
            return Ok(());
        };
        let reach = Reach { connect, status: Arc::clone(&self.status) };
        reach.start("llm-redis", commands, move || Worker::new(prefix, known))
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
        if self.commands.try_send(Command::Reserve(reserve)).is_err() {
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
        if !self.status.is_connected() {
            return std::future::ready(Verdict::Unknown).boxed();
        }
        self.ask(want).boxed()
    }

    fn benched(&self, deployment: &str, bench: BenchElsewhere) {
        // Nobody listens when the thread is not there, or is busy beyond hope: others then find out for themselves.
        let _ = self.commands.try_send(Command::Bench(benches::field(bench.scope, deployment), bench));
    }

    fn recovered(&self, deployment: &str, scope: Scope) {
        let _ = self.commands.try_send(Command::Recovered(benches::field(scope, deployment)));
    }

    fn link(&self) -> Link {
        if self.status.is_connected() { Link::Connected } else { Link::Gone }
    }
}
