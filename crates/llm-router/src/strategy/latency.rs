//! The fastest deployment, by what was seen lately and by what is under way.

use super::{Candidates, Strategy, at_random};
use crate::ask::Ask;
use crate::deployment::Deployment;

/// How often a candidate is drawn before all are looked at.
const DRAWS: usize = 8;

/// Two at random, and the better of them: the slowest one gets the least, nobody is flooded, and a pick costs the same
/// among two as among a thousand (Mitzenmacher 2001). Better is the lower peak average of the time to the first token
/// (streams) or for each token of the answer, times the attempts under way. One that nobody asked yet, or not for a
/// while, is tried when it comes up, one attempt at a time.
#[derive(Debug)]
pub(super) struct LatencyBased;

impl Strategy for LatencyBased {
    fn pick(&self, candidates: &Candidates<'_>, ask: &Ask<'_>) -> Option<usize> {
        let first = draw(candidates, None)?;
        let Some(second) = draw(candidates, Some(first)) else { return Some(first) };
        let score = |index: usize| candidates.get(index).map_or(f64::MAX, |one| score(one, ask));
        Some(if score(second) < score(first) { second } else { first })
    }
}

/// A candidate at random, another one than `not`.
fn draw(candidates: &Candidates<'_>, not: Option<usize>) -> Option<usize> {
    let is_fit = |index: &usize| Some(*index) != not && candidates.get(*index).is_some();
    let drawn = (0..DRAWS).map(|_| at_random(candidates.level_len())).find(is_fit);
    drawn.or_else(|| {
        super::lowest(candidates.iter().map(|(index, _)| index).filter(is_fit).map(|index| (index, 0)))
    })
}

/// The expected time to wait there; the lower the better.
fn score(deployment: &Deployment, ask: &Ask<'_>) -> f64 {
    let in_flight = f64::from(deployment.quota().in_flight());
    match deployment.pace().expected(ask.stream, ask.now) {
        // One that has just come back counts as slower than it is.
        Some(seconds) => seconds * (in_flight + 1.0) / deployment.health().readiness(ask.now),
        // Nothing is known: worth an attempt, but not a second one before the first is over.
        None if in_flight == 0.0 => 0.0,
        None => f64::MAX,
    }
}
