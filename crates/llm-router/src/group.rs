//! Deployments that may answer the same public name.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::ask::Ask;
use crate::deployment::Deployment;
use crate::health::trouble;
use crate::in_flight::InFlight;
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::strategy::{BuiltIn, Chosen, Strategy};

/// Deployments under one public name or pattern.
pub struct Group {
    name: Pattern,
    /// Sorted by `order`, then as configured.
    deployments: Vec<Arc<Deployment>>,
    strategy: Arc<dyn Strategy>,
    /// For requests that ask for another strategy.
    others: HashMap<BuiltIn, Arc<dyn Strategy>>,
}

/// A deployment's place in its group.
pub(crate) type Index = usize;

/// Deployments that were passed over, and why.
pub(crate) type Refused = Vec<(Index, Rule)>;

impl Group {
    pub(crate) fn new(name: Pattern, strategy: &Chosen) -> Self {
        let others = BuiltIn::ALL.into_iter().map(|built_in| (built_in, built_in.make())).collect();
        Self { name, deployments: Vec::new(), strategy: strategy.make(), others }
    }

    pub(crate) fn add(&mut self, deployment: Arc<Deployment>) {
        let at = self.deployments.partition_point(|known| known.order <= deployment.order);
        self.deployments.insert(at, deployment);
    }

    /// The public name or pattern.
    pub fn name(&self) -> &Pattern {
        &self.name
    }

    /// All deployments, by priority level.
    pub fn deployments(&self) -> &[Arc<Deployment>] {
        &self.deployments
    }

    /// The strategy of a request: the group's, or the built-in one that it asks for.
    fn strategy(&self, asked: Option<BuiltIn>) -> &dyn Strategy {
        let other = asked.and_then(|built_in| self.others.get(&built_in));
        other.unwrap_or(&self.strategy).as_ref()
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
    ) -> Result<(Index, InFlight), Refused> {
        let mut refused = Refused::new();
        loop {
            let out = |index: &Index| avoid.contains(index) || refused.iter().any(|(one, _)| one == index);
            let chosen =
                self.choose(asked, ask, out).and_then(|index| Some((index, self.deployments.get(index)?)));
            let Some((index, deployment)) = chosen else {
                return Err(self.all_refused(ask, avoid, refused));
            };
            match deployment.admit(ask) {
                Ok(in_flight) => return Ok((index, in_flight)),
                Err(rule) => refused.push((index, rule)),
            }
        }
    }

    /// Begins an attempt at the benched deployment that is the first to come back: better than none.
    pub(crate) fn insist(&self, ask: &Ask<'_>, refused: &[(Index, Rule)]) -> Option<(Index, InFlight)> {
        let benched = refused.iter().filter_map(|(index, rule)| match rule {
            Rule::CoolingDown { until } => Some((*until, *index)),
            _ => None,
        });
        let mut benched: SmallVec<[_; 8]> = benched.collect();
        benched.sort_unstable();
        let ask = ask.insisting();
        benched
            .into_iter()
            .find_map(|(_, index)| Some((index, self.deployments.get(index)?.admit(&ask).ok()?)))
    }

    /// Adds why deployments were not even candidates.
    fn all_refused(&self, ask: &Ask<'_>, avoid: &[Index], mut refused: Refused) -> Refused {
        for (index, deployment) in self.deployments.iter().enumerate() {
            let known = avoid.contains(&index) || refused.iter().any(|(one, _)| *one == index);
            if let Some(rule) = deployment.benched(ask).filter(|_| !known) {
                refused.push((index, rule));
            }
        }
        refused
    }

    fn choose(&self, asked: Option<BuiltIn>, ask: &Ask<'_>, out: impl Fn(&Index) -> bool) -> Option<Index> {
        let mut indexes: SmallVec<[Index; 8]> = SmallVec::new();
        let mut candidates: SmallVec<[&Arc<Deployment>; 8]> = SmallVec::new();
        let troubled = trouble::any(ask.now);
        for (index, deployment) in self.deployments.iter().enumerate().filter(|(index, _)| !out(index)) {
            if troubled && deployment.benched(ask).is_some() {
                continue;
            }
            if candidates.first().is_some_and(|first| first.order != deployment.order) {
                break;
            }
            indexes.push(index);
            candidates.push(deployment);
        }
        match candidates.as_slice() {
            [] => None,
            [_] => indexes.first().copied(),
            several => indexes.get(self.strategy(asked).pick(several, ask)).copied(),
        }
    }
}
