//! Answers in Redis, for all gateways that share it. Redis itself lets go what is over, and what it has no room for.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use llm_core::{AnswerStore, BoxFuture, Error, QuestionLists, Questions, Result};
use redis::{FromRedisValue, Pipeline, Value};
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::redis::line::Line;
use crate::settings::RedisSettings;
use crate::shared::status::Status;
use crate::shared::talk::{GRACE, MOST_WAITING, Reach, Talker};

/// How many keys are looked at and forgotten with one command.
const AT_ONCE: usize = 500;

/// Answers in Redis.
pub struct RedisAnswers {
    commands: Sender<Command>,
    status: Arc<Status>,
    patience: Duration,
    /// What all keys begin with.
    prefix: String,
}

struct Command {
    said: Pipeline,
    reply: oneshot::Sender<Value>,
}

impl fmt::Debug for RedisAnswers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisAnswers")
            .field("is_connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

impl RedisAnswers {
    /// Begins to talk to Redis, on a thread of its own.
    ///
    /// # Errors
    /// When the address is none, or the system gives no thread.
    pub fn start(settings: &RedisSettings) -> Result<Self> {
        let (commands, received) = channel(MOST_WAITING);
        let status = Arc::new(Status::with("answers for requests that come again", "redis", "are not kept"));
        let reach = Reach { connect: Line::connect(settings)?, status: Arc::clone(&status) };
        reach.start("llm-answers", received, || Asker)?;
        let prefix = format!("{}:answers:", settings.prefix);
        Ok(Self { commands, status, patience: settings.timeout + GRACE, prefix })
    }

    /// Whether Redis answers.
    pub fn is_connected(&self) -> bool {
        self.status.is_connected()
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    async fn ask<A: FromRedisValue>(&self, said: Pipeline) -> Result<A> {
        if !self.is_connected() {
            return Err(gone());
        }
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(Command { said, reply }).map_err(|_| gone())?;
        let Ok(Ok(value)) = timeout(self.patience, answer).await else { return Err(gone()) };
        redis::from_redis_value(value).map_err(|error| Error::internal(format!("redis: {error}")))
    }

    async fn cleared(&self) -> Result<()> {
        let mut cursor = 0;
        loop {
            let mut scan = redis::pipe();
            scan.cmd("SCAN").arg(cursor).arg("MATCH").arg(pattern(&self.prefix)).arg("COUNT").arg(AT_ONCE);
            let ((next, keys),): ((u64, Vec<String>),) = self.ask(scan).await?;
            if !keys.is_empty() {
                let mut unlink = redis::pipe();
                unlink.cmd("UNLINK").arg(keys);
                let _: (u64,) = self.ask(unlink).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

/// All keys with a beginning: the letters that mean something in a pattern stand for themselves.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('*');
    pattern
}

fn gone() -> Error {
    Error::internal("redis does not answer")
}

fn milliseconds(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 53)
}

impl AnswerStore for RedisAnswers {
    fn kind(&self) -> &'static str {
        "redis"
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        let mut said = redis::pipe();
        said.cmd("GET").arg(self.key(key));
        Box::pin(async move {
            let (found,): (Option<Vec<u8>>,) = self.ask(said).await?;
            Ok(found.map(Bytes::from))
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes, life: Option<Duration>) -> BoxFuture<'a, Result<()>> {
        let mut said = redis::pipe();
        let set = said.cmd("SET").arg(self.key(key)).arg(&value[..]);
        if let Some(life) = life {
            set.arg("PX").arg(milliseconds(life));
        }
        said.ignore();
        Box::pin(self.ask(said))
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<u64>> {
        if keys.is_empty() {
            return Box::pin(std::future::ready(Ok(0)));
        }
        let mut said = redis::pipe();
        said.cmd("UNLINK").arg(keys.iter().map(|key| self.key(key)).collect::<Vec<_>>());
        Box::pin(async move { self.ask::<(u64,)>(said).await.map(|(deleted,)| deleted) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.cleared())
    }

    fn server(&self) -> BoxFuture<'_, Result<Vec<(String, String)>>> {
        let mut said = redis::pipe();
        said.cmd("INFO");
        Box::pin(async move {
            let (text,): (String,) = self.ask(said).await?;
            let pairs = text.lines().filter_map(|line| line.split_once(':'));
            Ok(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
        })
    }

    fn questions(&self) -> Questions<'_> {
        Questions::Lists(self)
    }
}

impl QuestionLists for RedisAnswers {
    fn append<'a>(
        &'a self,
        list: &'a str,
        item: Bytes,
        most: usize,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<()>> {
        let (mut said, key) = (redis::pipe(), self.key(list));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        said.cmd("RPUSH").arg(&key).arg(&item[..]).ignore();
        said.cmd("LTRIM").arg(&key).arg(-most).arg(-1).ignore();
        match life {
            Some(life) => said.cmd("PEXPIRE").arg(&key).arg(milliseconds(life)).ignore(),
            None => said.cmd("PERSIST").arg(&key).ignore(),
        };
        Box::pin(self.ask(said))
    }

    fn list<'a>(&'a self, list: &'a str) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        let mut said = redis::pipe();
        said.cmd("LRANGE").arg(self.key(list)).arg(0).arg(-1);
        Box::pin(async move {
            let (items,): (Vec<Vec<u8>>,) = self.ask(said).await?;
            Ok(items.into_iter().map(Bytes::from).collect())
        })
    }
}

/// Says what it is told to.
struct Asker;

impl Talker for Asker {
    type Line = Line;
    type Command = Command;
    type Session = ();

    /// So often it is seen whether Redis is there, where nobody has anything to ask.
    const TICK: Duration = Duration::from_secs(5);

    async fn begin(&self, _: &Line) -> Result<(), String> {
        Ok(())
    }

    fn send(self: &Rc<Self>, line: &Line, _: &Rc<()>, commands: Vec<Command>) {
        for Command { said, reply } in commands {
            let line = line.clone();
            spawn_local(async move {
                if let Some(value) = line.ask::<Value>(said).await {
                    // Nobody waits any more: then it is nothing to anybody.
                    let _ = reply.send(value);
                }
            });
        }
    }

    fn tick(self: &Rc<Self>, line: &Line, _: &Rc<()>) {
        let mut pipe = redis::pipe();
        pipe.cmd("PING").ignore();
        let line = line.clone();
        spawn_local(async move { line.ask::<()>(pipe).await });
    }

    fn alone(&self, command: Command) {
        drop(command.reply);
    }
}
