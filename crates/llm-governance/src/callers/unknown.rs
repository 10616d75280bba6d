//! Keys that nobody has: remembered for a short time, so that asking for one again costs nothing.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::generations::{Freshness, Generations, State, Tick};
use crate::hash::KeyHash;

/// Parts that are locked apart.
const SHARDS: usize = 16;

/// Keys that nobody has.
pub(crate) struct Unknown {
    shards: [Mutex<HashMap<KeyHash, Freshness>>; SHARDS],
    /// Of each shard.
    capacity: usize,
    most: Tick,
}

impl Unknown {
    pub(crate) fn new(capacity: usize, time_to_live: Duration) -> Self {
        Self {
            shards: Default::default(),
            capacity: capacity.div_ceil(SHARDS).max(1),
            most: u32::try_from(time_to_live.as_millis() / 100).unwrap_or(u32::MAX),
        }
    }

    /// Whether nobody had it a short time ago, and none was made since.
    pub(crate) fn holds(&self, key: &KeyHash, generations: &Generations) -> bool {
        let shard = self.shard(key).lock();
        shard.get(key).is_some_and(|freshness| generations.state(freshness, self.most) == State::Fresh)
    }

    /// Nobody has it.
    pub(crate) fn note(&self, key: &KeyHash, freshness: Freshness, generations: &Generations) {
        let mut shard = self.shard(key).lock();
        if shard.len() >= self.capacity {
            shard.retain(|_, freshness| generations.state(freshness, self.most) == State::Fresh);
        }
        if shard.len() >= self.capacity {
            // Somebody guesses faster than memory forgets: the limit on addresses is what stops that.
            shard.clear();
        }
        shard.insert(*key, freshness);
    }

    fn shard(&self, key: &KeyHash) -> &Mutex<HashMap<KeyHash, Freshness>> {
        &self.shards[usize::from(key.0[0]) % SHARDS]
    }
}
