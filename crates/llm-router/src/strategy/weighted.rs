//! Strategies that follow weights: at random, and in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use llm_core::random;

use super::{Candidates, Strategy, at_random, lowest};
use crate::ask::Ask;
use crate::deployment::Deployment;

/// How often a place is drawn anew when it belongs to a deployment that is out. Then all are looked at.
const DRAWS: usize = 8;

/// The longest list of turns that is written down; longer ones are computed turn by turn.
const MAX_TURNS: u64 = 4_096;

/// 2^64 divided by the golden ratio: multiples of it, cut to 64 bits, are spread as evenly as can be (Knuth, The Art
/// of Computer Programming 3, 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Places on a line: each deployment has as many as its weight says.
#[derive(Debug)]
struct Weights {
    /// Where each deployment's places end.
    ends: Vec<u64>,
}

impl Weights {
    /// Weights as configured; where nobody has one, all have the same.
    fn of(level: &[Arc<Deployment>]) -> Self {
        let all_equal = level.iter().all(|deployment| deployment.weight == 0);
        Self::from(level.iter().map(|deployment| if all_equal { 1 } else { u64::from(deployment.weight) }))
    }

    fn from(weights: impl Iterator<Item = u64>) -> Self {
        let ends = weights.scan(0, |end: &mut u64, weight| {
            *end += weight;
            Some(*end)
        });
        Self { ends: ends.collect() }
    }

    fn total(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn at(&self, place: u64) -> usize {
        self.ends.partition_point(|end| *end <= place)
    }

    fn weight(&self, index: usize) -> u64 {
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        let end = self.ends.get(index).copied().unwrap_or(0);
        end - before.copied().unwrap_or(0)
    }

    /// The candidate whose share of the candidates' places `draw(their sum)` hits; when none has a place, any.
    fn among(&self, candidates: &Candidates<'_>, draw: impl Fn(u64) -> u64) -> Option<usize> {
        let total: u64 = candidates.iter().map(|(index, _)| self.weight(index)).sum();
        if total == 0 {
            return lowest(candidates.iter().map(|(index, _)| (index, 0)));
        }
        let mut place = draw(total);
        for (index, _) in candidates.iter() {
            let weight = self.weight(index);
            if place < weight {
                return Some(index);
            }
            place -= weight;
        }
        None
    }
}

/// At random. Deployments without a weight count only when none of the others is left.
#[derive(Debug)]
pub(super) struct Shuffle {
    weights: Weights,
}

impl Shuffle {
    pub(super) fn by_weight(level: &[Arc<Deployment>]) -> Self {
        Self { weights: Weights::of(level) }
    }

    pub(super) fn evenly(level: &[Arc<Deployment>]) -> Self {
        Self { weights: Weights::from(level.iter().map(|_| 1)) }
    }
}

impl Strategy for Shuffle {
    fn pick(&self, candidates: &Candidates<'_>, ask: &Ask<'_>) -> Option<usize> {
        let total = self.weights.total();
        // Drawing again until a candidate is hit gives each its share of those that are left.
        let mut draws = (0..DRAWS).map(|_| self.weights.at(random::below(total)));
        let hit = draws.find(|index| candidates.get(*index).is_some_and(|one| is_ready(one, ask)));
        hit.or_else(|| self.weights.among(candidates, random::below))
    }
}

/// Each in turn, as often as its weight says, the turns of each spread evenly over the round.
#[derive(Debug)]
pub(super) struct RoundRobin {
    weights: Weights,
    /// One round; empty when it would be too long.
    turns: Vec<u32>,
    next: AtomicU64,
}

impl RoundRobin {
    pub(super) fn new(level: &[Arc<Deployment>]) -> Self {
        let weights = Weights::of(level);
        let turns = turns(&weights);
        // Gateways that start together do not begin with the same deployment.
        let next = AtomicU64::new(at_random(turns.len()) as u64);
        Self { weights, turns, next }
    }

    fn turn(&self) -> usize {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let len = self.turns.len() as u64;
        match turn.checked_rem(len).and_then(|turn| self.turns.get(usize::try_from(turn).ok()?)) {
            Some(index) => *index as usize,
            None => self.weights.at(spread(turn, self.weights.total())),
        }
    }
}

impl Strategy for RoundRobin {
    fn pick(&self, candidates: &Candidates<'_>, ask: &Ask<'_>) -> Option<usize> {
        // A turn of one that is out is left out, so the others share it by their weights.
        let rounds = self.turns.len().clamp(DRAWS, DRAWS * DRAWS);
        let is_fit = |index: &usize| candidates.get(*index).is_some_and(|one| is_ready(one, ask));
        let hit = (0..rounds).map(|_| self.turn()).find(is_fit);
        let turn = || self.next.load(Ordering::Relaxed);
        hit.or_else(|| self.weights.among(candidates, |total| spread(turn(), total)))
    }
}

/// Whether a deployment takes its share; one that has just come back takes a part of it, as if by the rest of its
/// weight another were drawn.
fn is_ready(deployment: &Deployment, ask: &Ask<'_>) -> bool {
    let readiness = deployment.health().readiness(ask.now);
    #[expect(clippy::cast_precision_loss, reason = "below a thousand")]
    let drawn = || random::below(1_000) as f64 / 1_000.0;
    readiness >= 1.0 || drawn() < readiness
}

/// The place of a turn among `total`, so that turns that follow each other are far apart.
fn spread(turn: u64, total: u64) -> u64 {
    let wide = u128::from(turn.wrapping_mul(GOLDEN)) * u128::from(total);
    u64::try_from(wide >> 64).unwrap_or(0)
}

/// One round of smooth weighted round robin, as nginx does it: in each turn everybody gains their weight, the richest
/// one has the turn and pays the sum.
fn turns(weights: &Weights) -> Vec<u32> {
    let each: Vec<u64> = (0..weights.ends.len()).map(|index| weights.weight(index)).collect();
    let divisor = each.iter().copied().fold(0, greatest_common_divisor).max(1);
    let total = weights.total() / divisor;
    if total > MAX_TURNS || each.len() as u64 > MAX_TURNS {
        return Vec::new();
    }
    if each.iter().all(|weight| *weight == divisor) {
        return (0..u32::try_from(each.len()).unwrap_or(0)).collect();
    }
    let mut gained = vec![0_i128; each.len()];
    let mut turns = Vec::new();
    for _ in 0..total {
        for (gained, weight) in gained.iter_mut().zip(&each) {
            *gained += i128::from(weight / divisor);
        }
        let mut richest = 0;
        for (index, one) in gained.iter().enumerate() {
            if gained.get(richest).is_some_and(|most| one > most) {
                richest = index;
            }
        }
        if let Some(one) = gained.get_mut(richest) {
            *one -= i128::from(total);
        }
        turns.push(u32::try_from(richest).unwrap_or(0));
    }
    turns
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
