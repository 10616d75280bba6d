//! What was looked up, in memory: found without waiting, asked for once at a time, bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::future::BoxFuture;
use llm_core::{ErrorKind, Result};
use parking_lot::{Mutex, RwLock};
use tokio::sync::OnceCell;

use super::generations::{Freshness, Generations, State, Tick};
use super::unreachable;
use crate::store::StoreError;

/// Parts that are locked apart.
const SHARDS: usize = 256;

/// How long whoever is known waits for news of itself before the old ones do.
const REFRESH_PATIENCE: Duration = Duration::from_millis(250);

/// For how long those who are known are served without asking, after nobody answered.
const PAUSE: Tick = 10;

/// How often a caller waits for somebody else's question before it takes an answer that may be out of date.
const MOST_FLIGHTS: usize = 3;

/// Something that is kept under a key.
pub(crate) trait Kept: Send + Sync + 'static {
    /// What it is found by.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;

    /// Whether it is what this key means.
    fn is(&self, key: &Self::Key) -> bool;

    /// What it hangs on.
    fn freshness(&self) -> &Freshness;

    /// Whether it is still true; `most` is for how long it may be without being read again.
    fn state(&self, generations: &Generations, most: Tick) -> State {
        generations.state(self.freshness(), most)
    }
}

type Shard<V> = RwLock<HashMap<u64, Arc<V>, BuildHasherDefault<Given>>>;
type Answer<V> = OnceCell<Result<Option<Arc<V>>>>;
type Flights<V> = Mutex<HashMap<<V as Kept>::Key, Arc<Answer<V>>>>;

/// What was looked up.
pub(crate) struct Cache<V: Kept> {
    shards: Box<[Shard<V>]>,
    flights: Box<[Flights<V>]>,
    hasher: RandomState,
    /// Of each shard.
    capacity: usize,
    /// For how long it is not read again.
    most: Tick,
    /// How long one waits that is not known.
    patience: Duration,
    quiet: AtomicU32,
}

/// How a cache keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    pub(crate) capacity: usize,
    pub(crate) time_to_live: Duration,
    pub(crate) patience: Duration,
}

