//! What waits to be delivered to one callback: bounded in calls and in bytes, the newest one dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use llm_gateway::{CallContent, LogCounts, LoggedCall};
use llm_governance::Ending;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::settings::Wanted;

/// How many calls may wait for one callback.
const MOST: usize = 8_192;

/// How many bytes of what was said may wait for one callback.
const MOST_BYTES: usize = 64 << 20;

/// The way to one callback.
pub(crate) struct Queue {
    name: String,
    wanted: Wanted,
    content: bool,
    sender: Sender<Option<Waiting>>,
    counts: Arc<Counts>,
}

/// A call that waits.
pub(crate) type Waiting = Arc<LoggedCall>;

/// What became of calls.
#[derive(Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    /// Bytes of what was said in calls that wait.
    bytes: AtomicUsize,
}

impl Queue {
    /// The way, and its end.
    pub(crate) fn new(
        name: &str,
        wanted: Wanted,
        content: bool,
    ) -> (Self, Receiver<Option<Waiting>>, Arc<Counts>) {
        let (sender, receiver) = channel(MOST);
        let counts = Arc::<Counts>::default();
        (
            Self { name: name.to_owned(), wanted, content, sender, counts: Arc::clone(&counts) },
            receiver,
            counts,
        )
    }

    /// Whether the callback wants to know of it.
    pub(crate) fn wants(&self, call: &LoggedCall) -> bool {
        if is_success(call) { self.wanted.successes } else { self.wanted.failures }
    }

    pub(crate) fn wants_content(&self) -> bool {
        self.content
    }

    /// Lets a call wait; one too many is dropped.
    pub(crate) fn put(&self, call: &Waiting) {
        let size = size(call);
        let waiting = self.counts.bytes.fetch_add(size, Ordering::Relaxed);
        let has_room = size == 0 || waiting + size <= MOST_BYTES;
        if has_room && self.sender.try_send(Some(Arc::clone(call))).is_ok() {
            return;
        }
        self.counts.bytes.fetch_sub(size, Ordering::Relaxed);
        let dropped = self.counts.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        if dropped.is_power_of_two() {
            let callback = self.name.as_str();
            tracing::warn!(target: "llm_callbacks", callback, dropped, "calls are not told of: too many wait");
        }
    }

    /// Nothing more comes.
    pub(crate) fn ends(&self) {
        // Where it is full, the time for the last ones ends it.
        let _ = self.sender.try_send(None);
    }

    pub(crate) fn counts(&self) -> LogCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LogCounts {
            name: self.name.clone(),
            sent: read(&self.counts.sent),
            failed: read(&self.counts.failed),
            dropped: read(&self.counts.dropped),
        }
    }
}

impl Counts {
    /// So many arrived, and so many did not.
    pub(crate) fn done(&self, batch: &[Waiting], failed: usize) {
        let failed = failed.min(batch.len());
        self.sent.fetch_add((batch.len() - failed) as u64, Ordering::Relaxed);
        self.failed.fetch_add(failed as u64, Ordering::Relaxed);
        self.bytes.fetch_sub(batch.iter().map(|call| size(call)).sum(), Ordering::Relaxed);
    }
}

fn size(call: &LoggedCall) -> usize {
    call.content.as_deref().map_or(0, CallContent::len)
}

/// Whether a call was answered to its end.
pub(crate) fn is_success(call: &LoggedCall) -> bool {
    matches!(call.row.ending, Ending::Complete | Ending::Drained)
}
