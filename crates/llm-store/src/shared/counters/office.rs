//! What calls and the thread that talks to the server have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use super::talker::{Answer, Command, Reserve};
use crate::shared::status::Status;

/// Where calls leave their commands.
#[derive(Debug)]
pub(super) struct Office {
    pub(super) commands: Sender<Command>,
    /// What did not fit there, and must not be lost. The thread looks from time to time.
    pub(super) overflow: Arc<Mutex<Vec<Command>>>,
    pub(super) status: Arc<Status>,
    pub(super) patience: Duration,
    /// What all keys begin with.
    pub(super) prefix: String,
    /// Tells this gateway's leases from those of others.
    pub(super) origin: String,
    pub(super) next: AtomicU64,
}

impl Office {
    /// The name of a new lease.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.origin, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// `None`: nobody knows.
    pub(super) async fn ask(&self, reserve: Reserve, answer: oneshot::Receiver<Answer>) -> Option<Answer> {
        if !self.can_be_asked() || self.commands.try_send(Command::Reserve(reserve)).is_err() {
            return None;
        }
        // A call that gives up here leaves an answer that gives back what it took.
        tokio::time::timeout(self.patience, answer).await.ok()?.ok()
    }

    /// Tells something that must not be lost.
    pub(super) fn tell(&self, command: Command) {
        use tokio::sync::mpsc::error::TrySendError;
        if let Err(TrySendError::Full(command)) = self.commands.try_send(command) {
            self.overflow.lock().push(command);
        }
    }

    /// Whether the server is there, or is reached for the first time: a call that comes so early waits for that, as by
    /// itself its gateway would spend what others have spent.
    pub(super) fn can_be_asked(&self) -> bool {
        !self.status.is_gone()
    }
}
