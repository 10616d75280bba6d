//! Whether what memory holds is still true: a number for each name, which grows when something of that name changes.
//!
//! A table of counters stands for all names; two names may share one, and then one of them is looked up once more than
//! it must be. So there is nothing to keep for each name, and a change of a team with many keys costs one addition.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::time::{Duration, Instant};

/// How many names something may hang on: the gateway, a key and the one that it replaced, its team, user and
/// organisation, and the budget rows of these and of the membership.
const NAMES: usize = 11;

/// Counters; the first one never grows and stands for no name.
const SLOTS: usize = 1 << 16;

/// So many counters lie together. Most never count, and take no memory then.
const TOGETHER: usize = 256;

/// Tenths of a second since the gateway began.
pub(crate) type Tick = u32;

/// The counters of all names.
pub(crate) struct Generations {
    slots: Box<[OnceLock<Box<[AtomicU32; TOGETHER]>>]>,
    /// How many changes there were.
    changes: AtomicU32,
    /// What was read at this tick or before may be out of date: nobody knows what changed.
    doubted: AtomicU32,
    hasher: RandomState,
    began: Instant,
}

/// What something in memory hangs on, and when it was read.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    slots: [u16; NAMES],
    sum: u32,
    read: AtomicU32,
    used: AtomicU32,
}

/// Whether something in memory may be used, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// As it is.
    Fresh,
    /// Until somebody has read it again, and for as long as nobody can.
    Aged,
    /// No more: something that it hangs on was changed.
    Changed,
}

/// How many changes there were when something began to be read.
#[derive(Clone, Copy)]
pub(crate) struct Before(u32);

impl Generations {
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SLOTS / TOGETHER).map(|_| OnceLock::new()).collect(),
            changes: AtomicU32::new(0),
            doubted: AtomicU32::new(0),
            hasher: RandomState::new(),
            // The first tick is one, so that nothing was read at tick zero.
            began: Instant::now().checked_sub(Duration::from_millis(100)).unwrap_or_else(Instant::now),
        }
    }

    /// Now.
    pub(crate) fn tick(&self) -> Tick {
        u32::try_from(self.began.elapsed().as_millis() / 100).unwrap_or(u32::MAX)
    }

    /// What is named like this was changed.
    pub(crate) fn changed(&self, name: impl Hash) {
        // In this order: whoever reads meanwhile sees either that there was a change, or the new number.
        self.changes.fetch_add(1, AcqRel);
        let slot = usize::from(self.slot(name));
        if let Some(together) = self.slots.get(slot / TOGETHER) {
            let together = together.get_or_init(|| Box::new([const { AtomicU32::new(0) }; TOGETHER]));
            together[slot % TOGETHER].fetch_add(1, AcqRel);
        }
    }

    /// Anything may have changed.
    pub(crate) fn doubt(&self) {
        self.changes.fetch_add(1, AcqRel);
        self.doubted.fetch_max(self.tick(), AcqRel);
    }

    /// To be asked before something is read.
    pub(crate) fn before(&self) -> Before {
        Before(self.changes.load(Acquire))
    }

    /// That something was read, which hangs on these names.
    pub(crate) fn read<N: Hash>(&self, before: Before, names: impl IntoIterator<Item = N>) -> Freshness {
        let mut slots = [0; NAMES];
        for (slot, name) in slots.iter_mut().zip(names) {
            *slot = self.slot(name);
        }
        let sum = self.sum(&slots);
        let tick = self.tick();
        // A change while it was read: it may be what was before, so it serves those who wait, and nobody after them.
        let missed = self.changes.load(Acquire) != before.0;
        let sum = if missed { sum.wrapping_sub(1) } else { sum };
        Freshness { slots, sum, read: AtomicU32::new(tick), used: AtomicU32::new(tick) }
    }

    /// Whether it may be used, and notes that it is.
    pub(crate) fn state(&self, of: &Freshness, most: Tick) -> State {
        if self.sum(&of.slots) != of.sum {
            return State::Changed;
        }
        let (now, read) = (self.tick(), of.read.load(Relaxed));
        if of.used.load(Relaxed) != now {
            of.used.store(now, Relaxed);
        }
        if now.saturating_sub(read) >= most || read <= self.doubted.load(Acquire) {
            return State::Aged;
        }
        State::Fresh
    }

    fn sum(&self, slots: &[u16; NAMES]) -> u32 {
        let counted = |slot: &u16| self.counted(usize::from(*slot));
        slots.iter().filter(|slot| **slot != 0).map(counted).fold(0, u32::wrapping_add)
    }

    fn counted(&self, slot: usize) -> u32 {
        let together = self.slots.get(slot / TOGETHER).and_then(OnceLock::get);
        together.map_or(0, |together| together[slot % TOGETHER].load(Acquire))
    }

    fn slot(&self, name: impl Hash) -> u16 {
        let [high, low, ..] = self.hasher.hash_one(name).to_ne_bytes();
        u16::from_ne_bytes([high, low]).max(1)
    }
}

impl Freshness {
    /// When it was used last.
    pub(crate) fn used(&self) -> Tick {
        self.used.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Tick = 1000;

    #[test]
    fn what_changed_is_not_used_any_more_and_the_rest_is() {
        let generations = Generations::new();
        let one = generations.read(generations.before(), ["team a", "key 1"]);
        let other = generations.read(generations.before(), ["team b", "key 2"]);
        assert_eq!(generations.state(&one, LONG), State::Fresh);
        generations.changed("team a");
        assert_eq!(generations.state(&one, LONG), State::Changed);
        assert_eq!(generations.state(&other, LONG), State::Fresh);
    }

    #[test]
    fn what_was_read_while_something_changed_is_not_kept() {
        let generations = Generations::new();
        let before = generations.before();
        generations.changed("team a");
        let read = generations.read(before, ["team a"]);
        assert_eq!(generations.state(&read, LONG), State::Changed);
    }

    #[test]
    fn what_is_old_or_doubted_is_aged_and_nothing_worse() {
        let generations = Generations::new();
        let read = generations.read(generations.before(), ["team a"]);
        assert_eq!(generations.state(&read, 0), State::Aged);
        generations.doubt();
        assert_eq!(generations.state(&read, LONG), State::Aged);
    }
}
