//! What all requests share: the gateway, the limits, and whether we are about to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llm_gateway::Gateway;

use crate::intake::Budget;
use crate::limits::Limits;

/// What all requests share.
pub(crate) struct App {
    pub gateway: Arc<Gateway>,
    pub limits: Limits,
    pub budget: Arc<Budget>,
    /// Answers of the mock break on the wire where it says so.
    pub wire_faults: bool,
    leaving: Arc<AtomicBool>,
}

impl App {
    pub(crate) fn new(gateway: Arc<Gateway>, limits: Limits) -> Self {
        let budget = Arc::new(Budget::new(limits.buffered));
        Self { gateway, limits, budget, wire_faults: false, leaving: Arc::default() }
    }

    /// The same, in memory of its own: each worker counts references to its own copy, so that cores don't fight
    /// over one counter at every request.
    pub(crate) fn copy(&self) -> Arc<Self> {
        Arc::new(Self {
            gateway: Arc::clone(&self.gateway),
            limits: self.limits.clone(),
            budget: Arc::clone(&self.budget),
            wire_faults: self.wire_faults,
            leaving: Arc::clone(&self.leaving),
        })
    }

    /// From now on readiness says that we are going.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}
