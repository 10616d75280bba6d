//! How one of several deployments is picked.

mod busy;
mod cost;
mod latency;
mod usage;
mod weighted;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use llm_core::{Error, Result, random};

use crate::ask::Ask;
use crate::deployment::Deployment;

use busy::LeastBusy;
use cost::CostBased;
use latency::LatencyBased;
use usage::UsageBased;
use weighted::{RoundRobin, Shuffle};

/// Picks one of several deployments. Implement it for a strategy of your own.
///
/// # Behavior
/// - Called for each attempt, from many threads at once; must not block.
/// - The result is an index that [`Candidates::get`] gives a deployment for; `None` when it gives none for any.
/// - What it picks may turn out to be full: then it is asked again, without that one.
pub trait Strategy: Send + Sync + 'static {
    /// The index of the deployment to use.
    fn pick(&self, candidates: &Candidates<'_>, ask: &Ask<'_>) -> Option<usize>;
}

/// The deployments of one priority level of a group, and which of them may be picked.
#[derive(Clone, Copy)]
pub struct Candidates<'a> {
    level: &'a [Arc<Deployment>],
    is_out: &'a (dyn Fn(usize) -> bool + 'a),
}

impl<'a> Candidates<'a> {
    /// The deployments of a level without those that are out.
    pub fn new(level: &'a [Arc<Deployment>], is_out: &'a (dyn Fn(usize) -> bool + 'a)) -> Self {
        Self { level, is_out }
    }

    /// How many deployments the level has, those that are out included.
    pub fn level_len(&self) -> usize {
        self.level.len()
    }

    /// The deployment of an index, if it may be picked.
    pub fn get(&self, index: usize) -> Option<&'a Arc<Deployment>> {
        self.level.get(index).filter(|_| !(self.is_out)(index))
    }

    /// All that may be picked, with their indexes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &'a Arc<Deployment>)> {
        (0..self.level.len()).filter_map(|index| Some((index, self.get(index)?)))
    }

    /// The one with the lowest score, ties at random; of a large level only some, picked at random, are looked at.
    pub fn lowest<Score: PartialOrd>(&self, score: impl Fn(&Deployment) -> Score) -> Option<usize> {
        let whole = || lowest(self.iter().map(|(index, deployment)| (index, score(deployment))));
        if self.level.len() <= LOOKED_AT_WHOLE {
            return whole();
        }
        let sample = (0..SAMPLE).filter_map(|_| {
            let index = at_random(self.level.len());
            Some((index, score(self.get(index)?)))
        });
        lowest(sample).or_else(whole)
    }
}

/// Up to so many deployments of a level, a strategy that compares looks at each of them.
const LOOKED_AT_WHOLE: usize = 64;

/// Of more, it looks at so many: the best of sixteen is among the best tenth four times out of five, and no pick
/// depends on how many there are.
const SAMPLE: usize = 16;

/// The index of the lowest score, ties at random.
fn lowest<Score: PartialOrd>(scored: impl Iterator<Item = (usize, Score)>) -> Option<usize> {
    let mut best: Option<(usize, Score)> = None;
    let mut ties = 1;
    for (index, score) in scored {
        match &best {
            Some((_, lowest)) if score > *lowest => continue,
            Some((_, lowest)) if score == *lowest => {
                ties += 1;
                if random::below(ties) != 0 {
                    continue;
                }
            }
            _ => ties = 1,
        }
        best = Some((index, score));
    }
    best.map(|(index, _)| index)
}

fn at_random(below: usize) -> usize {
    usize::try_from(random::below(below as u64)).unwrap_or(0)
}

/// A strategy of this crate's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    /// At random, by weight.
    #[default]
    SimpleShuffle,
    /// Each in turn, by weight, evenly spread.
    RoundRobin,
    /// At random, whatever the weights.
    Random,
    /// The first one in the order of the configuration.
    FirstAvailable,
    /// The one with the fewest attempts under way.
    LeastBusy,
    /// The one with the lowest share of its limits in use.
    UsageBased,
    /// The fastest one, by what was seen lately and what is under way.
    LatencyBased,
    /// The cheapest one for the request.
    CostBased,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SimpleShuffle,
        Self::RoundRobin,
        Self::Random,
        Self::FirstAvailable,
        Self::LeastBusy,
        Self::UsageBased,
        Self::LatencyBased,
        Self::CostBased,
    ];

    /// Its name, as it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::SimpleShuffle => "simple-shuffle",
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
            Self::FirstAvailable => "first_available",
            Self::LeastBusy => "least-busy",
            Self::UsageBased => "usage-based",
            Self::LatencyBased => "latency-based",
            Self::CostBased => "cost-based",
        }
    }

    /// A strategy that has picked nothing yet, for one priority level of a group.
    pub fn make(self, level: &[Arc<Deployment>]) -> Arc<dyn Strategy> {
        match self {
            Self::SimpleShuffle => Arc::new(Shuffle::by_weight(level)),
            Self::RoundRobin => Arc::new(RoundRobin::new(level)),
            Self::Random => Arc::new(Shuffle::evenly(level)),
            Self::FirstAvailable => Arc::new(FirstAvailable),
            Self::LeastBusy => Arc::new(LeastBusy),
            Self::UsageBased => Arc::new(UsageBased),
            Self::LatencyBased => Arc::new(LatencyBased),
            Self::CostBased => Arc::new(CostBased::new(level)),
        }
    }
}

impl FromStr for BuiltIn {
    type Err = Error;

    /// A built-in strategy by its name, with `-` or `_`, or by LiteLLM's.
    fn from_str(name: &str) -> Result<Self> {
        match name.replace('_', "-").as_str() {
            "simple-shuffle" | "weighted" | "weighted-random" => Ok(Self::SimpleShuffle),
            "round-robin" | "weighted-round-robin" => Ok(Self::RoundRobin),
            "random" => Ok(Self::Random),
            "first-available" | "priority" => Ok(Self::FirstAvailable),
            "least-busy" => Ok(Self::LeastBusy),
            "usage-based" | "usage-based-routing" | "usage-based-routing-v2" => Ok(Self::UsageBased),
            "latency-based" | "latency-based-routing" => Ok(Self::LatencyBased),
            "cost-based" | "cost-based-routing" => Ok(Self::CostBased),
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

    /// The strategy for one priority level of a group.
    pub(crate) fn make(&self, level: &[Arc<Deployment>]) -> Arc<dyn Strategy> {
        match self {
            Self::BuiltIn(built_in) => built_in.make(level),
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

/// The first one in the order of the configuration.
#[derive(Debug)]
struct FirstAvailable;

impl Strategy for FirstAvailable {
    fn pick(&self, candidates: &Candidates<'_>, _ask: &Ask<'_>) -> Option<usize> {
        candidates.iter().next().map(|(index, _)| index)
    }
}
