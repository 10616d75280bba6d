//! Calls that wait for room where every deployment of their group is full: a short queue, the most important call
//! first, calls of the same importance in the order in which they came.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use llm_core::sync::{AtomicUsize, Mutex};

/// A call that waits looks again after this long at the latest, for room that nobody announces.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whether calls wait for room, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long a call waits at most.
    pub timeout: Duration,
    /// How many calls of a group wait at most.
    pub most: usize,
}

/// The queue of a group.
#[derive(Debug)]
pub(crate) struct Waiting {
    settings: QueueSettings,
    bell: Arc<Bell>,
}

/// Tells the first of a queue that there may be room.
#[derive(Debug)]
pub(crate) struct Bell {
    /// How many wait, read without the lock by whoever rings.
    length: AtomicUsize,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    /// How often it rang, or the first of the queue changed.
    rung: u64,
    next: u64,
    places: BTreeMap<Key, Option<Waker>>,
    /// When the first of the queue expects room.
    room: Option<Instant>,
}

/// Importance (the lower the more important), then the order of arrival.
type Key = (i64, u64);

/// A place in a queue. Dropping it leaves the queue, and the next one looks.
#[derive(Debug)]
pub(crate) struct Place {
    bell: Arc<Bell>,
    key: Key,
    seen: u64,
    end: Instant,
}

impl Waiting {
    /// A queue; calls that wait already hear the same bell.
    pub(crate) fn new(settings: QueueSettings, bell: Option<Arc<Bell>>) -> Self {
        Self { settings, bell: bell.unwrap_or_default() }
    }

    /// What rings when there may be room.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// How long calls wait at most.
    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Whether a call that comes now would overtake one that waits.
    pub(crate) fn is_before(&self, priority: i64) -> bool {
        self.bell.length.load(Acquire) > 0
            && self
                .bell
                .queue
                .lock()
                .places
                .first_key_value()
                .is_some_and(|((first, _), _)| *first <= priority)
    }

    /// Takes a place; `None`: too many wait already. A call must look for room once more after it has its place.
    pub(crate) fn enter(&self, priority: i64, now: Instant) -> Option<Place> {
        let end = now.checked_add(self.settings.timeout)?;
        Bell::enter(&self.bell, priority, self.settings.most, end)
    }

    /// When the first of the queue expects room.
    pub(crate) fn room(&self) -> Option<Instant> {
        self.bell.queue.lock().room
    }

    /// How many wait.
    pub(crate) fn length(&self) -> usize {
        self.bell.length.load(Acquire)
    }
}

impl Default for Bell {
    fn default() -> Self {
        let queue = Queue { rung: 0, next: 0, places: BTreeMap::new(), room: None };
        Self { length: AtomicUsize::new(0), queue: Mutex::new(queue) }
    }
}

impl Bell {
    /// There may be room: the first of the queue looks.
    pub(crate) fn ring(&self) {
        // An addition of nothing, not a load: of two changes of one counter each sees the other, or is seen. Whoever
        // enters after it finds what was released before it.
        if self.length.fetch_add(0, AcqRel) > 0 {
            self.queue.lock().ring();
        }
    }

    fn enter(bell: &Arc<Self>, priority: i64, most: usize, end: Instant) -> Option<Place> {
        let mut queue = bell.queue.lock();
        if queue.places.len() >= most {
            return None;
        }
        let key = (priority, queue.next);
        queue.next += 1;
        queue.places.insert(key, None);
        // It has not looked since it has its place: the next ring counts as unseen already.
        let seen = queue.rung.wrapping_sub(1);
        bell.length.fetch_add(1, AcqRel);
        drop(queue);
        Some(Place { bell: Arc::clone(bell), key, seen, end })
    }
}

impl Queue {
    fn ring(&mut self) {
        self.rung = self.rung.wrapping_add(1);
        if let Some(mut first) = self.places.first_entry()
            && let Some(waker) = first.get_mut().take()
        {
            waker.wake();
        }
    }
}

impl Place {
    /// Waits until it is this call's turn to look for room: it is the first, and something was given back, or it is
    /// `until`, when room is expected. `false`: its time is up.
    pub(crate) async fn turn(&mut self, until: Option<Instant>, end: Option<Instant>) -> bool {
        let end = end.map_or(self.end, |end| end.min(self.end));
        let mut until = until;
        loop {
            let now = tokio::time::Instant::now().into_std();
            if now >= end {
                return false;
            }
            let look = until.filter(|until| *until > now).unwrap_or(now + LOOK_AGAIN).min(now + LOOK_AGAIN);
            let rung = poll_fn(|context| self.poll_turn(until, context));
            if tokio::time::timeout_at(look.min(end).into(), rung).await.is_ok() {
                return true;
            }
            if look < end && self.is_first() {
                return true;
            }
            until = None;
        }
    }

    pub(crate) fn poll_turn(&mut self, until: Option<Instant>, context: &mut Context<'_>) -> Poll<()> {
        let mut queue = self.bell.queue.lock();
        let is_first = queue.places.first_key_value().is_some_and(|(key, _)| *key == self.key);
        if is_first && queue.rung != self.seen {
            self.seen = queue.rung;
            return Poll::Ready(());
        }
        if is_first {
            queue.room = until;
        }
        if let Some(waker) = queue.places.get_mut(&self.key) {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    fn is_first(&self) -> bool {
        self.bell.queue.lock().places.first_key_value().is_some_and(|(key, _)| *key == self.key)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.bell.queue.lock();
        queue.places.remove(&self.key);
        self.bell.length.fetch_sub(1, AcqRel);
        if queue.places.is_empty() {
            queue.room = None;
        }
        queue.ring();
    }
}

#[cfg(all(test, loom))]
mod interleavings;
#[cfg(all(test, not(loom)))]
mod tests;
