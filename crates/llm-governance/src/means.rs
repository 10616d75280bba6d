//! What calls cost on average, by model and by caller: held before a call where budgets may be passed a little.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use parking_lot::Mutex;

/// Averages are kept under as many locks, and so many under each.
const SHARDS: usize = 16;
const MOST: usize = 4_096;

/// An average of fewer calls says nothing.
const ENOUGH: u32 = 8;

/// How much a call counts: the sixteenth part.
const WEIGHT: i64 = 16;

/// Averages of nano-dollars.
#[derive(Debug, Default)]
pub(crate) struct Means {
    shards: [Mutex<HashMap<u64, Mean>>; SHARDS],
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Mean {
    calls: u32,
    cost: i64,
}

impl Means {
    /// What a call of this caller for this model costs, as far as that is known; otherwise one of anybody.
    pub(crate) fn of(&self, model: &str, caller: Option<&[u8]>) -> Option<i64> {
        let own = caller.and_then(|caller| self.read(self.hasher.hash_one((model, caller))));
        own.or_else(|| self.read(self.hasher.hash_one(model)))
    }

    /// A call has cost this much.
    pub(crate) fn learn(&self, model: &str, caller: Option<&[u8]>, cost: i64) {
        self.write(self.hasher.hash_one(model), cost);
        if let Some(caller) = caller {
            self.write(self.hasher.hash_one((model, caller)), cost);
        }
    }

    fn shard(&self, name: u64) -> &Mutex<HashMap<u64, Mean>> {
        &self.shards[usize::try_from(name).unwrap_or_default() % SHARDS]
    }

    fn read(&self, name: u64) -> Option<i64> {
        let mean = self.shard(name).lock().get(&name).copied();
        mean.filter(|mean| mean.calls >= ENOUGH).map(|mean| mean.cost)
    }

    fn write(&self, name: u64, cost: i64) {
        let mut means = self.shard(name).lock();
        if means.len() >= MOST && !means.contains_key(&name) {
            // What is asked for often is learnt again at once.
            means.clear();
        }
        let mean = means.entry(name).or_insert(Mean { calls: 0, cost });
        // The first calls count alike; after that the latest ones count more.
        mean.calls = mean.calls.saturating_add(1);
        mean.cost += (cost - mean.cost) / i64::from(mean.calls).min(WEIGHT);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn averages_follow_costs_and_callers_have_their_own() {
        let means = Means::default();
        assert_eq!(means.of("m", None), None);
        for _ in 0..8 {
            means.learn("m", Some(b"dear"), 1_000);
        }
        assert_eq!((means.of("m", None), means.of("m", Some(b"dear"))), (Some(1_000), Some(1_000)));
        for _ in 0..200 {
            means.learn("m", Some(b"cheap"), 10);
        }
        assert_eq!(means.of("m", Some(b"dear")), Some(1_000));
        assert!(means.of("m", Some(b"new")).is_some_and(|cost| cost < 100));
        assert_eq!(means.of("other", Some(b"dear")), None);
    }
}
