//! Bodies that came lately, and what was made of them: their keys, and their kept answers as clients read them. The same
//! body again is neither read nor written once more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::quality::RandomState;
use parking_lot::Mutex;

use super::entry::Entry;
use super::key::{Asked, Same};

/// How many parts it has, each with a lock of its own.
const SHARDS: usize = 16;

/// Bytes of each part, what the maps take included.
const ROOM: usize = 256 << 10;

/// What a body takes beside itself, its key and its answer.
const OVERHEAD: usize = 400;

/// Longer answers are written anew.
const LONGEST: usize = 64 << 10;

/// What was made of bodies. They are found by a hash and then compared, byte by byte: a quick hash will do, where a hash
/// that nobody can meet twice took as long as all else that a kept answer costs here.
pub(super) struct Recent {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<u64, Slot, RandomState>,
    /// Hashes in the order in which they came.
    queue: VecDeque<u64>,
    used: usize,
    next: u64,
}

struct Slot {
    asked: Same,
    known: Known,
}

/// Where a body is among those that came lately; another one that takes its place has another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    hash: u64,
    number: u64,
}

/// What was made of a body.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) place: Place,
    pub(super) key: Arc<str>,
    pub(super) written: Option<Written>,
}

/// An entry of the store, as the client of a body reads it.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) of: Bytes,
    /// The same, read.
    pub(super) entry: Arc<Entry>,
    pub(super) told: Bytes,
}

impl Written {
    /// Whether it was made of these very bytes: a store in memory gives the same ones again, not equal ones.
    pub(super) fn is_of(&self, bytes: &Bytes) -> bool {
        self.of.as_ptr() == bytes.as_ptr() && self.of.len() == bytes.len()
    }

    /// Bytes that it takes: the entry twice, once of them read.
    fn size(&self) -> usize {
        2 * self.of.len() + self.told.len()
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: Default::default() }
    }
}

impl Recent {
    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        let place = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        self.shards.get(place).unwrap_or(&self.shards[0])
    }

    /// What was made of a body.
    pub(super) fn find(&self, asked: &Asked) -> Option<Known> {
        let hash = asked.hash(&self.hasher);
        let shard = self.shard(hash).lock();
        shard.slots.get(&hash).filter(|slot| slot.asked.is(asked)).map(|slot| slot.known.clone())
    }

    /// Notes the key of a body.
    pub(super) fn note(&self, asked: &Asked, key: Arc<str>) -> Known {
        let (hash, same) = (asked.hash(&self.hasher), asked.kept());
        let mut shard = self.shard(hash).lock();
        let number = shard.next;
        shard.next += 1;
        let known = Known { place: Place { hash, number }, key, written: None };
        let slot = Slot { asked: same, known: known.clone() };
        let size = slot.size();
        shard.make_room(size);
        match shard.slots.insert(hash, slot) {
            None => shard.queue.push_back(hash),
            Some(before) => shard.used -= before.size(),
        }
        shard.used += size;
        known
    }

    /// Keeps an entry as the client of a body reads it.
    pub(super) fn write(&self, place: Place, written: Written) {
        let size = written.size();
        if size > LONGEST {
            return;
        }
        let mut shard = self.shard(place.hash).lock();
        shard.make_room(size);
        let slot = shard.slots.get_mut(&place.hash).filter(|slot| slot.known.place == place);
        let Some(slot) = slot else { return };
        let before = slot.known.written.replace(written).map_or(0, |before| before.size());
        shard.used = shard.used + size - before;
    }
}

impl Slot {
    fn size(&self) -> usize {
        let written = self.known.written.as_ref().map_or(0, Written::size);
        OVERHEAD + self.asked.len() + self.known.key.len() + written
    }
}

impl Shard {
    /// Lets the oldest go until there is room.
    fn make_room(&mut self, size: usize) {
        while self.used + size > ROOM
            && let Some(hash) = self.queue.pop_front()
        {
            self.used -= self.slots.remove(&hash).map_or(0, |slot| slot.size());
        }
    }
}

#[cfg(test)]
mod tests {
    use llm_core::ChatResponse;

    use super::super::entry::Content;
    use super::*;

    fn asked(number: usize) -> Asked {
        Asked::from_parts(b"around", format!("body {number}").into())
    }

    fn written(of: &Bytes) -> Written {
        let entry = Entry::new("d", String::new(), Content::Chat(ChatResponse::default()));
        Written { of: of.clone(), entry: Arc::new(entry), told: Bytes::from_static(b"{}") }
    }

    #[test]
    fn an_answer_is_given_again_for_the_same_entry_alone() {
        let recent = Recent::default();
        let (entry, other) = (Bytes::from(vec![1; 9]), Bytes::from(vec![1; 9]));
        assert!(recent.find(&asked(1)).is_none());
        let place = recent.note(&asked(1), "key".into()).place;
        let known = recent.find(&asked(1)).expect("noted");
        assert!(&*known.key == "key" && known.written.is_none() && recent.find(&asked(2)).is_none());
        recent.write(place, written(&entry));
        let known = recent.find(&asked(1)).and_then(|known| known.written).expect("written");
        assert!(known.is_of(&entry) && !known.is_of(&other) && known.told == "{}");
    }

    #[test]
    fn what_is_around_a_body_is_not_taken_for_a_part_of_it() {
        let recent = Recent::default();
        recent.note(&Asked::from_parts(b"around b", Bytes::from_static(b"ody")), "key".into());
        assert!(recent.find(&Asked::from_parts(b"around ", Bytes::from_static(b"body"))).is_none());
    }

    #[test]
    fn an_answer_of_a_body_that_lost_its_place_is_not_given_to_the_next_one() {
        let recent = Recent::default();
        let place = recent.note(&asked(1), "key".into()).place;
        recent.note(&asked(1), "another".into());
        recent.write(place, written(&Bytes::from(vec![1; 9])));
        let known = recent.find(&asked(1)).expect("noted");
        assert!(&*known.key == "another" && known.written.is_none());
    }

    #[test]
    fn it_takes_no_more_than_its_room() {
        let recent = Recent::default();
        let entry = Bytes::from(vec![0; 20_000]);
        for number in 0..2_000 {
            let place = recent.note(&asked(number), "key".into()).place;
            recent.write(place, written(&entry));
            let place = recent.note(&asked(number), "key".into()).place;
            if number % 2 == 0 {
                recent.write(place, written(&entry));
            }
        }
        assert!(recent.find(&asked(1998)).is_some() && recent.find(&asked(0)).is_none());
        for shard in &recent.shards {
            let shard = shard.lock();
            assert_eq!(shard.used, shard.slots.values().map(Slot::size).sum::<usize>());
            assert!(shard.used <= ROOM && shard.slots.len() == shard.queue.len());
        }
    }
}
