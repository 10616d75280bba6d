//! A thread that talks to Redis: one connection, many commands in one write, nobody waits for another's answer. Redis
//! that fails is left alone for a while.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use llm_core::{Error, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError, RedisResult};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::status::Status;

/// How much longer than Redis may take a call waits for the thread that asks it.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

/// How many commands wait for a thread at most; it takes all at once.
pub(crate) const MOST_WAITING: usize = 16_384;

/// How long Redis is left alone after it failed.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// How many commands go in one write.
const MOST: usize = 256;

/// What is said to Redis, and what becomes of its answers. Lives on the thread that talks.
pub(crate) trait Talker: Sized + 'static {
    /// What it is told by others.
    type Command: Send + 'static;
    /// What lasts as long as a connection.
    type Session: 'static;

    /// How often [`Self::tick`] is called.
    const TICK: Duration;

    /// A connection was made: the first that is said.
    async fn begin(&self, line: &mut Line) -> RedisResult<Self::Session>;

    /// Sends commands in one write. Answers are awaited aside: the next commands do not wait for them.
    fn send(self: &Rc<Self>, line: &Line, session: &Rc<Self::Session>, commands: Vec<Self::Command>);

    /// What is said from time to time.
    fn tick(self: &Rc<Self>, line: &Line, session: &Rc<Self::Session>);

    /// A command that comes while Redis is left alone.
    fn alone(&self, command: Self::Command);
}

/// How a thread reaches Redis.
pub(crate) struct Reach {
    pub(crate) client: Client,
    /// How long an answer may take before Redis counts as gone.
    pub(crate) timeout: Duration,
    pub(crate) status: Arc<Status>,
}

/// A connection, and who is told when it is of no use any more.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) connection: MultiplexedConnection,
    lost: Sender<RedisError>,
}

/// Why a connection is not used any more.
enum End {
    /// The gateway is gone.
    Closed,
    Lost(RedisError),
}

impl Reach {
    /// Begins to talk, until nobody has commands any more.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start<T: Talker>(
        self,
        name: &str,
        commands: Receiver<T::Command>,
        make: impl FnOnce() -> T + Send + 'static,
    ) -> Result<()> {
        let run = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => LocalSet::new().block_on(&runtime, self.talk(Rc::new(make()), commands)),
            Err(error) => self.status.gone(&format!("no runtime: {error}")),
        };
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        started.map(|_| ()).map_err(|error| Error::internal(format!("no thread for redis: {error}")))
    }

    async fn talk<T: Talker>(self, talker: Rc<T>, mut commands: Receiver<T::Command>) {
        loop {
            let (lost, mut is_lost) = channel(1);
            let error = match self.connect(&*talker, lost).await {
                Err(error) => error,
                Ok((line, session)) => {
                    self.status.connected();
                    match serve(&talker, &line, &Rc::new(session), &mut commands, &mut is_lost).await {
                        End::Closed => return,
                        End::Lost(error) => error,
                    }
                }
            };
            self.status.gone(&error.to_string());
            if !wait(&*talker, &mut commands).await {
                return;
            }
        }
    }

    async fn connect<T: Talker>(
        &self,
        talker: &T,
        lost: Sender<RedisError>,
    ) -> RedisResult<(Line, T::Session)> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(self.timeout));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut line = Line { connection, lost };
        let session = talker.begin(&mut line).await?;
        Ok((line, session))
    }
}

/// Leaves Redis alone for a while. `false`: the gateway is gone.
async fn wait<T: Talker>(talker: &T, commands: &mut Receiver<T::Command>) -> bool {
    let mut over = std::pin::pin!(sleep(LEFT_ALONE));
    loop {
        tokio::select! {
            () = &mut over => return true,
            command = commands.recv() => match command {
                None => return false,
                Some(command) => talker.alone(command),
            },
        }
    }
}

async fn serve<T: Talker>(
    talker: &Rc<T>,
    line: &Line,
    session: &Rc<T::Session>,
    commands: &mut Receiver<T::Command>,
    is_lost: &mut Receiver<RedisError>,
) -> End {
    let mut tick = interval(T::TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            Some(error) = is_lost.recv() => return End::Lost(error),
            count = commands.recv_many(&mut batch, MOST) => {
                if count == 0 {
                    return End::Closed;
                }
                talker.send(line, session, std::mem::take(&mut batch));
            }
            _ = tick.tick() => talker.tick(line, session),
        }
    }
}

impl Line {
    /// What Redis answers; `None`: it does not, and the connection is given up.
    pub(crate) async fn ask<A: FromRedisValue>(mut self, pipe: Pipeline) -> Option<A> {
        let answer = pipe.query_async(&mut self.connection).await;
        answer.map_err(|error| self.give_up(error)).ok()
    }

    /// The connection is of no use any more.
    pub(crate) fn give_up(&self, error: RedisError) {
        // The first error is enough.
        let _ = self.lost.try_send(error);
    }
}
