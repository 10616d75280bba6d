//! The deployment with the fewest attempts under way.

use super::{Candidates, Strategy};
use crate::ask::Ask;
use crate::deployment::Deployment;

/// The fewest attempts under way, ties at random: a list's first one would get every burst.
#[derive(Debug)]
pub(super) struct LeastBusy;

impl Strategy for LeastBusy {
    fn pick(&self, candidates: &Candidates<'_>, ask: &Ask<'_>) -> Option<usize> {
        // One that has just come back counts as busier than it is.
        let readiness = |deployment: &Deployment| deployment.health().readiness(ask.now);
        candidates.lowest(|one| f64::from(one.quota().in_flight() + 1) / readiness(one))
    }
}
