//! Deployments that may answer the same public name.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::ask::Ask;
use crate::deployment::Deployment;
use crate::in_flight::InFlight;
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::strategy::{BuiltIn, Chosen, Strategy};
use crate::wait::{QueueSettings, Waiting};

/// Deployments under one public name or pattern.
pub struct Group {
    name: Pattern,
    /// Sorted by `order`, then as configured.
    deployments: Vec<Arc<Deployment>>,
    strategy: Arc<dyn Strategy>,
    /// For requests that ask for another strategy.
    others: HashMap<BuiltIn, Arc<dyn Strategy>>,
    /// Where calls wait for room; `None`: they do not.
    waiting: Option<Waiting>,
}

/// A deployment's place in its group.
pub(crate) type Index = usize;

/// Deployments that were passed over, and why.
pub(crate) type PassedOver = Vec<(Index, Rule)>;

impl Group {
    pub(crate) fn new(name: Pattern, strategy: &Chosen, queue: Option<QueueSettings>) -> Self {
        let others = BuiltIn::ALL.into_iter().map(|built_in| (built_in, built_in.make())).collect();
        Self {
            name,
            deployments: Vec::new(),
            strategy: strategy.make(),
            others,
            waiting: queue.map(Waiting::new),
        }
    }

    pub(crate) fn add(&mut self, deployment: Arc<Deployment>) {
        if let Some(waiting) = &self.waiting {
            deployment.quota().ring(waiting.bell());
        }
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

    /// How many calls wait for room.
    pub fn queue_length(&self) -> usize {
        self.waiting.as_ref().map_or(0, Waiting::length)
    }

    /// Where calls wait for room, if they do.
    pub(crate) fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
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
    ) -> Result<(Index, InFlight), PassedOver> {
        let mut refused = PassedOver::new();
        loop {
            let out = |index: &Index| avoid.contains(index) || refused.iter().any(|(one, _)| one == index);
            let Some(index) = self.choose(asked, ask, out) else { return Err(refused) };
            let Some(deployment) = self.deployments.get(index) else { return Err(refused) };
            match deployment.admit(ask) {
                Ok(in_flight) => return Ok((index, in_flight)),
                Err(rule) => {
                    refused.push((index, rule));
                    self.glance(ask, avoid, &mut refused);
                }
            }
        }
    }

    /// Where one is full, the others may be: those that are seen to be full without a lock are not even tried.
    fn glance(&self, ask: &Ask<'_>, avoid: &[Index], refused: &mut PassedOver) {
        if refused.len() != 1 {
            return;
        }
        let first = refused.first().map(|(index, _)| *index);
        for (index, deployment) in self.deployments.iter().enumerate() {
            if Some(index) != first
                && !avoid.contains(&index)
                && let Some(rule) = deployment.quota().glance(ask.now)
            {
                refused.push((index, rule));
            }
        }
    }

    fn choose(&self, asked: Option<BuiltIn>, ask: &Ask<'_>, out: impl Fn(&Index) -> bool) -> Option<Index> {
        let mut indexes: SmallVec<[Index; 8]> = SmallVec::new();
        let mut candidates: SmallVec<[&Arc<Deployment>; 8]> = SmallVec::new();
        for (index, deployment) in self.deployments.iter().enumerate().filter(|(index, _)| !out(index)) {
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
