//! Limits that hold for all deployments, or for all of a vendor's, or for the gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use llm_core::json::map_of;
use llm_core::money::NanoDollars;
use serde::Deserialize;

use crate::node::{Entry, Node};
use crate::report::{Place, Report};

/// Limits beyond those of single deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Attempts at a time at deployments that do not say.
    pub max_parallel: Option<u32>,
    /// Whether deployments that do not say learn how many attempts at a time they bear.
    pub adaptive: bool,
    /// Calls at a time of the whole gateway.
    pub max_calls: Option<usize>,
    /// The largest answer that does not stream, in bytes; `None`: as the transport says.
    pub max_answer: Option<usize>,
    /// What all deployments of a vendor may spend together, by the vendor's name.
    pub vendors: BTreeMap<String, BudgetConfig>,
}

/// Money that may be spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetConfig {
    /// How much.
    pub limit: NanoDollars,
    /// In which time; `None`: at all.
    pub window: Option<Duration>,
    /// Where it stands.
    pub place: Place,
}

#[derive(Deserialize)]
pub(super) struct ReadLimits {
    default_max_parallel_requests: Option<u32>,
    adaptive_concurrency: bool,
    max_parallel_requests: Option<usize>,
    max_response_size_mb: Option<f64>,
}

impl ReadLimits {
    /// `root` is the checked file: it alone may name budgets.
    pub(super) fn settings(&self, root: &Node, report: &mut Report) -> LimitSettings {
        let budgets = root.get("router_settings").and_then(|router| router.get("provider_budget_config"));
        let entries = budgets.map(Node::entries).unwrap_or_default().iter();
        LimitSettings {
            // In LiteLLM's examples 0 stands for no limit.
            max_parallel: self.default_max_parallel_requests.filter(|most| *most > 0),
            adaptive: self.adaptive_concurrency,
            max_calls: self.max_parallel_requests.filter(|most| *most > 0),
            max_answer: self.max_response_size_mb.filter(|most| *most > 0.0).map(bytes),
            vendors: map_of(entries.filter_map(|entry| Some((entry.key.clone(), budget(entry, report)?)))),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn bytes(mebibytes: f64) -> usize {
    (mebibytes.clamp(0.0, 1_048_576.0) * 1_048_576.0) as usize
}

fn budget(entry: &Entry, report: &mut Report) -> Option<BudgetConfig> {
    let node = &entry.value;
    let window = node.get_period("time_period").or_else(|| node.get_period("budget_duration"));
    let Some(limit) = node.get_text("budget_limit").or_else(|| node.get_text("max_budget")) else {
        let message = format!("the budget of `{}` has no `budget_limit`", entry.key);
        report.error(&entry.at, message).help("write for example `{budget_limit: 100, time_period: 1d}`");
        return None;
    };
    Some(BudgetConfig { limit: NanoDollars::parse(limit)?, window, place: entry.at.clone() })
}
