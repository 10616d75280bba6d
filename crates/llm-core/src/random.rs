//! Random numbers for spreading load, jitter and ids; never for secrets. They ask the system once a thread, and threads
//! share nothing.

use std::cell::Cell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish());
}

/// The next number of this thread: SplitMix64 (Steele, Lea, Flood 2014).
pub fn next() -> u64 {
    STATE.with(|state| {
        let step = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        state.set(step);
        let mixed = (step ^ (step >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

/// A number in `0..bound`; 0 for an empty range.
pub fn below(bound: u64) -> u64 {
    next().checked_rem(bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let seen: std::collections::HashSet<u64> = (0..1_000).map(|_| below(7)).collect();
        assert_eq!(seen.len(), 7);
        assert!(seen.iter().all(|number| *number < 7));
        assert_eq!(below(0), 0);
    }
}
