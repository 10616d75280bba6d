//! How many attempts are under way, and whether there may be one more.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use llm_core::sync::AtomicU32;

/// Attempts that are under way.
#[derive(Debug)]
pub(crate) struct Slots(AtomicU32);

impl Default for Slots {
    fn default() -> Self {
        Self(AtomicU32::new(0))
    }
}

impl Slots {
    pub(crate) fn taken(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// Takes a slot when fewer than `most` are taken. Whoever waits looks here after it has said so, and whoever
    /// releases rings after it has released: one of the two sees the other.
    pub(crate) fn take(&self, most: Option<u32>) -> bool {
        let Some(most) = most else {
            self.0.fetch_add(1, AcqRel);
            return true;
        };
        self.0.fetch_update(AcqRel, Acquire, |taken| (taken < most).then_some(taken + 1)).is_ok()
    }

    pub(crate) fn release(&self) {
        self.0.fetch_sub(1, AcqRel);
    }
}
