//! Whoever wants to know of changes: caches of callers, other gateways.

use llm_governance::Changed;

/// Told of each change, after the store has it. Must not wait.
pub trait Changes: Send + Sync + 'static {
    /// This is not any more what it was.
    fn changed(&self, what: Changed);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unheard;

impl Changes for Unheard {
    fn changed(&self, _: Changed) {}
}
