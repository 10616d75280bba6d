//! Deployments that may answer the same public name.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::ask::Ask;
use crate::deployment::Deployment;
use crate::hedge::Hedge;
use crate::in_flight::InFlight;
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::settings::GroupSettings;
use crate::strategy::{BuiltIn, Chosen, Strategy};

/// Deployments under one public name or pattern.
pub struct Group {
    name: Pattern,
    /// Sorted by `order`, then as configured.
    deployments: Vec<Arc<Deployment>>,
    strategy: Arc<dyn Strategy>,
    /// For requests that ask for another strategy.
    others: HashMap<BuiltIn, Arc<dyn Strategy>>,
    settings: GroupSettings,
    hedge: Option<Box<Hedge>>,
}

/// A deployment's place in its group.
pub(crate) type Index = usize;

/// Deployments that were passed over, and why.
pub(crate) type Refused = SmallVec<[(Index, Rule); 4]>;

/// Which deployments of a group may be picked.
#[derive(Clone, Copy, Default)]
pub(crate) struct Among<'a> {
    /// Not these.
    pub avoid: &'a [Index],
    /// Only of priority levels above this one.
    pub above: Option<u32>,
}

impl Group {
    pub(crate) fn new(name: Pattern, strategy: &Chosen, settings: GroupSettings) -> Self {
        let others = BuiltIn::ALL.into_iter().map(|built_in| (built_in, built_in.make())).collect();
        let strategy = settings.strategy.as_ref().unwrap_or(strategy).make();
        let hedge = settings.hedge.map(|hedge| Box::new(Hedge::new(hedge)));
        Self { name, deployments: Vec::new(), strategy, others, settings, hedge }
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

    /// What the group says for itself.
    pub fn settings(&self) -> &GroupSettings {
        &self.settings
    }

    pub(crate) fn hedge(&self) -> Option<&Hedge> {
        self.hedge.as_deref()
    }

    /// Whether there are deployments above a priority level.
    pub(crate) fn has_above(&self, order: u32) -> bool {
        self.deployments.last().is_some_and(|last| last.order > order)
    }

    /// Begins an attempt at one of the deployments that may be picked, of the lowest priority level that has one with
    /// room. Those that were passed over are added to `refused`.
    pub(crate) fn pick(
        &self,
        asked: Option<BuiltIn>,
        ask: &Ask<'_>,
        among: Among<'_>,
        refused: &mut Refused,
    ) -> Option<(Index, InFlight)> {
        loop {
            let index = self.choose(asked, ask, among, refused)?;
            match self.deployments.get(index)?.admit(ask) {
                Ok(in_flight) => return Some((index, in_flight)),
                Err(rule) => refused.push((index, rule)),
            }
        }
    }

    /// Leaves out what would be refused before the strategy looks at the others.
    fn choose(
        &self,
        asked: Option<BuiltIn>,
        ask: &Ask<'_>,
        among: Among<'_>,
        refused: &mut Refused,
    ) -> Option<Index> {
        let mut indexes: SmallVec<[Index; 8]> = SmallVec::new();
        let mut candidates: SmallVec<[&Arc<Deployment>; 8]> = SmallVec::new();
        for (index, deployment) in self.deployments.iter().enumerate() {
            let is_out = among.above.is_some_and(|above| deployment.order <= above)
                || among.avoid.contains(&index)
                || refused.iter().any(|(one, _)| *one == index);
            if is_out {
                continue;
            }
            if candidates.first().is_some_and(|first| first.order != deployment.order) {
                break;
            }
            if let Err(rule) = deployment.check(ask) {
                refused.push((index, rule));
                continue;
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
