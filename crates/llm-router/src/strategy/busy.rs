//! The deployment with the fewest attempts under way.

use super::{Candidates, Strategy};
use crate::ask::Ask;

/// The fewest attempts under way, ties at random: a list's first one would get every burst.
#[derive(Debug)]
pub(super) struct LeastBusy;

impl Strategy for LeastBusy {
    fn pick(&self, candidates: &Candidates<'_>, _ask: &Ask<'_>) -> Option<usize> {
        candidates.lowest(|deployment| deployment.quota().in_flight())
    }
}
