//! A thread that talks to a server: one connection, many commands in one write, nobody waits for another's answer. A
//! server that fails is left alone for a while.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use llm_core::{Error, Result};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::status::Status;

/// How much longer than the server may take a call waits for the thread that asks it.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

/// How long the answer of counters of limits and budgets is waited for at least. A gateway that cannot ask goes by what it
/// knows, and may spend what others have spent: where it is about money a slow server is worth a wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How many commands wait for a thread at most; it takes all at once.
pub(crate) const MOST_WAITING: usize = 16_384;

/// How long a server is left alone after it failed.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// How many commands go in one write.
const MOST: usize = 256;

/// What is said to a server over a line, and what becomes of its answers. Lives on the thread that talks.
pub(crate) trait Talker: Sized + 'static {
    /// A connection.
    type Line: 'static;
    /// What it is told by others.
    type Command: Send + 'static;
    /// What lasts as long as a connection.
    type Session: 'static;

    /// How often [`Self::tick`] is called.
    const TICK: Duration;

    /// A connection was made: the first that is said. The error is why it is of no use, in words.
    async fn begin(&self, line: &Self::Line) -> std::result::Result<Self::Session, String>;

    /// Sends commands in one write. Answers are awaited aside: the next commands do not wait for them.
    fn send(self: &Rc<Self>, line: &Self::Line, session: &Rc<Self::Session>, commands: Vec<Self::Command>);

    /// What is said from time to time.
    fn tick(self: &Rc<Self>, line: &Self::Line, session: &Rc<Self::Session>);

    /// A command that comes while the server is left alone.
    fn alone(&self, command: Self::Command);
}

/// Makes a connection, on the thread that talks; the error is why there is none, in words.
pub(crate) type Connect<L> =
    Box<dyn Fn(Lost) -> LocalBoxFuture<'static, std::result::Result<L, String>> + Send>;

/// How a thread reaches its server.
pub(crate) struct Reach<L> {
    pub(crate) connect: Connect<L>,
    pub(crate) status: Arc<Status>,
}

/// Who is told when a connection is of no use any more.
#[derive(Clone)]
pub(crate) struct Lost(Sender<String>);

impl Lost {
    /// The connection is of no use any more.
    pub(crate) fn give_up(&self, why: &dyn Display) {
        // The first reason is enough.
        let _ = self.0.try_send(why.to_string());
    }
}

/// Why a connection is not used any more.
enum End {
    /// The gateway is gone.
    Closed,
    Lost(String),
}

impl<L: 'static> Reach<L> {
    /// Begins to talk, until nobody has commands any more.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start<T: Talker<Line = L>>(
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
        started
            .map(|_| ())
            .map_err(|error| Error::internal(format!("no thread to share with other gateways: {error}")))
    }

    async fn talk<T: Talker<Line = L>>(self, talker: Rc<T>, mut commands: Receiver<T::Command>) {
        loop {
            let (lost, mut is_lost) = channel(1);
            let why = match self.begin(&*talker, Lost(lost)).await {
                Err(why) => why,
                Ok((line, session)) => {
                    self.status.connected();
                    match serve(&talker, &line, &Rc::new(session), &mut commands, &mut is_lost).await {
                        End::Closed => return,
                        End::Lost(why) => why,
                    }
                }
            };
            self.status.gone(&why);
            if !wait(&*talker, &mut commands).await {
                return;
            }
        }
    }

    async fn begin<T: Talker<Line = L>>(
        &self,
        talker: &T,
        lost: Lost,
    ) -> std::result::Result<(L, T::Session), String> {
        let line = (self.connect)(lost).await?;
        let session = talker.begin(&line).await?;
        Ok((line, session))
    }
}

/// Leaves the server alone for a while. `false`: the gateway is gone.
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
    line: &T::Line,
    session: &Rc<T::Session>,
    commands: &mut Receiver<T::Command>,
    is_lost: &mut Receiver<String>,
) -> End {
    let mut tick = interval(T::TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            Some(why) = is_lost.recv() => return End::Lost(why),
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
