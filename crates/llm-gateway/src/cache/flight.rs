//! Equal requests that come at once: the first one asks, the others wait for its answer. Whoever asks and gets none makes
//! way for the next one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

/// How many maps there are, so that few requests wait for each other's lock.
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<String, watch::Receiver<Flying>>>;

/// What is being asked for.
pub(super) struct Flights {
    shards: [Shard; SHARDS],
    hasher: RandomState,
}

/// Where a flight stands.
#[derive(Clone, Debug)]
enum Flying {
    /// Its leader asks.
    Up,
    /// The answer is there.
    Landed(Bytes),
}

/// What came of joining.
pub(super) enum Joined {
    /// Nobody asks yet: ask.
    Leads(Lead),
    /// Somebody asks already.
    Waits(Wait),
}

/// The right to ask. Dropping it ends the flight: who waits and got nothing joins anew.
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: String,
    flying: watch::Sender<Flying>,
}

/// A place in a flight.
pub(super) struct Wait(watch::Receiver<Flying>);

impl Default for Flights {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Flights {
    fn shard(&self, key: &str) -> &Shard {
        let place = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards.get(place).unwrap_or(&self.shards[0])
    }

    /// Joins the flight of a key, or begins one.
    pub(super) fn join(self: &Arc<Self>, key: &str) -> Joined {
        let mut shard = self.shard(key).lock();
        match shard.entry(key.to_owned()) {
            Entry::Occupied(flight) => Joined::Waits(Wait(flight.get().clone())),
            Entry::Vacant(place) => {
                let (flying, seen) = watch::channel(Flying::Up);
                place.insert(seen);
                Joined::Leads(Lead { flights: Arc::clone(self), key: key.to_owned(), flying })
            }
        }
    }
}

impl Lead {
    /// The answer is there. The flight ends when the lead is dropped: until then those who join have it at once.
    pub(super) fn land(&self, answer: Bytes) {
        self.flying.send_replace(Flying::Landed(answer));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        // Before those who wait wake up: the first of them leads the next flight.
        self.flights.shard(&self.key).lock().remove(&self.key);
    }
}

impl Wait {
    /// The answer; `None`: its leader got none.
    pub(super) async fn landed(mut self) -> Option<Bytes> {
        let landed = self.0.wait_for(|flying| matches!(flying, Flying::Landed(_))).await;
        match landed.as_deref() {
            Ok(Flying::Landed(answer)) => Some(answer.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
