//! An attempt under way: what it holds of its deployment, and what it tells it at its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::Error;

use crate::deployment::Deployment;
use crate::health::Probe;
use crate::quota::Reservation;

/// An attempt under way; dropping it ends it.
pub struct InFlight {
    deployment: Arc<Deployment>,
    probe: Option<Probe>,
    reservation: Reservation,
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
    /// From the attempt's start to its first content.
    pub first_content: Duration,
    /// From the attempt's start to its end.
    pub took: Duration,
    /// Whether the answer was streamed.
    pub stream: bool,
}

impl InFlight {
    pub(crate) fn new(deployment: Arc<Deployment>, probe: Option<Probe>, reservation: Reservation) -> Self {
        Self { deployment, probe, reservation }
    }

    /// The deployment that is used.
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// An answer has begun: the deployment is up.
    pub fn answered(&mut self) {
        self.probe = None;
        self.deployment.health().succeeded();
    }

    /// There was no answer, or it broke off.
    pub fn failed(&mut self, error: &Error) {
        self.probe = None;
        self.deployment.health().failed(error);
    }

    /// The attempt is over, and this is what it took and used.
    pub fn finished(&mut self, finished: &Finished<'_>) {
        if let Some(error) = finished.error {
            self.failed(error);
        }
        self.reservation.settle(finished.tokens);
        self.deployment.pace().note(finished, Instant::now());
    }
}
