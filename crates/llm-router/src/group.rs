//! Deployments that may answer the same public name.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::affinity;
use crate::ask::Ask;
use crate::deployment::Deployment;
use crate::in_flight::InFlight;
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::strategy::{BuiltIn, Candidates, Chosen, Strategy};

/// Deployments under one public name or pattern.
pub struct Group {
    name: Pattern,
    /// Sorted by `order`, then as configured.
    deployments: Vec<Arc<Deployment>>,
    /// Deployments of the same `order`, the lowest first.
    levels: Vec<Level>,
}

/// A deployment's place in its group.
pub(crate) type Index = usize;

/// The deployments of one priority level.
struct Level {
    range: Range<Index>,
    strategy: Arc<dyn Strategy>,
    /// For requests that ask for another strategy.
    others: [OnceLock<Arc<dyn Strategy>>; BuiltIn::ALL.len()],
}

impl Group {
    pub(crate) fn new(name: Pattern, mut deployments: Vec<Arc<Deployment>>, strategy: &Chosen) -> Self {
        deployments.sort_by_key(|deployment| deployment.order);
        let (mut levels, mut start) = (Vec::new(), 0);
        for level in deployments.chunk_by(|one, next| one.order == next.order) {
            let range = start..start + level.len();
            start = range.end;
            levels.push(Level { range, strategy: strategy.make(level), others: Default::default() });
        }
        Self { name, deployments, levels }
    }

    /// The public name or pattern.
    pub fn name(&self) -> &Pattern {
        &self.name
    }

    /// All deployments, by priority level.
    pub fn deployments(&self) -> &[Arc<Deployment>] {
        &self.deployments
    }

    /// Begins an attempt at a deployment outside `avoid`, of the lowest priority level that has one with room.
    ///
    /// # Errors
    /// Why each deployment outside `avoid` was passed over; empty when there is none outside.
    pub(crate) fn pick(
        &self,
        asked: Option<BuiltIn>,
        ask: &Ask<'_>,
        avoid: &[Index],
    ) -> Result<(Index, InFlight), SmallVec<[(Index, Rule); 4]>> {
        let mut refused: SmallVec<[(Index, Rule); 4]> = SmallVec::new();
        for level in &self.levels {
            let deployments = self.deployments.get(level.range.clone()).unwrap_or_default();
            loop {
                let is_out = |at: usize| {
                    let index = level.range.start + at;
                    avoid.contains(&index) || refused.iter().any(|(one, _)| *one == index)
                };
                let candidates = Candidates::new(deployments, &is_out);
                let picked = match ask.session {
                    Some(session) => affinity::pick(&candidates, session),
                    None => level.strategy(asked, deployments).pick(&candidates, ask),
                };
                let Some((at, deployment)) = picked.and_then(|at| Some((at, candidates.get(at)?))) else {
                    break;
                };
                let index = level.range.start + at;
                match deployment.admit(ask) {
                    Ok(in_flight) => return Ok((index, in_flight)),
                    Err(rule) => refused.push((index, rule)),
                }
            }
        }
        Err(refused)
    }
}

impl Level {
    /// The strategy of a request: the group's, or the built-in one that it asks for.
    fn strategy(&self, asked: Option<BuiltIn>, deployments: &[Arc<Deployment>]) -> &dyn Strategy {
        let other = asked.and_then(|built_in| {
            let place = BuiltIn::ALL.iter().position(|one| *one == built_in)?;
            Some(self.others.get(place)?.get_or_init(|| built_in.make(deployments)))
        });
        other.unwrap_or(&self.strategy).as_ref()
    }
}
