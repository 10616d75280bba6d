//! Whether a server answers: read by every call, told once per change.

use std::sync::atomic::{AtomicU8, Ordering};

/// Whether a server answers.
#[derive(Debug)]
pub(crate) struct Status {
    state: AtomicU8,
    /// What is shared.
    shared: &'static str,
    /// Through what.
    server: &'static str,
    /// What becomes of that while the server is gone.
    alone: &'static str,
}

const STARTING: u8 = 0;
const CONNECTED: u8 = 1;
const GONE: u8 = 2;

impl Status {
    /// Of a connection that shares this through that server.
    pub(crate) fn of(shared: &'static str, server: &'static str) -> Self {
        Self::with(shared, server, "are this gateway's own")
    }

    /// The same of something of which another thing becomes while the server is gone.
    pub(crate) fn with(shared: &'static str, server: &'static str, alone: &'static str) -> Self {
        Self { state: AtomicU8::new(STARTING), shared, server, alone }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state.load(Ordering::Acquire) == CONNECTED
    }

    /// Whether it could not be reached, or was lost. One that was not tried yet is not.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.load(Ordering::Acquire) == GONE
    }

    pub(crate) fn connected(&self) {
        let Self { shared, server, .. } = self;
        match self.state.swap(CONNECTED, Ordering::AcqRel) {
            STARTING => tracing::info!(target: "llm_store::shared", "{shared} are shared through {server}"),
            GONE => {
                tracing::info!(target: "llm_store::shared", "{server} is back: {shared} are shared again");
            }
            _ => {}
        }
    }

    pub(crate) fn gone(&self, why: &str) {
        let Self { shared, server, alone, .. } = self;
        if self.state.swap(GONE, Ordering::AcqRel) != GONE {
            tracing::warn!(
                target: "llm_store::shared",
                why, "{server} is gone: {shared} {alone} until it is back"
            );
        }
    }
}
