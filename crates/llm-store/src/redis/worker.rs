//! What the thread says to Redis for the router: reservations, what is given back, benches.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Weak;
use std::time::{Duration, Instant};

use llm_router::{BenchElsewhere, Deployment, Verdict};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::benches::{Heard, Told};
use super::lease::{RedisLease, Release};
use super::line::Line;
use super::scripts::{SLOT_LEASE, Scripts};
use crate::shared::talk::Talker;

/// How often slots in use show a sign of life: three times in their lease.
const RENEW: Duration = Duration::from_millis(SLOT_LEASE / 3);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Takes what an attempt may use.
    Reserve(Reserve),
    /// Gives back what it did not use.
    Release(Release),
    /// Tells of a bench, by its field.
    Bench(String, BenchElsewhere),
    /// Tells of its end.
    Recovered(String),
    /// These are the deployments now, by id.
    Know(HashMap<String, Weak<Deployment>>),
}

/// What an attempt would take.
#[derive(Debug)]
pub(super) struct Reserve {
    pub(super) rpm: Option<u64>,
    pub(super) tpm: Option<u64>,
    pub(super) max_parallel: Option<u32>,
    pub(super) lease: Box<RedisLease>,
    pub(super) reply: oneshot::Sender<Verdict>,
}

/// What the router tells Redis, and hears.
pub(super) struct Worker {
    prefix: String,
    origin: String,
    heard: RefCell<Heard>,
    slots: Slots,
    renewed: Cell<Instant>,
}

/// The slots that this gateway holds, by deployment, each as long as its attempt lives.
type Slots = RefCell<HashMap<String, HashMap<u64, Weak<()>>>>;

/// How often other gateways' benches are read.
const LISTEN: Duration = Duration::from_millis(400);

impl Talker for Worker {
    type Line = Line;
    type Command = Command;
    type Session = Scripts;

    const TICK: Duration = LISTEN;

    async fn begin(&self, line: &Line) -> Result<Scripts, String> {
        let mut connection = line.connection.clone();
        let loaded = Scripts::load(&mut connection, &self.prefix, &self.origin).await;
        loaded.map_err(|error| error.to_string())
    }

    fn send(self: &Rc<Self>, line: &Line, scripts: &Rc<Scripts>, commands: Vec<Command>) {
        let (mut pipe, mut asked) = (redis::pipe(), Vec::new());
        for command in commands {
            match command {
                Command::Reserve(reserve) => {
                    pipe.add_command(scripts.reserve(&reserve));
                    asked.push(reserve);
                }
                Command::Release(release) => {
                    self.forget(&release);
                    pipe.add_command(scripts.release(&release)).ignore();
                }
                Command::Bench(field, bench) => {
                    let milliseconds = u64::try_from(bench.length.as_millis()).unwrap_or(u64::MAX).max(1);
                    pipe.add_command(scripts.bench(&field, milliseconds, bench.strict)).ignore();
                }
                Command::Recovered(field) => {
                    pipe.add_command(scripts.recovered(&field)).ignore();
                }
                Command::Know(known) => self.heard.borrow_mut().know(known),
            }
        }
        if pipe.is_empty() {
            return;
        }
        let (line, worker) = (line.clone(), Rc::clone(self));
        spawn_local(async move {
            // Without an answer whoever asked hears that nobody knows, and goes on.
            let Some(said) = line.ask::<Vec<Said>>(pipe).await else { return };
            for (reserve, said) in asked.into_iter().zip(said) {
                answer(reserve, &said, &worker.slots);
            }
        });
    }

    fn tick(self: &Rc<Self>, line: &Line, scripts: &Rc<Scripts>) {
        if self.renewed.get().elapsed() >= RENEW {
            self.renewed.set(Instant::now());
            self.renew(line, scripts);
        }
        let (line, worker, benches) = (line.clone(), Rc::clone(self), scripts.benches());
        spawn_local(async move {
            let mut pipe = redis::pipe();
            pipe.add_command(benches);
            if let Some((told,)) = line.ask::<(Vec<Told>,)>(pipe).await {
                worker.heard.borrow_mut().take(&told, Instant::now());
            }
        });
    }

    fn alone(&self, command: Command) {
        match command {
            Command::Release(release) => self.forget(&release),
            Command::Know(known) => self.heard.borrow_mut().know(known),
            _ => {}
        }
    }
}

impl Worker {
    pub(super) fn new(prefix: String, known: HashMap<String, Weak<Deployment>>) -> Self {
        let origin = uuid::Uuid::now_v7().simple().to_string();
        let heard = RefCell::new(Heard::new(known, origin.clone()));
        Self { prefix, origin, heard, slots: Slots::default(), renewed: Cell::new(Instant::now()) }
    }

    fn renew(&self, line: &Line, scripts: &Scripts) {
        let mut slots = self.slots.borrow_mut();
        slots.retain(|_, held| {
            held.retain(|_, life| life.strong_count() > 0);
            !held.is_empty()
        });
        if slots.is_empty() {
            return;
        }
        let mut pipe = redis::pipe();
        for (deployment, held) in slots.iter() {
            pipe.add_command(scripts.renew(deployment, held.keys().copied())).ignore();
        }
        let line = line.clone();
        spawn_local(async move { line.ask::<()>(pipe).await });
    }

    /// A slot that is given back is renewed no more.
    fn forget(&self, release: &Release) {
        let Some(slot) = release.slot else { return };
        let mut slots = self.slots.borrow_mut();
        if let Some(held) = slots.get_mut(&release.deployment) {
            held.remove(&slot);
            if held.is_empty() {
                slots.remove(&release.deployment);
            }
        }
    }
}

/// What the script for reservations says: whether there was room, then the second, or the limit and when there is room.
type Said = (u8, String, i64);

fn answer(reserve: Reserve, (granted, what, wait): &Said, slots: &Slots) {
    let Reserve { mut lease, reply, .. } = reserve;
    let verdict = if *granted == 1 {
        lease.grant(what.parse().unwrap_or(0));
        if lease.has_slot {
            slots
                .borrow_mut()
                .entry(lease.deployment.clone())
                .or_default()
                .insert(lease.number, lease.life());
        }
        Verdict::Granted(lease)
    } else {
        let limit = match what.as_str() {
            "r" => "rpm",
            "t" => "tpm",
            _ => "max_parallel_requests",
        };
        let after = u64::try_from(*wait).ok().map(Duration::from_millis);
        Verdict::Refused { limit, after }
    };
    // Nobody waits any more: the lease gives back what it holds.
    let _ = reply.send(verdict);
}
