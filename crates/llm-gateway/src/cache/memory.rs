//! Answers in the memory of this process, at most so many bytes of them. What was not asked for lately goes first.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use foldhash::quality::RandomState;
use llm_core::provider::BoxFuture;
use llm_core::{AnswerStore, QuestionLists, Questions, Result};
use parking_lot::Mutex;

/// How many parts it has, each with a lock of its own.
const SHARDS: usize = 8;

/// What an entry takes beside its key and its bytes: places in the map and the queue, and what the allocator adds.
const OVERHEAD: usize = 200;

/// A store in memory.
pub struct MemoryAnswers {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    /// Bytes of each part.
    room: usize,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<Arc<str>, Slot, RandomState>,
    /// Keys in the order in which they came; one whose slot has another number is an old one.
    queue: VecDeque<(Arc<str>, u64)>,
    used: usize,
    next: u64,
}

struct Slot {
    content: Content,
    number: u64,
    /// It was asked for since the queue came by.
    is_wanted: bool,
    size: usize,
    ends: Option<Instant>,
}

enum Content {
    Value(Bytes),
    List(VecDeque<Bytes>),
}

impl MemoryAnswers {
    /// A store of at most so many bytes, keys and what is around them included.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::default(),
            room: most_bytes / SHARDS,
        }
    }

    fn shard(&self, key: &str) -> &Mutex<Shard> {
        let place = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards.get(place).unwrap_or(&self.shards[0])
    }

    /// Bytes that are in use.
    pub fn used(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().used).sum()
    }

    fn keep(&self, key: &str, content: Content, life: Option<Duration>) {
        let size = key.len() + OVERHEAD + content.size();
        let ends = life.and_then(|life| Instant::now().checked_add(life));
        let mut shard = self.shard(key).lock();
        shard.remove(key);
        if size > self.room {
            return;
        }
        while shard.used + size > self.room && shard.evict() {}
        let (key, number): (Arc<str>, _) = (key.into(), shard.next);
        shard.next += 1;
        shard.used += size;
        shard.queue.push_back((Arc::clone(&key), number));
        shard.slots.insert(key, Slot { content, number, is_wanted: false, size, ends });
        shard.tidy();
    }
}

impl Content {
    fn size(&self) -> usize {
        match self {
            Self::Value(bytes) => bytes.len(),
            Self::List(items) => items.iter().map(|item| item.len() + OVERHEAD / 4).sum(),
        }
    }
}

impl Shard {
    fn get(&mut self, key: &str) -> Option<&Content> {
        let is_over = |slot: &Slot| slot.ends.is_some_and(|ends| ends <= Instant::now());
        if self.slots.get(key).is_some_and(is_over) {
            self.remove(key);
        }
        let slot = self.slots.get_mut(key)?;
        slot.is_wanted = true;
        Some(&slot.content)
    }

    fn remove(&mut self, key: &str) -> Option<Slot> {
        let slot = self.slots.remove(key)?;
        self.used -= slot.size;
        Some(slot)
    }

    /// Lets the oldest go that nobody asked for lately. `false`: there is none left.
    fn evict(&mut self) -> bool {
        while let Some((key, number)) = self.queue.pop_front() {
            let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.number == number) else { continue };
            let is_over = slot.ends.is_some_and(|ends| ends <= Instant::now());
            if std::mem::take(&mut slot.is_wanted) && !is_over {
                self.queue.push_back((key, number));
                continue;
            }
            self.remove(&key);
            return true;
        }
        false
    }

    /// Keys that were written again and again leave old places in the queue.
    fn tidy(&mut self) {
        if self.queue.len() > 2 * self.slots.len() + 64 {
            let slots = &self.slots;
            self.queue.retain(|(key, number)| slots.get(key).is_some_and(|slot| slot.number == *number));
        }
    }
}

impl AnswerStore for MemoryAnswers {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        let found = match self.shard(key).lock().get(key) {
            Some(Content::Value(bytes)) => Some(bytes.clone()),
            _ => None,
        };
        ready(found)
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes, life: Option<Duration>) -> BoxFuture<'a, Result<()>> {
        self.keep(key, Content::Value(value), life);
        ready(())
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<u64>> {
        ready(keys.iter().filter(|key| self.shard(key).lock().remove(key).is_some()).count() as u64)
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        for shard in &self.shards {
            *shard.lock() = Shard::default();
        }
        ready(())
    }

    fn questions(&self) -> Questions<'_> {
        Questions::Lists(self)
    }
}

impl QuestionLists for MemoryAnswers {
    fn append<'a>(
        &'a self,
        list: &'a str,
        item: Bytes,
        most: usize,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<()>> {
        let before = self.shard(list).lock().remove(list);
        let is_over = |slot: &Slot| slot.ends.is_some_and(|ends| ends <= Instant::now());
        let mut items = match before.filter(|slot| !is_over(slot)).map(|slot| slot.content) {
            Some(Content::List(items)) => items,
            _ => VecDeque::new(),
        };
        items.push_back(item);
        while items.len() > most {
            items.pop_front();
        }
        self.keep(list, Content::List(items), life);
        ready(())
    }

    fn list<'a>(&'a self, list: &'a str) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        let found = match self.shard(list).lock().get(list) {
            Some(Content::List(items)) => items.iter().cloned().collect(),
            _ => Vec::new(),
        };
        ready(found)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T>> {
    Box::pin(std::future::ready(Ok(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_behaves() {
        llm_testkit::answers::behaves(&MemoryAnswers::new(16 << 20)).await;
    }

    #[tokio::test]
    async fn it_never_takes_more_than_it_may() {
        let store = MemoryAnswers::new(64 << 10);
        for number in 0..10_000 {
            let key = format!("key {}", number % 700);
            store.put(&key, vec![0; 100 + number % 1000].into(), None).await.expect("memory");
            assert!(store.used() <= 64 << 10);
        }
        assert!(store.used() > 32 << 10);
        let largest = store.shards.iter().map(|shard| shard.lock().queue.len()).max();
        assert!(largest < Some(400), "old places pile up: {largest:?}");
        store.put("large", vec![0; 64 << 10].into(), None).await.expect("memory");
        assert_eq!(store.get("large").await.expect("memory"), None);
    }

    #[tokio::test]
    async fn what_is_asked_for_stays() {
        let store = MemoryAnswers::new(64 << 10);
        store.put("wanted", Bytes::from_static(b"w"), None).await.expect("memory");
        for number in 0..1_000 {
            assert!(store.get("wanted").await.expect("memory").is_some(), "after {number}");
            store.put(&format!("other {number}"), vec![0; 500].into(), None).await.expect("memory");
        }
        assert_eq!(store.get("other 0").await.expect("memory"), None);
    }
}
