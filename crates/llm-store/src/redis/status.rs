//! Whether Redis answers: read by every call, told once per change.

use std::sync::atomic::{AtomicU8, Ordering};

use llm_router::Link;

/// Whether Redis answers.
#[derive(Debug, Default)]
pub(super) struct Status(AtomicU8);

const STARTING: u8 = 0;
const CONNECTED: u8 = 1;
const GONE: u8 = 2;

impl Status {
    pub(super) fn link(&self) -> Link {
        if self.0.load(Ordering::Acquire) == CONNECTED { Link::Connected } else { Link::Gone }
    }

    pub(super) fn connected(&self) {
        match self.0.swap(CONNECTED, Ordering::AcqRel) {
            STARTING => {
                tracing::info!(target: "llm_store::redis", "limits and cooldowns are shared through redis");
            }
            GONE => tracing::info!(target: "llm_store::redis", "redis is back: limits are shared again"),
            _ => {}
        }
    }

    pub(super) fn gone(&self, why: &str) {
        if self.0.swap(GONE, Ordering::AcqRel) != GONE {
            tracing::warn!(
                target: "llm_store::redis",
                why, "redis is gone: this gateway counts for itself until it is back"
            );
        }
    }
}
