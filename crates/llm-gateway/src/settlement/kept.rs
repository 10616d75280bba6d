//! Calls and the cache of answers: answers that came out of it, and answers that go into it.

use std::sync::Arc;

use llm_core::ChatResponse;
use llm_core::event::Fold;
use llm_router::Deployment;

use super::Settlement;
use crate::books::Account;
use crate::cache::{Content, Keeping, Meaning};

/// What a call has to do with the cache.
#[derive(Default)]
pub(crate) enum Cached {
    /// Nothing.
    #[default]
    No,
    /// Nothing was kept for it.
    Missed,
    /// Its answer was kept.
    Hit(Box<Hit>),
}

/// Who gave a kept answer.
pub(crate) struct Hit {
    /// The public model that was asked for.
    pub group: String,
    /// The deployment, where it is still there.
    pub deployment: Option<Arc<Deployment>>,
    pub account: Option<Arc<Account>>,
}

impl Settlement {
    /// The answer of this call is to be kept.
    pub(crate) fn keeps(&mut self, keeping: Keeping) {
        self.keeping = Some(Box::new(keeping));
    }

    /// It is not to be kept after all.
    pub(crate) fn keeps_not(&mut self) -> Option<Keeping> {
        self.keeping.take().map(|keeping| *keeping)
    }

    /// What the question means whose answer is to be kept.
    pub(crate) fn keeps_meaning(&mut self, meaning: Meaning) {
        if let Some(keeping) = &mut self.keeping {
            keeping.means(meaning);
        }
    }

    /// Whether the answer of this call is to be kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.keeping.is_some()
    }

    /// Nothing was kept for this call.
    pub(crate) fn missed(&mut self) {
        self.cached = Cached::Missed;
    }

    /// The answer of this call was kept.
    pub(crate) fn hit(&mut self, hit: Hit) {
        self.cached = Cached::Hit(Box::new(hit));
    }

    /// Who gave the answer, when it was kept.
    pub(crate) fn hit_by(&self) -> Option<&Hit> {
        match &self.cached {
            Cached::Hit(hit) => Some(hit),
            Cached::No | Cached::Missed => None,
        }
    }

    /// Keeps a whole answer, where it is to be kept.
    pub(crate) fn keep(&mut self, content: impl FnOnce() -> Content) {
        let Some(keeping) = self.keeping.take() else { return };
        // What another model said in place of the one asked for is not kept beyond the time of need.
        let Some(answered) = self.answered.as_ref().filter(|_| self.fallbacks == 0) else { return };
        keeping.keep(&answered.in_flight.deployment().id, answered.lost.clone(), content());
    }

    /// Keeps a stream that came to its end.
    pub(crate) fn keep_stream(&mut self, fold: Fold) {
        match fold.finish() {
            Ok(answer) => self.keep(|| Content::Chat(answer)),
            Err(_) => self.keeping = None,
        }
    }

    /// Keeps a whole chat answer.
    pub(crate) fn keep_chat(&mut self, answer: &ChatResponse) {
        self.keep(|| Content::Chat(answer.clone()));
    }

    /// Counts the call among hits or misses.
    pub(super) fn count_cached(&self, account: Option<&Account>) {
        let metrics = || self.books.route_metrics(self.call.route, account);
        match &self.cached {
            Cached::No => {}
            Cached::Missed => metrics().cache_missed(),
            Cached::Hit(_) => metrics().cache_hit(self.usage.total().unwrap_or(0)),
        }
    }
}
