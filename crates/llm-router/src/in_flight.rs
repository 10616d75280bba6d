//! An attempt under way: what it holds of its deployment, and what it tells it at its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Fault};

use crate::clock;
use crate::deployment::Deployment;
use crate::health::Ticket;
use crate::quota::Reservation;
use crate::rule::Rule;

/// An attempt under way; dropping it ends it.
pub struct InFlight {
    deployment: Arc<Deployment>,
    ticket: Ticket,
    reservation: Reservation,
    patience: Patience,
}

/// When the client gives up by limits of its own that are shorter than the operator's: a deadline that passes then
/// says nothing about the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// For the first content.
    pub first_content: Option<Instant>,
    /// For the whole call.
    pub total: Option<Instant>,
}

/// How much earlier than its deadline a timer may fire.
const EARLY: Duration = Duration::from_millis(5);

impl Patience {
    fn is_over(self) -> bool {
        let ends = self.first_content.into_iter().chain(self.total);
        ends.min().is_some_and(|end| clock::now() + EARLY >= end)
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// What went wrong; `None` when the answer is complete, or its client went away.
    pub error: Option<&'a Error>,
    /// Tokens of prompt and answer, where they are known.
    pub tokens: Option<u64>,
    /// Tokens of the answer, where they are known.
    pub output_tokens: Option<u64>,
    /// What it cost, where that is known.
    pub cost: Option<NanoDollars>,
    /// From the attempt's start to its first content.
    pub first_content: Duration,
    /// From the attempt's start to its end.
    pub took: Duration,
    /// Whether the answer was streamed.
    pub stream: bool,
}

impl InFlight {
    pub(crate) fn new(deployment: Arc<Deployment>, ticket: Ticket, reservation: Reservation) -> Self {
        Self { deployment, ticket, reservation, patience: Patience::default() }
    }

    /// Says when the client gives up.
    pub(crate) fn bears(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// The deployment that is used.
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// Whether other gateways have a say that they have not had.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.reservation.is_unconfirmed()
    }

    /// Asks whether other gateways leave room for it.
    ///
    /// # Errors
    /// The limit that they reached; then it must be withdrawn.
    pub(crate) async fn confirm(&mut self) -> Result<(), Rule> {
        if self.is_unconfirmed() { self.reservation.confirm().await } else { Ok(()) }
    }

    /// The attempt is not made, and counts nowhere.
    pub(crate) fn withdraw(mut self) {
        self.deployment.health().give_back(&self.ticket, clock::now());
        self.ticket = self.ticket.spent();
        self.reservation.withdraw();
    }

    /// An answer has begun: the deployment is up.
    pub fn answered(&mut self) {
        self.patience.first_content = None;
        self.deployment.health().succeeded(&mut self.ticket);
    }

    /// There was no answer, or it broke off.
    pub fn failed(&mut self, error: &Error) {
        let health = self.deployment.health();
        if error.kind() == ErrorKind::Timeout && self.patience.is_over() {
            health.failed(&mut self.ticket, &error.clone().with_fault(Fault::Client));
        } else {
            health.failed(&mut self.ticket, error);
        }
        self.reservation.failed(error);
    }

    /// The attempt is over, and this is what it took and used.
    pub fn finished(&mut self, finished: &Finished<'_>) {
        if let Some(error) = finished.error {
            self.failed(error);
        }
        self.reservation.settle(finished);
        self.deployment.pace().note(finished, clock::now());
    }
}

impl Drop for InFlight {
    /// An attempt that was given up shows nothing.
    fn drop(&mut self) {
        if self.ticket.is_awaited() {
            self.deployment.health().abandon(&self.ticket, clock::now());
        }
    }
}
