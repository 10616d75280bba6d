//! Bodies that came lately, and what was made of them: their keys, and their kept answers as clients read them. The same
//! body again is neither read nor written once more.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// How many parts it has, each with a lock of its own.
const SHARDS: usize = 16;

/// Bytes of each part, what the maps take included.
const ROOM: usize = 256 << 10;

/// What a body takes beside its key and its answer.
const OVERHEAD: usize = 400;

/// Longer answers are written anew.
const LONGEST: usize = 64 << 10;

/// What was made of bodies, by a hash of each with all that is around it.
pub(super) struct Recent {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    known: HashMap<Arc<str>, Known>,
    queue: VecDeque<Arc<str>>,
    used: usize,
}

struct Known {
    key: Arc<str>,
    /// An entry of the store, and the same as the client reads it.
    written: Option<(Bytes, Bytes)>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Recent {
    fn shard(&self, body: &str) -> &Mutex<Shard> {
        let place = usize::try_from(self.hasher.hash_one(body) % SHARDS as u64).unwrap_or(0);
        self.shards.get(place).unwrap_or(&self.shards[0])
    }

    /// The key of a body.
    pub(super) fn key(&self, body: &str) -> Option<Arc<str>> {
        self.shard(body).lock().known.get(body).map(|known| Arc::clone(&known.key))
    }

    /// Notes the key of a body.
    pub(super) fn note(&self, body: &str, key: &str) {
        let mut shard = self.shard(body).lock();
        let size = OVERHEAD + body.len() + key.len();
        shard.make_room(size);
        let body: Arc<str> = body.into();
        if shard.known.insert(Arc::clone(&body), Known { key: key.into(), written: None }).is_none() {
            shard.used += size;
            shard.queue.push_back(body);
        }
    }

    /// An entry as the client of a body read it, when it is still the same entry.
    pub(super) fn written(&self, body: &str, entry: &Bytes) -> Option<Bytes> {
        let shard = self.shard(body).lock();
        let (of, written) = shard.known.get(body)?.written.as_ref()?;
        // A store in memory gives the same bytes, not equal ones.
        (of.as_ptr() == entry.as_ptr() && of.len() == entry.len()).then(|| written.clone())
    }

    /// Keeps an entry as the client of a body reads it.
    pub(super) fn write(&self, body: &str, entry: &Bytes, written: &Bytes) {
        let size = entry.len() + written.len();
        if size > LONGEST {
            return;
        }
        let mut shard = self.shard(body).lock();
        shard.make_room(size);
        let Some(known) = shard.known.get_mut(body) else { return };
        let before = known.written.replace((entry.clone(), written.clone()));
        let before = before.map_or(0, |(entry, written)| entry.len() + written.len());
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
            let written = known.written.map_or(0, |(entry, written)| entry.len() + written.len());
            self.used -= OVERHEAD + body.len() + known.key.len() + written;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_again_for_the_same_entry_alone() {
        let recent = Recent::default();
        let (entry, other) = (Bytes::from(vec![1; 9]), Bytes::from(vec![1; 9]));
        recent.write("unknown", &entry, &Bytes::from_static(b"{}"));
        assert_eq!(recent.written("unknown", &entry), None);
        recent.note("body", "key");
        assert_eq!((recent.key("body").as_deref(), recent.key("else")), (Some("key"), None));
        assert_eq!(recent.written("body", &entry), None);
        recent.write("body", &entry, &Bytes::from_static(b"{}"));
        assert_eq!(recent.written("body", &entry).as_deref(), Some(&b"{}"[..]));
        assert_eq!(recent.written("body", &other), None);
    }

    #[test]
    fn it_takes_no_more_than_its_room() {
        let recent = Recent::default();
        let entry = Bytes::from(vec![0; 30_000]);
        for number in 0..2_000 {
            let body = format!("body {number}");
            recent.note(&body, "key");
            recent.write(&body, &entry, &entry);
            recent.note(&body, "key");
        }
        assert!(recent.shards.iter().all(|shard| shard.lock().used <= ROOM));
        assert!(recent.key("body 1999").is_some() && recent.key("body 0").is_none());
        let known: usize = recent.shards.iter().map(|shard| shard.lock().known.len()).sum();
        let queued: usize = recent.shards.iter().map(|shard| shard.lock().queue.len()).sum();
        assert_eq!(known, queued);
    }
}
