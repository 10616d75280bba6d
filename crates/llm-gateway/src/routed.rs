//! An answer that has begun, in the parts that go different ways: to the settlement, the headers and the client.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use llm_core::loss::Loss;
use llm_core::{Error, Result};
use llm_router::{Attempt, InFlight, MidStream, Routed, Started, Trail};

use crate::books::{Account, Books};

/// The parts of a [`Routed`] that go different ways.
pub(crate) struct RoutedParts {
    pub in_flight: Option<InFlight>,
    pub group: String,
    pub headers: HeaderMap,
    pub losses: Vec<Loss>,
    pub attempts: Vec<Attempt>,
    pub retries: usize,
    pub fallbacks: usize,
    pub attempt_began: Instant,
    pub mid_stream: MidStream,
    pub trail: Trail,
}

impl RoutedParts {
    /// The parts of a call that went to one deployment without the router.
    pub(crate) fn direct(in_flight: InFlight, group: &str, attempt_began: Instant) -> Self {
        Self {
            in_flight: Some(in_flight),
            group: group.to_owned(),
            headers: HeaderMap::new(),
            losses: Vec::new(),
            attempts: Vec::new(),
            retries: 0,
            fallbacks: 0,
            attempt_began,
            mid_stream: MidStream::Error,
            trail: Trail::default(),
        }
    }

    /// The account of the deployment that answers.
    ///
    /// # Errors
    /// When there is none: a mistake of our own.
    pub(crate) fn account(&self, books: &Books) -> Result<Arc<Account>> {
        let deployment = self.in_flight.as_ref().map(|in_flight| &in_flight.deployment().id);
        let account = deployment.and_then(|id| books.accounts.get(id)).map(Arc::clone);
        account.ok_or_else(|| Error::internal("a deployment without an account answered"))
    }

    /// The parts, and the answer.
    pub(crate) fn of(routed: Box<Routed>) -> (Box<Self>, Started) {
        let routed = *routed;
        let parts = Box::new(Self {
            in_flight: Some(routed.in_flight),
            group: routed.group,
            headers: routed.headers,
            losses: routed.losses,
            attempts: routed.attempts,
            retries: routed.retries,
            fallbacks: routed.fallbacks,
            attempt_began: routed.attempt_began,
            mid_stream: routed.mid_stream,
            trail: routed.trail,
        });
        (parts, routed.answer)
    }
}
