//! Whether Redis answers: read by every call, told once per change.

use std::sync::atomic::{AtomicU8, Ordering};

use llm_router::Link;

/// Whether Redis answers.
#[derive(Debug)]
pub(crate) struct Status {
    state: AtomicU8,
    /// What is shared through it.
    shared: &'static str,
    /// What becomes of that while Redis is gone.
    alone: &'static str,
}

const STARTING: u8 = 0;
const CONNECTED: u8 = 1;
const GONE: u8 = 2;

impl Status {
    /// Of a connection that shares this.
    pub(super) fn of(shared: &'static str) -> Self {
        Self::with(shared, "are this gateway's own")
    }

    /// The same of something of which another thing becomes while Redis is gone.
    pub(crate) fn with(shared: &'static str, alone: &'static str) -> Self {
        Self { state: AtomicU8::new(STARTING), shared, alone }
    }

    pub(crate) fn link(&self) -> Link {
        if self.state.load(Ordering::Acquire) == CONNECTED { Link::Connected } else { Link::Gone }
    }

    pub(super) fn connected(&self) {
        let shared = self.shared;
        match self.state.swap(CONNECTED, Ordering::AcqRel) {
            STARTING => tracing::info!(target: "llm_store::redis", "{shared} are shared through redis"),
            GONE => tracing::info!(target: "llm_store::redis", "redis is back: {shared} are shared again"),
            _ => {}
        }
    }

    pub(super) fn gone(&self, why: &str) {
        if self.state.swap(GONE, Ordering::AcqRel) != GONE {
            tracing::warn!(
                target: "llm_store::redis",
                why, "redis is gone: {} {} until it is back", self.shared, self.alone
            );
        }
    }
}
