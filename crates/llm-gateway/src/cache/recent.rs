//! Bodies that came lately, and what was made of them: their keys, and their kept answers as clients read them. The same
//! body again is neither read nor written once more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::entry::Entry;
use super::key::BodyName;

/// How many parts it has, each with a lock of its own.
const SHARDS: usize = 16;

/// Bytes of each part, what the maps take included.
const ROOM: usize = 256 << 10;

/// What a body takes beside its key and its answer.
const OVERHEAD: usize = 400;

/// Longer answers are written anew.
const LONGEST: usize = 64 << 10;

/// What was made of bodies, by the name of each.
pub(super) struct Recent {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    known: HashMap<BodyName, Known>,
    queue: VecDeque<BodyName>,
    used: usize,
}

/// What was made of a body.
#[derive(Clone)]
pub(super) struct Known {
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
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Recent {
    fn shard(&self, body: &BodyName) -> &Mutex<Shard> {
        // Names are hashes: any byte of them is as good as any other.
        self.shards.get(usize::from(body[0]) % SHARDS).unwrap_or(&self.shards[0])
    }

    /// What was made of a body.
    pub(super) fn find(&self, body: &BodyName) -> Option<Known> {
        self.shard(body).lock().known.get(body).cloned()
    }

    /// Notes the key of a body.
    pub(super) fn note(&self, body: BodyName, key: Arc<str>) {
        let mut shard = self.shard(&body).lock();
        let size = OVERHEAD + key.len();
        shard.make_room(size);
        match shard.known.insert(body, Known { key, written: None }) {
            None => {
                shard.used += size;
                shard.queue.push_back(body);
            }
            Some(before) => shard.used -= before.written.map_or(0, |written| written.size()),
        }
    }

    /// Keeps an entry as the client of a body reads it.
    pub(super) fn write(&self, body: &BodyName, written: Written) {
        let size = written.size();
        if size > LONGEST {
            return;
        }
        let mut shard = self.shard(body).lock();
        shard.make_room(size);
        let Some(known) = shard.known.get_mut(body) else { return };
        let before = known.written.replace(written).map_or(0, |before| before.size());
        shard.used = shard.used + size - before;
    }
}

impl Shard {
    /// Lets the oldest go until there is room.
    fn make_room(&mut self, size: usize) {
        while self.used + size > ROOM
            && let Some(body) = self.queue.pop_front()
        {
            let Some(known) = self.known.remove(&body) else { continue };
            self.used -= OVERHEAD + known.key.len() + known.written.map_or(0, |written| written.size());
        }
    }
}

#[cfg(test)]
mod tests {
    use llm_core::ChatResponse;

    use super::super::entry::Content;
    use super::*;

    fn name(number: usize) -> BodyName {
        let mut name = BodyName::default();
        name[..8].copy_from_slice(&number.to_le_bytes());
        name
    }

    fn written(of: &Bytes) -> Written {
        let entry = Entry::new("d", String::new(), Content::Chat(ChatResponse::default()));
        Written { of: of.clone(), entry: Arc::new(entry), told: Bytes::from_static(b"{}") }
    }

    #[test]
    fn an_answer_is_given_again_for_the_same_entry_alone() {
        let recent = Recent::default();
        let (entry, other) = (Bytes::from(vec![1; 9]), Bytes::from(vec![1; 9]));
        recent.write(&name(1), written(&entry));
        assert!(recent.find(&name(1)).is_none());
        recent.note(name(1), "key".into());
        let known = recent.find(&name(1)).expect("noted");
        assert!(&*known.key == "key" && known.written.is_none() && recent.find(&name(2)).is_none());
        recent.write(&name(1), written(&entry));
        let known = recent.find(&name(1)).and_then(|known| known.written).expect("written");
        assert!(known.is_of(&entry) && !known.is_of(&other) && known.told == "{}");
    }

    #[test]
    fn it_takes_no_more_than_its_room() {
        let recent = Recent::default();
        let entry = Bytes::from(vec![0; 20_000]);
        for number in 0..2_000 {
            recent.note(name(number), "key".into());
            recent.write(&name(number), written(&entry));
            recent.note(name(number), "key".into());
            if number % 2 == 0 {
                recent.write(&name(number), written(&entry));
            }
        }
        assert!(recent.find(&name(1998)).is_some() && recent.find(&name(0)).is_none());
        for shard in &recent.shards {
            let shard = shard.lock();
            let sizes =
                |known: &Known| OVERHEAD + known.key.len() + known.written.as_ref().map_or(0, Written::size);
            assert_eq!(shard.used, shard.known.values().map(sizes).sum::<usize>());
            assert!(shard.used <= ROOM && shard.known.len() == shard.queue.len());
        }
    }
}
