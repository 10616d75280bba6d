//! Models that a deployment's vendor does not know or does not give: a deployment of many models stays in use for the
//! others.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::breaker::{Breaker, Phase};

/// How many models are remembered; the one that comes back first makes room.
const MOST: usize = 16;

/// Which models were missing, each with a breaker.
#[derive(Debug, Default)]
pub(super) struct Missing(OnceLock<Box<[Slot; MOST]>>);

#[derive(Debug, Default)]
struct Slot {
    /// What the model and the kind of call hash to; 0 for a free slot.
    key: AtomicU64,
    breaker: Breaker,
}

impl Missing {
    /// Whether no model was ever missing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// The breaker of a model that was missing.
    pub(super) fn get(&self, key: u64) -> Option<&Breaker> {
        let slots = self.0.get().filter(|_| key != 0)?;
        slots.iter().find(|slot| slot.key.load(Ordering::Acquire) == key).map(|slot| &slot.breaker)
    }

    /// The breaker of a model that is missing now.
    ///
    /// Two threads that make room in the same slot may share a breaker for a moment: one of the models is then left
    /// alone for a few seconds without need.
    pub(super) fn get_or_insert(&self, key: u64) -> &Breaker {
        let slots = self.0.get_or_init(Box::default);
        if let Some(known) = self.get(key) {
            return known;
        }
        let free = slots
            .iter()
            .find(|slot| slot.key.compare_exchange(0, key, Ordering::AcqRel, Ordering::Acquire).is_ok());
        if let Some(slot) = free {
            return &slot.breaker;
        }
        let rank = |slot: &&Slot| {
            let state = slot.breaker.state();
            (matches!(state.phase, Phase::Benched | Phase::Probing), state.time)
        };
        let first = slots.iter().min_by_key(rank).unwrap_or(&slots[0]);
        first.key.store(key, Ordering::Release);
        first.breaker.reset();
        &first.breaker
    }

    /// All breakers.
    pub(super) fn breakers(&self) -> impl Iterator<Item = &Breaker> {
        self.0.get().into_iter().flat_map(|slots| slots.iter().map(|slot| &slot.breaker))
    }
}
