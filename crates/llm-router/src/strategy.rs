//! How one of several deployments is picked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use llm_core::{Error, Result, random};

use crate::deployment::Deployment;

/// Picks one of several deployments. Implement it for a strategy of your own.
///
/// # Behavior
/// - `candidates` has at least one element; the result is an index into it.
/// - Called for each attempt, from many threads at once; must not block.
pub trait Strategy: Send + Sync + 'static {
    /// The index of the deployment to use.
    fn pick(&self, candidates: &[&Arc<Deployment>]) -> usize;
}

/// Every built-in strategy by its name, with `-` or `_`.
///
/// # Errors
/// When there is none of this name.
pub fn strategy_named(name: &str) -> Result<Arc<dyn Strategy>> {
    match name.replace('_', "-").as_str() {
        "simple-shuffle" | "random" | "weighted-random" => Ok(Arc::new(Shuffle)),
        "round-robin" => Ok(Arc::new(RoundRobin::default())),
        "first-available" | "priority" => Ok(Arc::new(FirstAvailable)),
        _ => Err(Error::invalid(format!(
            "unknown load balance strategy `{name}`: use simple-shuffle, random, round_robin or first_available"
        ))
        .with_param("load_balance_strategy")),
    }
}

/// Each in turn, by weight.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicUsize,
}

impl Strategy for RoundRobin {
    fn pick(&self, candidates: &[&Arc<Deployment>]) -> usize {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        by_weight(candidates, |total| turn as u64 % total)
    }
}

/// At random, by weight: deployments without a weight count only when none has one.
#[derive(Debug, Default)]
pub struct Shuffle;

impl Strategy for Shuffle {
    fn pick(&self, candidates: &[&Arc<Deployment>]) -> usize {
        by_weight(candidates, random::below)
    }
}

/// The first one in the order of the configuration that has not failed in this call.
#[derive(Debug)]
pub struct FirstAvailable;

impl Strategy for FirstAvailable {
    fn pick(&self, _candidates: &[&Arc<Deployment>]) -> usize {
        0
    }
}

/// The candidate in whose share of the sum of weights `place(sum)` falls.
fn by_weight(candidates: &[&Arc<Deployment>], place: impl FnOnce(u64) -> u64) -> usize {
    let total: u64 = candidates.iter().map(|candidate| u64::from(candidate.weight)).sum();
    if total == 0 {
        return usize::try_from(place(candidates.len() as u64)).unwrap_or(0);
    }
    let mut place = place(total);
    for (index, candidate) in candidates.iter().enumerate() {
        let weight = u64::from(candidate.weight);
        if place < weight {
            return index;
        }
        place -= weight;
    }
    0
}
