//! What an attempt holds in Redis: a slot, and tokens by estimate.

use std::sync::{Arc, Weak};

use llm_router::{Lease, Want};
use tokio::sync::mpsc::Sender;

use super::worker::Command;

/// What an attempt holds. Dropped before it is granted, it holds nothing.
#[derive(Debug)]
pub(super) struct RedisLease {
    commands: Sender<Command>,
    pub(super) deployment: String,
    pub(super) number: u64,
    pub(super) has_slot: bool,
    pub(super) estimate: u64,
    /// The second of the server in which it was granted.
    granted: Option<u64>,
    settled: u64,
    /// Gone with the lease, whatever becomes of the message that it is.
    life: Arc<()>,
}

/// What is given back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) deployment: String,
    /// The slot's number, where there is one.
    pub(super) slot: Option<u64>,
    pub(super) second: u64,
    /// Tokens that were used beyond the estimate; mostly below zero.
    pub(super) tokens: i64,
}

impl RedisLease {
    pub(super) fn new(commands: Sender<Command>, want: &Want<'_>, number: u64) -> Self {
        Self {
            commands,
            deployment: want.deployment.to_owned(),
            number,
            has_slot: want.max_parallel.is_some(),
            estimate: if want.tpm.is_some() { want.tokens.min(1 << 40) } else { 0 },
            granted: None,
            settled: 0,
            life: Arc::default(),
        }
    }

    /// What tells for how long the slot is to be renewed.
    pub(super) fn life(&self) -> Weak<()> {
        Arc::downgrade(&self.life)
    }

    pub(super) fn grant(&mut self, second: u64) {
        self.granted = Some(second);
    }
}

impl Lease for RedisLease {
    fn settle(&mut self, tokens: u64) {
        self.settled = tokens.min(1 << 40);
    }
}

impl Drop for RedisLease {
    fn drop(&mut self) {
        let Some(second) = self.granted else { return };
        let difference = |used: u64, estimate: u64| -> Option<i64> {
            i64::try_from(used).ok()?.checked_sub(i64::try_from(estimate).ok()?)
        };
        let tokens = difference(self.settled, self.estimate).unwrap_or(0);
        let slot = self.has_slot.then_some(self.number);
        if slot.is_some() || tokens != 0 {
            let deployment = std::mem::take(&mut self.deployment);
            // Without the thread nobody counts; a slot that is not given back is renewed no more.
            let _ = self.commands.try_send(Command::Release(Release { deployment, slot, second, tokens }));
        }
    }
}
