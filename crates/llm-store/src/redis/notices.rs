//! What administrators change, told to all gateways that share a Redis.
//!
//! A channel keeps nothing: a gateway that was away hears that anything may have changed, and what it had to tell
//! meanwhile it tells when it is back.

mod words;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use llm_core::Result;
use llm_governance::Changed;
use llm_router::Link;
use redis::{Client, RedisError, RedisResult};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::{JoinHandle, spawn_local};

use super::status::Status;
use super::talk::{Line, MOST_WAITING, Reach, Talker};
use crate::settings::RedisSettings;

/// How many changes are kept for a Redis that is gone; of more it is told that anything may have changed.
const MOST_KEPT: usize = 1_024;

/// Told of each change that another gateway made, on the thread that talks to Redis. Must not wait.
pub type Hear = Box<dyn Fn(&Changed) + Send>;

/// Changes that gateways tell each other.
pub struct Notices {
    commands: Sender<Changed>,
    status: Arc<Status>,
    /// Thousands of changes waited already: anything may have changed.
    missed: Arc<AtomicBool>,
}

impl fmt::Debug for Notices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Notices").field("link", &self.status.link()).finish_non_exhaustive()
    }
}

impl Notices {
    /// Begins to listen, on a thread of its own. `hear` is told [`Changed::Everything`] with each connection.
    ///
    /// # Errors
    /// When the address is none, or the system gives no thread.
    pub fn start(settings: &RedisSettings, hear: Hear) -> Result<Self> {
        let client = settings.client()?;
        let (commands, received) = channel(MOST_WAITING);
        let status = Arc::new(Status::of("changes of keys and their kin"));
        let (timeout, status_too) = (settings.timeout, Arc::clone(&status));
        let reach = Reach { client: client.clone(), timeout, status: status_too };
        let channel = format!("{}:changed", settings.prefix);
        let origin = uuid::Uuid::now_v7().simple().to_string();
        let listening = RefCell::default();
        let missed = Arc::<AtomicBool>::default();
        let missed_too = Arc::clone(&missed);
        reach.start("llm-notices", received, move || NoticeTalker {
            client,
            timeout,
            channel,
            listening,
            ear: Rc::new(Ear { origin, hear }),
            kept: RefCell::default(),
            missed: missed_too,
        })?;
        Ok(Self { commands, status, missed })
    }

    /// Tells all other gateways, at once or when Redis is back.
    pub fn publish(&self, changed: Changed) {
        if self.commands.try_send(changed).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }

    /// Whether others can be heard now.
    pub fn is_connected(&self) -> bool {
        self.status.link() == Link::Connected
    }
}

/// Who listens.
struct Ear {
    /// This gateway's own name: what it said itself is no news.
    origin: String,
    hear: Hear,
}

struct NoticeTalker {
    client: Client,
    timeout: Duration,
    channel: String,
    ear: Rc<Ear>,
    /// What reads the channel.
    listening: RefCell<Option<JoinHandle<()>>>,
    /// What was not told yet.
    kept: RefCell<Vec<Changed>>,
    missed: Arc<AtomicBool>,
}

impl Talker for NoticeTalker {
    type Command = Changed;
    type Session = ();

    /// So often it is seen whether Redis is there, where nobody has anything to tell.
    const TICK: Duration = Duration::from_secs(5);

    async fn begin(&self, line: &mut Line) -> RedisResult<()> {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
        let slow = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let subscribe = async {
            let mut heard = self.client.get_async_pubsub().await?;
            heard.subscribe(&self.channel).await?;
            RedisResult::Ok(heard.into_on_message())
        };
        let limit = self.timeout.max(Duration::from_secs(1));
        let mut heard = tokio::time::timeout(limit, subscribe).await.map_err(slow)??;
        // Whoever changes something from here on is heard.
        (self.ear.hear)(&Changed::Everything);
        let (ear, line) = (Rc::clone(&self.ear), line.clone());
        *self.listening.borrow_mut() = Some(spawn_local(async move {
            while let Some(message) = heard.next().await {
                ear.listen(&message.get_payload::<String>().unwrap_or_default());
            }
            line.give_up(RedisError::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
        }));
        Ok(())
    }

    fn send(self: &Rc<Self>, line: &Line, _: &Rc<()>, commands: Vec<Changed>) {
        let mut all = self.kept.take();
        all.extend(commands);
        let mut pipe = redis::pipe();
        for changed in &all {
            let said = format!("{} {}", self.ear.origin, words::write(changed));
            pipe.cmd("PUBLISH").arg(&self.channel).arg(said).ignore();
        }
        let (line, talker) = (line.clone(), Rc::clone(self));
        spawn_local(async move {
            if line.ask::<()>(pipe).await.is_none() {
                // Told twice is better than never.
                all.into_iter().for_each(|changed| talker.alone(changed));
            }
        });
    }

    fn tick(self: &Rc<Self>, line: &Line, session: &Rc<()>) {
        if self.missed.swap(false, Ordering::AcqRel) {
            self.alone(Changed::Everything);
        }
        if !self.kept.borrow().is_empty() {
            return self.send(line, session, Vec::new());
        }
        let mut pipe = redis::pipe();
        pipe.cmd("PING").ignore();
        let line = line.clone();
        spawn_local(async move { line.ask::<()>(pipe).await });
    }

    fn alone(&self, changed: Changed) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MOST_KEPT {
            *kept = vec![Changed::Everything];
        }
        if !kept.contains(&changed) {
            kept.push(changed);
        }
    }
}

impl Ear {
    fn listen(&self, said: &str) {
        let Some((origin, words)) = said.split_once(' ') else { return };
        if origin != self.origin {
            // A newer gateway may have words that this one does not know.
            (self.hear)(&words::read(words).unwrap_or(Changed::Everything));
        }
    }
}
