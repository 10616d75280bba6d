//! Answers kept for requests that come again. An exact hit is an answer to a request that asks the same, whatever format
//! it came in, by a caller of the same tenant.
//!
//! The cache stands between the caller's admission and the routing of a call ([`crate::gateway`]). A miss takes the lead
//! of a flight: equal requests that come meanwhile wait for its answer. The lead travels in the call's settlement, so
//! that whatever ends the call gives it up; the next one in the flight then asks for itself.

mod control;
mod entry;
mod flight;
mod index;
mod keeping;
mod key;
mod memory;
mod recent;
mod remember;
mod replay;
mod semantic;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use llm_core::operation::Operation;
use llm_core::{AnswerStore, Result};
use tokio::sync::Semaphore;

use flight::Flights;
use recent::Recent;

pub(crate) use entry::Content;
pub(crate) use keeping::Keeping;
pub use memory::MemoryAnswers;
pub(crate) use remember::Remembered;
pub(crate) use semantic::Meaning;
pub use semantic::SemanticSettings;

/// How many answers are on their way to a store at most; the next ones are not kept.
const MOST_WAITING: usize = 1024;

/// The largest answer that is kept, in bytes.
const LARGEST: usize = 16 << 20;

/// Whose answers a caller may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheScope {
    /// Those of the key itself.
    Key,
    /// Those of its team's keys; of a key without a team, its own.
    #[default]
    Team,
    /// Those of its organisation's keys; of a key without one, as [`CacheScope::Team`].
    Organization,
    /// Everybody's.
    Everybody,
}

/// What a cache does.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSettings {
    /// Whose answers a caller may be given.
    pub scope: CacheScope,
    /// What keys of entries begin with.
    pub namespace: Option<String>,
    /// How long an answer is good where its request does not say; `None`: until there is no room.
    pub life: Option<Duration>,
    /// Kinds of calls that are kept.
    pub operations: Vec<Operation>,
    /// Whether calls are kept that do not ask for it (`cache: {use-cache: true}`).
    pub default_on: bool,
    /// How answers to questions in other words are found; `None`: not at all.
    pub semantic: Option<SemanticSettings>,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            scope: CacheScope::default(),
            namespace: None,
            life: None,
            operations: vec![Operation::Chat, Operation::Embeddings, Operation::Rerank],
            default_on: true,
            semantic: None,
        }
    }
}

/// A cache of answers. It may outlive the configuration that it was made by.
pub struct AnswerCache {
    settings: CacheSettings,
    store: Arc<dyn AnswerStore>,
    flights: Arc<Flights>,
    recent: Recent,
    /// Room for answers on their way to the store.
    waiting: Arc<Semaphore>,
    /// The store did not answer the last time.
    is_failing: AtomicBool,
}

impl fmt::Debug for AnswerCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, settings) = (self.store.kind(), &self.settings);
        formatter
            .debug_struct("AnswerCache")
            .field("store", &kind)
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}

impl AnswerCache {
    /// A cache over a store.
    pub fn new(store: Arc<dyn AnswerStore>, settings: CacheSettings) -> Self {
        Self {
            settings,
            store,
            flights: Arc::default(),
            recent: Recent::default(),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            is_failing: AtomicBool::new(false),
        }
    }

    /// What it does.
    pub fn settings(&self) -> &CacheSettings {
        &self.settings
    }

    /// Where its answers are.
    pub fn store(&self) -> &dyn AnswerStore {
        &*self.store
    }

    /// What is kept under a key. A store that fails has nothing.
    async fn get(&self, key: &str) -> Option<Bytes> {
        let found = self.store.get(key).await;
        self.note(&found);
        found.ok().flatten()
    }

    /// Says it once when the store begins to fail, and once when it is back.
    fn note<T>(&self, outcome: &Result<T>) {
        let fails = outcome.is_err();
        if self.is_failing.load(Ordering::Relaxed) == fails
            || self.is_failing.swap(fails, Ordering::Relaxed) == fails
        {
            return;
        }
        let store = self.store.kind();
        match outcome {
            Err(error) => {
                tracing::warn!(
                    store,
                    error = error.message(),
                    "the cache of answers fails: calls go on without it"
                );
            }
            Ok(_) => tracing::info!(store, "the cache of answers is back"),
        }
    }
}