impl<V: Kept> Cache<V> {
    pub(crate) fn new(keeping: Keeping) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            flights: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            // Keys do not fall on shards evenly: an eighth more, so that as many as wanted find room.
            capacity: (keeping.capacity / 8 * 9).div_ceil(SHARDS).max(1),
            most: u32::try_from(keeping.time_to_live.as_millis() / 100).unwrap_or(u32::MAX),
            patience: keeping.patience,
            quiet: AtomicU32::new(0),
        }
    }

    /// What is known, and whether it may be used.
    pub(crate) fn known(&self, key: &V::Key, generations: &Generations) -> Option<(Arc<V>, State)> {
        let hash = self.hasher.hash_one(key);
        let found = Arc::clone(self.shard(hash).read().get(&hash)?);
        let state = found.state(generations, self.most);
        found.is(key).then_some((found, state))
    }

    /// What is known, or what `load` says. Of all that ask at the same time, one calls `load`; whoever is known
    /// already is given what is known while it does, and when it fails.
    ///
    /// Dropping the future gives the question to the next one that waits.
    pub(crate) async fn find<'l>(
        &self,
        key: &V::Key,
        generations: &Generations,
        load: impl Fn(Option<Arc<V>>) -> BoxFuture<'l, Result<Option<Arc<V>>>>,
    ) -> Result<Option<Arc<V>>> {
        let hash = self.hasher.hash_one(key);
        let mut answer = None;
        for _ in 0..MOST_FLIGHTS {
            let known = self.known(key, generations);
            let (old, patience) = match known {
                Some((known, State::Fresh)) => return Ok(Some(known)),
                Some((known, State::Aged)) if self.must_not_wait(hash, key, generations) => {
                    return Ok(Some(known));
                }
                Some((known, State::Aged)) => (Some(known), REFRESH_PATIENCE),
                Some((known, State::Changed)) => (Some(known), self.patience),
                None => (None, self.patience),
            };
            let aged = old.as_ref().filter(|_| patience == REFRESH_PATIENCE).cloned();
            let asking = async || self.ask(hash, generations, patience, load(old.clone())).await;
            let (mine, found) = self.share(hash, key, asking).await;
            match (found, aged) {
                (Err(error), Some(aged)) if error.kind() == ErrorKind::Overloaded => return Ok(Some(aged)),
                (Err(error), _) => return Err(error),
                (Ok(found), _) if mine || found.is_none() => return Ok(found),
                // Somebody else's question may be older than the change that made this one necessary.
                (Ok(found), _) => answer = found,
            }
        }
        Ok(answer)
    }

    /// Whether somebody asks already, or nobody answered just now.
    fn must_not_wait(&self, hash: u64, key: &V::Key, generations: &Generations) -> bool {
        generations.tick() < self.quiet.load(Relaxed) || self.flight(hash).lock().contains_key(key)
    }

    async fn ask(
        &self,
        hash: u64,
        generations: &Generations,
        patience: Duration,
        load: BoxFuture<'_, Result<Option<Arc<V>>>>,
    ) -> Result<Option<Arc<V>>> {
        let late = |_| unreachable(&StoreError::Unavailable("it did not answer in time".to_owned()));
        let found = tokio::time::timeout(patience, load).await.map_err(late).and_then(|found| found);
        match &found {
            Ok(Some(value)) => self.keep(hash, value),
            Err(error) if error.kind() == ErrorKind::Overloaded => {
                self.quiet.store(generations.tick().saturating_add(PAUSE), Relaxed);
            }
            // What is not any more, or is not allowed any more.
            Ok(None) | Err(_) => drop(self.shard(hash).write().remove(&hash)),
        }
        found
    }

    /// Asks, or waits for the one that asks already. Returns whether it was this one.
    async fn share(
        &self,
        hash: u64,
        key: &V::Key,
        ask: impl AsyncFnOnce() -> Result<Option<Arc<V>>>,
    ) -> (bool, Result<Option<Arc<V>>>) {
        let flights = self.flight(hash);
        let answer = Arc::clone(flights.lock().entry(key.clone()).or_default());
        let _landing = Landing { flights, key, answer: &answer };
        let mut mine = false;
        let asked = answer.get_or_init(async || {
            mine = true;
            ask().await
        });
        let found = asked.await.clone();
        (mine, found)
    }

    fn keep(&self, hash: u64, value: &Arc<V>) {
        let mut shard = self.shard(hash).write();
        if shard.len() >= self.capacity && !shard.contains_key(&hash) {
            make_room(&mut shard);
        }
        shard.insert(hash, Arc::clone(value));
    }

    fn shard(&self, hash: u64) -> &Shard<V> {
        &self.shards[part(hash)]
    }

    fn flight(&self, hash: u64) -> &Flights<V> {
        &self.flights[part(hash)]
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }
}

/// The shard of a hash: of its middle, because maps use both ends.
fn part(hash: u64) -> usize {
    usize::from(hash.to_ne_bytes()[3])
}

/// Forgets an eighth, those that were not used for the longest time: so seldom that looking at all of them is cheap.
fn make_room<V: Kept>(shard: &mut HashMap<u64, Arc<V>, BuildHasherDefault<Given>>) {
    let mut used: Vec<Tick> = shard.values().map(|value| value.freshness().used()).collect();
    let leaving = (used.len() / 8).max(1);
    let (_, oldest, _) = used.select_nth_unstable(leaving - 1);
    let (oldest, mut leaving) = (*oldest, leaving);
    shard.retain(|_, value| {
        let leaves = leaving > 0 && value.freshness().used() <= oldest;
        leaving -= usize::from(leaves);
        !leaves
    });
}

/// Ends a flight: when it has its answer, or when nobody waits for it any more.
struct Landing<'a, V: Kept> {
    flights: &'a Flights<V>,
    key: &'a V::Key,
    answer: &'a Arc<Answer<V>>,
}

impl<V: Kept> Drop for Landing<'_, V> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let is_last = self.answer.initialized() || Arc::strong_count(self.answer) <= 2;
        if is_last && flights.get(self.key).is_some_and(|answer| Arc::ptr_eq(answer, self.answer)) {
            flights.remove(self.key);
        }
    }
}

/// A hash that is a number already.
#[derive(Default)]
pub(crate) struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only numbers come here, and they come by the way below.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
