//! Passages that rules propose, of which the better ones stay where they overlap.

use std::ops::Range;

/// A passage that a rule proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The number of the rule.
    pub(crate) rule: usize,
    /// Of two that overlap the one with the lower rank stays, or else the longer one.
    pub(crate) rank: u8,
}

impl Candidate {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    fn beats(&self, other: &Self) -> bool {
        (self.rank, other.end - other.start) < (other.rank, self.end - self.start)
    }
}

/// Sorts candidates and leaves those that overlap nothing better.
pub(crate) fn settle(candidates: &mut Vec<Candidate>) {
    candidates.sort_unstable_by_key(|candidate| (candidate.start, candidate.end, candidate.rank));
    candidates.dedup_by(|next, last| {
        if next.start >= last.end {
            return false;
        }
        if next.beats(last) {
            *last = *next;
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_of_two_that_overlap_stays() {
        let of = |start, end, rank| Candidate { start, end, rule: 0, rank };
        let mut all = vec![of(8, 20, 1), of(0, 10, 2), of(20, 22, 3), of(19, 30, 2)];
        settle(&mut all);
        assert_eq!(all, [of(8, 20, 1), of(20, 22, 3)]);
    }
}
