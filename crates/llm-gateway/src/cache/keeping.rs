//! An answer on its way into the cache. It travels in the settlement of its call.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use llm_core::provider::BoxFuture;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::entry::{Content, Entry};
use super::flight::Lead;
use super::semantic::Meaning;
use super::{AnswerCache, LARGEST};

/// How long a store may take to put an answer away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The promise to keep the answer of a call, when it is good. Dropping it gives up the lead of the flight.
pub(crate) struct Keeping {
    pub(super) cache: Arc<AnswerCache>,
    pub(super) key: String,
    pub(super) life: Option<Duration>,
    /// The most tokens that the request asks for.
    pub(super) limit: Option<u64>,
    /// Those who wait for the answer; `None`: the request wanted a new one, and asks beside them.
    pub(super) lead: Option<Lead>,
    /// What its question means, where that is looked for.
    pub(super) meaning: Option<Meaning>,
}

impl Keeping {
    /// What its question means.
    pub(crate) fn means(&mut self, meaning: Meaning) {
        self.meaning = Some(meaning);
    }

    /// An answer was found for it after all: those who wait have it, too.
    pub(super) fn found(self, answer: Bytes) {
        if let Some(lead) = &self.lead {
            lead.land(answer);
        }
    }

    /// Keeps an answer, when it is a good one, and gives it to those who wait.
    pub(crate) fn keep(self, deployment: &str, dropped: String, content: Content) {
        if !content.is_good(self.limit) {
            return;
        }
        let bytes = Entry::new(deployment, dropped, content).to_bytes();
        if bytes.len() > LARGEST {
            return;
        }
        if let Some(lead) = &self.lead {
            lead.land(bytes.clone());
        }
        self.put_away(bytes);
    }

    /// A store in memory has it when this returns. Others are waited for aside, within limits.
    fn put_away(self, bytes: Bytes) {
        let Ok(place) = Arc::clone(&self.cache.waiting).try_acquire_owned() else { return };
        let mut work: BoxFuture<'static, ()> = Box::pin(async move {
            self.cache.put(&self.key, bytes, self.life, self.meaning.as_ref()).await;
            // The flight is over when the store has the answer: nobody comes between the two.
            drop((self.lead, place));
        });
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Pending
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(PATIENCE, work));
        }
    }
}
