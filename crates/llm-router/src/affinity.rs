//! The same conversation to the same deployment while that is up: its prompt is in a cache there.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::strategy::Candidates;

/// What makes requests stay with a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affinity {
    /// The session that a client names.
    pub session: bool,
    /// The beginning of the conversation: its first two messages and the system prompt.
    pub conversation: bool,
}

/// The candidate that a session belongs to: the one with the highest score by session and deployment (rendezvous
/// hashing, Thaler and Ravishankar 1996, with weights). Nothing is remembered, so all gateways agree; when a deployment
/// goes, only its own sessions move, and they come back with it.
pub(crate) fn pick(candidates: &Candidates<'_>, session: u64) -> Option<usize> {
    let has_weights = candidates.iter().any(|(_, one)| one.weight > 0);
    let score = |(index, deployment): (usize, &std::sync::Arc<crate::Deployment>)| {
        let weight = if has_weights { f64::from(deployment.weight) } else { 1.0 };
        (index, -weight / libm::log(unit(session, &deployment.id)))
    };
    candidates.iter().map(score).max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(index, _)| index)
}

/// A number between 0 and 1, the same for the same two on every machine.
#[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
fn unit(session: u64, deployment: &str) -> f64 {
    // Its keys are fixed; a hash of std may change with the toolchain, which moves sessions once.
    let mut hasher = DefaultHasher::new();
    session.hash(&mut hasher);
    deployment.hash(&mut hasher);
    ((hasher.finish() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}
