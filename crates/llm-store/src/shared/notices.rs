//! What administrators change, told to all gateways that share a server.
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

use futures_util::future::LocalBoxFuture;
use llm_core::Result;
use llm_governance::Changed;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_local;

use super::status::Status;
use super::talk::{Connect, MOST_WAITING, Reach, Talker};

/// How many changes are kept for a server that is gone; of more it is told that anything may have changed.
const MOST_KEPT: usize = 1_024;

/// Told of each change that another gateway made, on the thread that talks to the server. Must not wait.
pub type Hear = Box<dyn Fn(&Changed) + Send + Sync>;

/// A connection that hears a channel: each message is told to the [`Ear`] that it was made with.
pub(crate) trait NoticeLine {
    /// Says all of it in the channel, in one write; nothing of it: sees whether the server is there. Whether it was
    /// done; otherwise the connection is given up.
    fn publish(&self, all: Vec<String>) -> LocalBoxFuture<'static, bool>;
}

/// Who listens.
pub(crate) struct Ear {
    /// This gateway's own name: what it said itself is no news.
    origin: String,
    hear: Hear,
}

/// A server with a channel.
pub(crate) struct NoticeServer {
    /// What people call it.
    pub(crate) name: &'static str,
    pub(crate) connect: Connect<Rc<dyn NoticeLine>>,
}

/// Changes that gateways tell each other.
pub struct Notices {
    commands: Sender<Changed>,
    status: Arc<Status>,
    /// Thousands of changes waited already: anything may have changed.
    missed: Arc<AtomicBool>,
}

impl fmt::Debug for Notices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Notices").field("connected", &self.is_connected()).finish_non_exhaustive()
    }
}

impl Notices {
    /// Begins to listen, on a thread of its own. `hear` is told [`Changed::Everything`] with each connection.
    ///
    /// # Errors
    /// When the address is none, or the system gives no thread.
    pub(crate) fn start(hear: Hear, server: impl FnOnce(&Arc<Ear>) -> Result<NoticeServer>) -> Result<Self> {
        let (commands, received) = channel(MOST_WAITING);
        let origin = uuid::Uuid::now_v7().simple().to_string();
        let ear = Arc::new(Ear { origin, hear });
        let NoticeServer { name, connect } = server(&ear)?;
        let status = Arc::new(Status::of("changes of keys and their kin", name));
        let reach = Reach { connect, status: Arc::clone(&status) };
        let missed = Arc::<AtomicBool>::default();
        let missed_too = Arc::clone(&missed);
        reach.start("llm-notices", received, move || NoticeTalker {
            ear,
            kept: RefCell::default(),
            missed: missed_too,
        })?;
        Ok(Self { commands, status, missed })
    }

    /// Tells all other gateways, at once or when the server is back.
    pub fn publish(&self, changed: Changed) {
        if self.commands.try_send(changed).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }

    /// Whether others can be heard now.
    pub fn is_connected(&self) -> bool {
        self.status.is_connected()
    }
}

struct NoticeTalker {
    ear: Arc<Ear>,
    /// What was not told yet.
    kept: RefCell<Vec<Changed>>,
    missed: Arc<AtomicBool>,
}

impl Talker for NoticeTalker {
    type Line = Rc<dyn NoticeLine>;
    type Command = Changed;
    type Session = ();

    /// So often it is seen whether the server is there, where nobody has anything to tell.
    const TICK: Duration = Duration::from_secs(5);

    async fn begin(&self, _: &Rc<dyn NoticeLine>) -> std::result::Result<(), String> {
        // Whoever changes something from here on is heard.
        (self.ear.hear)(&Changed::Everything);
        Ok(())
    }

    fn send(self: &Rc<Self>, line: &Rc<dyn NoticeLine>, _: &Rc<()>, commands: Vec<Changed>) {
        let mut all = self.kept.take();
        all.extend(commands);
        let words = |changed| format!("{} {}", self.ear.origin, words::write(changed));
        let (said, talker) = (line.publish(all.iter().map(words).collect()), Rc::clone(self));
        spawn_local(async move {
            if !said.await {
                // Told twice is better than never.
                all.into_iter().for_each(|changed| talker.alone(changed));
            }
        });
    }

    fn tick(self: &Rc<Self>, line: &Rc<dyn NoticeLine>, session: &Rc<()>) {
        if self.missed.swap(false, Ordering::AcqRel) {
            self.alone(Changed::Everything);
        }
        self.send(line, session, Vec::new());
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
    /// Somebody said this in the channel.
    pub(crate) fn listen(&self, said: &str) {
        let Some((origin, words)) = said.split_once(' ') else { return };
        if origin != self.origin {
            // A newer gateway may have words that this one does not know.
            (self.hear)(&words::read(words).unwrap_or(Changed::Everything));
        }
    }

    /// What is said in the place of words that a channel cannot carry.
    #[cfg(feature = "postgres")]
    pub(crate) fn anything(&self) -> String {
        format!("{} {}", self.origin, words::write(&Changed::Everything))
    }
}
