//! What guardrails did.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// The counters of all guardrails.
#[derive(Clone)]
pub(super) struct Guardrails(IntCounterVec);

impl Guardrails {
    pub(super) fn registered(registry: &Registry) -> Self {
        let about = "What guardrails did: texts of calls checked, passages flagged or masked, calls blocked, failures.";
        let options = Opts::new("llm_guardrail_total", about);
        let counters = IntCounterVec::new(options, &["guardrail", "outcome"]);
        let counters = counters.expect("the name and the labels are constants");
        registry.register(Box::new(counters.clone())).expect("the names are constants");
        Self(counters)
    }

    pub(super) fn of(&self, name: &str) -> GuardrailMetrics {
        let counter = |outcome| self.0.with_label_values(&[name, outcome]);
        GuardrailMetrics {
            checked: counter("checked"),
            flagged: counter("flagged"),
            masked: counter("masked"),
            blocked: counter("blocked"),
            failed: counter("failed"),
        }
    }
}

/// The counters of one guardrail; clones count together.
#[derive(Clone, Debug)]
pub struct GuardrailMetrics {
    /// Requests and answers that it looked at.
    pub checked: IntCounter,
    /// Passages that it only named.
    pub flagged: IntCounter,
    /// Passages that it masked.
    pub masked: IntCounter,
    /// Calls that it refused.
    pub blocked: IntCounter,
    /// Times that it could not judge.
    pub failed: IntCounter,
}
