//! Limits and budgets of keys, teams and all others, exact over all gateways that share a server.
//!
//! A call costs one round trip for all that it wants, and only where somebody behind it has limits: a script of the
//! server looks at everything and takes everything in one step, by the clock of the server. What was used is told on the
//! side, as often as it takes and booked once. Money that was spent while nobody could be asked is told when the server
//! is back, and one that comes back empty learns from all gateways what they had heard of it.

mod lease;
mod memory;
mod office;
mod piece;
mod talker;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture};
use llm_core::Result;
use llm_governance::{SharedCounters, SharedLease, SharedVerdict, SharedWant, Subject};
use tokio::sync::mpsc::channel;
use tokio::sync::oneshot;

use super::status::Status;
use super::talk::{Connect, GRACE, MOST_WAITING, Reach};
use lease::CounterLease;
use office::Office;
use piece::Piece;
use talker::{Answer, Command, CounterTalker, Reserve};

/// How long what a call has is kept without a sign of life of its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterLeases {
    /// Slots.
    pub slots: Duration,
    /// Money: as long as the longest call, because a vendor bills what a gateway that is gone had asked for.
    pub holds: Duration,
}

impl Default for CounterLeases {
    fn default() -> Self {
        Self { slots: Duration::from_secs(30), holds: Duration::from_secs(600) }
    }
}

/// A server that keeps counters, and how it is reached.
pub(crate) struct CounterServer {
    pub(crate) connect: Connect<Rc<dyn CounterLine>>,
    /// What people call it.
    pub(crate) name: &'static str,
    /// What all keys begin with.
    pub(crate) prefix: String,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
}

/// A connection to a server that keeps counters.
pub(crate) trait CounterLine {
    /// Runs scripts in one write, each all or nothing. What each said, in their order; `None`: nobody knows what was
    /// done, and the connection is given up.
    fn say(&self, all: Vec<Said>) -> LocalBoxFuture<'static, Option<Vec<Vec<String>>>>;
}

/// What a server does in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// A gateway says its name and the number of what it settled last. Says `1` to one that it does not know.
    Meet,
    /// Takes all that a call wants, or nothing.
    Reserve,
    /// Books what a call has used, once.
    Settle,
    /// Signs of life of a gateway and its calls.
    Renew,
    /// Forgets what was spent, where it is of this life.
    Forget,
}

/// One step, and what it is about. What its arguments are stands where the server has its scripts.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) script: Script,
    /// Who says it; empty where that is all the same.
    pub(crate) gateway: Arc<str>,
    pub(crate) keys: Vec<Arc<str>>,
    /// Where the ledger has what each want of money is about: see [`Piece`]. Of reservations alone.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "Redis has no ledger beside it"))]
    pub(crate) places: Vec<Arc<str>>,
    pub(crate) arguments: Vec<String>,
}

/// Counters that gateways share through a server.
#[derive(Debug)]
pub struct SharedCallCounters(Arc<Office>);

impl SharedCallCounters {
    /// Begins to talk to the server, on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(server: CounterServer, leases: CounterLeases) -> Result<Self> {
        let (commands, received) = channel(MOST_WAITING);
        let status = Arc::new(Status::of("limits and budgets of callers", server.name));
        let reach = Reach { connect: server.connect, status: Arc::clone(&status) };
        let office = Arc::new(Office {
            commands,
            overflow: Arc::default(),
            status,
            patience: server.timeout + GRACE,
            prefix: server.prefix,
            origin: uuid::Uuid::now_v7().simple().to_string(),
            next: AtomicU64::new(0),
        });
        let gateway = format!("{}gateway:{}", office.prefix, office.origin);
        let overflow = Arc::clone(&office.overflow);
        reach.start("llm-counters", received, move || CounterTalker::new(gateway, leases, overflow))?;
        Ok(Self(office))
    }

    /// What a subject has spent was corrected: it is begun again from what gateways know. To be called by every gateway
    /// that is told of it, after it has forgotten it itself.
    pub fn forget(&self, subject: &Subject) {
        self.0.tell(Command::Forget(piece::beginning(&self.0.prefix, subject)));
    }

    fn pieces(&self, wants: &[SharedWant]) -> Vec<Piece> {
        wants.iter().map(|want| Piece::of(&self.0.prefix, want)).collect()
    }

    async fn ask(&self, wants: &[SharedWant]) -> SharedVerdict {
        let (reply, answer) = oneshot::channel();
        let lease = CounterLease::new(&self.0, Vec::new());
        let (name, life) = (lease.name.clone(), lease.life());
        let (own, wants, lease) = (Vec::new(), self.pieces(wants), Some(Box::new(lease)));
        match self.0.ask(Reserve { name, own, wants, life, lease, reply }, answer).await {
            Some(Answer::Granted { lease: Some(lease), left, .. }) => SharedVerdict::Granted { lease, left },
            Some(Answer::Refused { index, left, after }) => SharedVerdict::Refused { index, left, after },
            _ => SharedVerdict::Unknown,
        }
    }
}

impl SharedCounters for SharedCallCounters {
    fn reserve<'a>(&'a self, wants: &'a [SharedWant]) -> BoxFuture<'a, SharedVerdict> {
        if !self.is_connected() {
            return std::future::ready(SharedVerdict::Unknown).boxed();
        }
        self.ask(wants).boxed()
    }

    fn alone(&self, wants: &[SharedWant]) -> Option<Box<dyn SharedLease>> {
        Some(Box::new(CounterLease::new(&self.0, self.pieces(wants))))
    }

    fn is_connected(&self) -> bool {
        self.0.can_be_asked()
    }
}
