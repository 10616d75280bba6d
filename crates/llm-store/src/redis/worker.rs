//! The thread that talks to Redis: one connection, many commands in one write, nobody waits for another's answer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use llm_router::{BenchElsewhere, Deployment, Verdict};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError, RedisResult};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::benches::{Heard, Told};
use super::lease::{RedisLease, Release};
use super::scripts::{SLOT_LEASE, Scripts};
use super::status::Status;
use crate::settings::RedisSettings;

/// How long Redis is left alone after it failed.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// How often other gateways' benches are read.
const LISTEN: Duration = Duration::from_millis(400);

/// How often slots in use show a sign of life: three times in their lease.
const RENEW: Duration = Duration::from_millis(SLOT_LEASE / 3);

/// How many commands go in one write.
const MOST: usize = 256;

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

/// Why a connection is not used any more.
enum End {
    /// The gateway is gone.
    Closed,
    Lost(RedisError),
}

struct Worker {
    client: Client,
    settings: RedisSettings,
    origin: String,
    status: Arc<Status>,
    heard: Rc<RefCell<Heard>>,
    slots: Slots,
}

/// The slots that this gateway holds, by deployment, each as long as its attempt lives.
type Slots = Rc<RefCell<HashMap<String, HashMap<u64, Weak<()>>>>>;

/// What the worker is made from, on its own thread.
pub(super) struct Beginning {
    pub(super) client: Client,
    pub(super) settings: RedisSettings,
    pub(super) known: HashMap<String, Weak<Deployment>>,
    pub(super) status: Arc<Status>,
}

impl Beginning {
    /// Talks to Redis until the gateway is gone.
    pub(super) fn run(self, commands: Receiver<Command>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.status.gone(&format!("no runtime: {error}")),
        };
        let origin = uuid::Uuid::now_v7().simple().to_string();
        let worker = Worker {
            client: self.client,
            settings: self.settings,
            heard: Rc::new(RefCell::new(Heard::new(self.known, origin.clone()))),
            origin,
            status: self.status,
            slots: Rc::default(),
        };
        LocalSet::new().block_on(&runtime, worker.work(commands));
    }
}

impl Worker {
    async fn work(self, mut commands: Receiver<Command>) {
        loop {
            let error = match self.connect().await {
                Err(error) => error,
                Ok((connection, scripts)) => {
                    self.status.connected();
                    match self.serve(&connection, &Rc::new(scripts), &mut commands).await {
                        End::Closed => return,
                        End::Lost(error) => error,
                    }
                }
            };
            self.status.gone(&error.to_string());
            if !self.wait(&mut commands).await {
                return;
            }
        }
    }

    async fn connect(&self) -> RedisResult<(MultiplexedConnection, Scripts)> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(self.settings.timeout));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let scripts = Scripts::load(&mut connection, &self.settings.prefix, &self.origin).await?;
        Ok((connection, scripts))
    }

    /// Leaves Redis alone for a while. What comes meanwhile is answered by nobody. `false`: the gateway is gone.
    async fn wait(&self, commands: &mut Receiver<Command>) -> bool {
        let mut over = std::pin::pin!(sleep(LEFT_ALONE));
        loop {
            tokio::select! {
                () = &mut over => return true,
                command = commands.recv() => match command {
                    None => return false,
                    Some(Command::Release(release)) => self.forget(&release),
                    Some(Command::Know(known)) => self.heard.borrow_mut().know(known),
                    Some(_) => {}
                },
            }
        }
    }

    async fn serve(
        &self,
        connection: &MultiplexedConnection,
        scripts: &Rc<Scripts>,
        commands: &mut Receiver<Command>,
    ) -> End {
        let (lost, mut is_lost) = channel(1);
        let line = Line { connection: connection.clone(), lost };
        let (mut listen, mut renew) = (interval(LISTEN), interval(RENEW));
        listen.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(error) = is_lost.recv() => return End::Lost(error),
                count = commands.recv_many(&mut batch, MOST) => {
                    if count == 0 {
                        return End::Closed;
                    }
                    self.send(&line, scripts, std::mem::take(&mut batch));
                }
                _ = listen.tick() => {
                    let (line, scripts, heard) = (line.clone(), Rc::clone(scripts), Rc::clone(&self.heard));
                    spawn_local(async move { line.listen(&scripts, &heard).await });
                }
                _ = renew.tick() => self.renew(&line, scripts),
            }
        }
    }

    /// Sends commands in one write. Answers are awaited aside: the next commands do not wait for them.
    fn send(&self, line: &Line, scripts: &Scripts, commands: Vec<Command>) {
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
        let (line, slots) = (line.clone(), Rc::clone(&self.slots));
        spawn_local(async move { line.ask(pipe, asked, &slots).await });
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
        let (line, slots) = (line.clone(), Rc::clone(&self.slots));
        spawn_local(async move { line.ask(pipe, Vec::new(), &slots).await });
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

/// A connection, and who is told when it is of no use any more.
#[derive(Clone)]
struct Line {
    connection: MultiplexedConnection,
    lost: Sender<RedisError>,
}

/// What the script for reservations says: whether there was room, then the second, or the limit and when there is room.
type Said = (u8, String, i64);

impl Line {
    async fn ask(mut self, pipe: Pipeline, asked: Vec<Reserve>, slots: &Slots) {
        match pipe.query_async::<Vec<Said>>(&mut self.connection).await {
            Ok(said) => {
                for (reserve, said) in asked.into_iter().zip(said) {
                    answer(reserve, &said, slots);
                }
            }
            // Whoever asked hears that nobody knows, and goes on.
            Err(error) => self.give_up(error),
        }
    }

    async fn listen(mut self, scripts: &Scripts, heard: &RefCell<Heard>) {
        match scripts.benches().query_async::<Vec<Told>>(&mut self.connection).await {
            Ok(told) => heard.borrow_mut().take(&told, Instant::now()),
            Err(error) => self.give_up(error),
        }
    }

    fn give_up(&self, error: RedisError) {
        // The first error is enough.
        let _ = self.lost.try_send(error);
    }
}

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
