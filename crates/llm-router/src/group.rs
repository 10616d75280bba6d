//! Deployments that may answer the same public name.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::deployment::Deployment;
use crate::pattern::Pattern;
use crate::strategy::Strategy;

/// Deployments under one public name or pattern.
pub struct Group {
    name: Pattern,
    /// Sorted by `order`, then as configured.
    deployments: Vec<Arc<Deployment>>,
}

impl Group {
    pub(crate) fn new(name: Pattern) -> Self {
        Self { name, deployments: Vec::new() }
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

    /// The deployment for the next attempt: of the lowest priority level that has one outside `avoid`; when all
    /// were tried, of those in `avoid` that are not in `never`.
    pub(crate) fn pick(
        &self,
        strategy: &dyn Strategy,
        avoid: &[usize],
        never: &[usize],
    ) -> Option<&Arc<Deployment>> {
        self.pick_outside(strategy, avoid).or_else(|| self.pick_outside(strategy, never))
    }

    fn pick_outside(&self, strategy: &dyn Strategy, out: &[usize]) -> Option<&Arc<Deployment>> {
        let mut candidates: SmallVec<[&Arc<Deployment>; 8]> = SmallVec::new();
        for deployment in self.deployments.iter().filter(|one| !out.contains(&Arc::as_ptr(one).addr())) {
            if candidates.first().is_some_and(|first| first.order != deployment.order) {
                break;
            }
            candidates.push(deployment);
        }
        match candidates.as_slice() {
            [] => None,
            [only] => Some(only),
            several => several.get(strategy.pick(several)).copied(),
        }
    }
}
