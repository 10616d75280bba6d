//! How one of several deployments is picked.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use llm_core::{Error, Result, random};

use crate::ask::Ask;
use crate::deployment::Deployment;

/// Picks one of several deployments. Implement it for a strategy of your own.
///
/// # Behavior
/// - `candidates` has at least one element; the result is an index into it.
/// - Called for each attempt, from many threads at once; must not block.
pub trait Strategy: Send + Sync + 'static {
    /// The index of the deployment to use.
    fn pick(&self, candidates: &[&Arc<Deployment>], ask: &Ask<'_>) -> usize;
}

/// A strategy of this crate's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    /// At random, by weight.
    #[default]
    SimpleShuffle,
    /// Each in turn, by weight.
    RoundRobin,
    /// The first one in the order of the configuration.
    FirstAvailable,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SimpleShuffle, Self::RoundRobin, Self::FirstAvailable];

    /// Its name, as it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::SimpleShuffle => "simple-shuffle",
            Self::RoundRobin => "round_robin",
            Self::FirstAvailable => "first_available",
        }
    }

    /// A strategy that has picked nothing yet. What it remembers belongs to one group.
    pub fn make(self) -> Arc<dyn Strategy> {
        match self {
            Self::SimpleShuffle => Arc::new(Shuffle),
            Self::RoundRobin => Arc::new(RoundRobin::default()),
            Self::FirstAvailable => Arc::new(FirstAvailable),
        }
    }
}

impl FromStr for BuiltIn {
    type Err = Error;

    /// A built-in strategy by its name, with `-` or `_`, or by LiteLLM's.
    fn from_str(name: &str) -> Result<Self> {
        match name.replace('_', "-").as_str() {
            "simple-shuffle" | "random" | "weighted-random" => Ok(Self::SimpleShuffle),
            "round-robin" => Ok(Self::RoundRobin),
            "first-available" | "priority" => Ok(Self::FirstAvailable),
            _ => {
                let known = Self::ALL.map(Self::name).join(", ");
                let message = format!("unknown load balance strategy `{name}`: use one of {known}");
                Err(Error::invalid(message).with_param("load_balance_strategy"))
            }
        }
    }
}

/// The strategy of a router or a group.
#[derive(Clone)]
pub enum Chosen {
    /// One of this crate's.
    BuiltIn(BuiltIn),
    /// One of the embedding program's, which all its groups share.
    Own(Arc<dyn Strategy>),
}

impl Chosen {
    /// Its name, as it is shown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BuiltIn(built_in) => built_in.name(),
            Self::Own(_) => "own",
        }
    }

    /// The strategy for a group.
    pub(crate) fn make(&self) -> Arc<dyn Strategy> {
        match self {
            Self::BuiltIn(built_in) => built_in.make(),
            Self::Own(own) => Arc::clone(own),
        }
    }
}

impl Default for Chosen {
    fn default() -> Self {
        Self::BuiltIn(BuiltIn::default())
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Each in turn, by weight.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicUsize,
}

impl Strategy for RoundRobin {
    fn pick(&self, candidates: &[&Arc<Deployment>], _ask: &Ask<'_>) -> usize {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        by_weight(candidates, |total| turn as u64 % total)
    }
}

/// At random, by weight: deployments without a weight count only when none has one.
#[derive(Debug, Default)]
pub struct Shuffle;

impl Strategy for Shuffle {
    fn pick(&self, candidates: &[&Arc<Deployment>], _ask: &Ask<'_>) -> usize {
        by_weight(candidates, random::below)
    }
}

/// The first one in the order of the configuration that has not failed in this call.
#[derive(Debug)]
pub struct FirstAvailable;

impl Strategy for FirstAvailable {
    fn pick(&self, _candidates: &[&Arc<Deployment>], _ask: &Ask<'_>) -> usize {
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
