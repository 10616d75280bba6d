//! Callbacks of single keys and teams: made when the first call of theirs ends, and given up when none came for long.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use llm_gateway::LogCounts;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use crate::delivery::Delivery;
use crate::queue::Queue;
use crate::settings::MakeCallback;

/// How many different ones there are at a time at most: each has a queue and a task.
pub(crate) const MOST: usize = 64;

/// After so long without a call one makes room for another.
const UNUSED: Duration = Duration::from_secs(600);

/// Callbacks of single keys and teams.
pub(crate) struct Own {
    make: Arc<dyn MakeCallback>,
    known: Mutex<HashMap<u64, Known>>,
    /// The way to the thread that delivers; `None` when it is to end.
    deliveries: Mutex<Option<Sender<Delivery>>>,
    /// Calls that nobody was told of, because there were too many callbacks.
    without_room: AtomicU64,
}

struct Known {
    /// `None`: none can be made of what is said.
    queue: Option<Arc<Queue>>,
    used: Instant,
}

impl Own {
    pub(crate) fn new(make: &Arc<dyn MakeCallback>, deliveries: Sender<Delivery>) -> Self {
        let (known, deliveries) = (Mutex::default(), Mutex::new(Some(deliveries)));
        Self { make: Arc::clone(make), known, deliveries, without_room: AtomicU64::new(0) }
    }

    pub(crate) fn may_have_content(&self) -> bool {
        self.make.may_have_content()
    }

    /// The ways to those that these entries mean.
    pub(crate) fn of(&self, entries: &[Value]) -> Vec<Arc<Queue>> {
        entries.iter().filter_map(|entry| self.queue(entry)).collect()
    }

    fn queue(&self, entry: &Value) -> Option<Arc<Queue>> {
        let mut hasher = DefaultHasher::new();
        entry.to_string().hash(&mut hasher);
        let hash = hasher.finish();
        let mut known = self.known.lock();
        if let Some(found) = known.get_mut(&hash) {
            found.used = Instant::now();
            return found.queue.clone();
        }
        make_room(&mut known);
        if known.len() >= MOST {
            let without = self.without_room.fetch_add(1, Ordering::Relaxed) + 1;
            if without.is_power_of_two() {
                tracing::warn!(target: "llm_callbacks", without, most = MOST, "too many keys and teams have callbacks of their own");
            }
            return None;
        }
        let queue = self.begin(entry, hash);
        known.insert(hash, Known { queue: queue.clone(), used: Instant::now() });
        queue
    }

    fn begin(&self, entry: &Value, hash: u64) -> Option<Arc<Queue>> {
        let callback = match self.make.make(entry) {
            Ok(callback) => callback,
            Err(why) => {
                tracing::warn!(target: "llm_callbacks", why, "a key or a team names a callback that cannot be told");
                return None;
            }
        };
        let name = format!("{}-{:08x}", callback.name, hash >> 32);
        let (queue, waiting, counts) = Queue::new(&name, callback.wanted, callback.content);
        let sender = self.deliveries.lock().clone()?;
        sender.try_send((callback, waiting, counts)).ok()?;
        Some(Arc::new(queue))
    }

    pub(crate) fn counts(&self) -> Vec<LogCounts> {
        self.known
            .lock()
            .values()
            .filter_map(|known| known.queue.as_ref().map(|queue| queue.counts()))
            .collect()
    }

    /// Nothing more comes.
    pub(crate) fn ends(&self) {
        self.deliveries.lock().take();
        self.known.lock().values().filter_map(|known| known.queue.as_ref()).for_each(|queue| queue.ends());
    }
}

/// Gives up those that were not used for long. What waits for them is delivered.
fn make_room(known: &mut HashMap<u64, Known>) {
    if known.len() < MOST {
        return;
    }
    known.retain(|_, one| {
        let stays = one.used.elapsed() < UNUSED;
        if let (false, Some(queue)) = (stays, &one.queue) {
            queue.ends();
        }
        stays
    });
}
