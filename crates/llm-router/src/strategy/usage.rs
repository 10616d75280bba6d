//! The deployment with the lowest share of its limits in use.

use super::{Candidates, Strategy};
use crate::ask::Ask;
use crate::deployment::Deployment;

/// The lowest share of `tpm` and `rpm` in use, whichever is higher; where one has no limits, the fewest tokens in the
/// last minute. The limits themselves are kept by [`crate::quota`], exactly.
#[derive(Debug)]
pub(super) struct UsageBased;

impl Strategy for UsageBased {
    fn pick(&self, candidates: &Candidates<'_>, ask: &Ask<'_>) -> Option<usize> {
        let has_limits = |deployment: &Deployment| {
            let spec = deployment.quota().spec();
            spec.tpm.is_some() || spec.rpm.is_some()
        };
        let all_have_limits = candidates.iter().take(super::LOOKED_AT_WHOLE).all(|(_, one)| has_limits(one));
        candidates.lowest(|deployment| {
            let used = deployment.pace().used(ask.now, deployment.quota().in_flight());
            if !all_have_limits {
                return used.tokens;
            }
            let share = |used: f64, limit: Option<u64>| {
                #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
                limit.map_or(0.0, |limit| used / (limit.max(1) as f64))
            };
            let spec = deployment.quota().spec();
            share(used.tokens, spec.tpm).max(share(used.requests, spec.rpm))
        })
    }
}
