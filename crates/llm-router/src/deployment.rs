//! One model of one vendor with one credential, and how it has been doing.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use llm_core::provider::Deadlines;
use llm_core::{Error, LossPolicy, Provider};

use crate::pattern::Pattern;

/// What a deployment is made from.
pub struct DeploymentSpec {
    /// Unique id, shown to clients and in metrics.
    pub id: String,
    /// The public name or pattern that it serves.
    pub group: Pattern,
    /// The model in the vendor's words; a `*` stands for what the public pattern's `*` caught.
    pub model: String,
    /// The model with its vendor prefix, as configured (`acme/large`), for people and price look-ups.
    pub full_name: String,
    /// The vendor's name in the vendors table.
    pub vendor: String,
    /// The base URL, without credentials, for people.
    pub api_base: String,
    /// Share of the traffic in weighted strategies; also what `rpm` or `tpm` gave.
    pub weight: u32,
    /// Priority level: lower ones are used first.
    pub order: u32,
    /// How long each phase of an attempt may take.
    pub limits: Limits,
    /// How many more attempts a failed call may make; `None`: as the router says.
    pub num_retries: Option<u32>,
    /// What to do with what the vendor's dialect cannot express; `None`: as the router says.
    pub policy: Option<LossPolicy>,
    /// The vendor.
    pub provider: Arc<dyn Provider>,
}

/// How long each phase of an attempt may take. `None`: as the level above says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Option<Duration>,
    /// From the request's last byte to the answer's head.
    pub headers: Option<Duration>,
    /// From the attempt's start to the first event with content, for streams.
    pub first_content: Option<Duration>,
    /// Between two chunks of a stream.
    pub idle: Option<Duration>,
    /// The whole call, all attempts.
    pub total: Option<Duration>,
}

impl Limits {
    /// These limits, with what they leave open taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            connect: self.connect.or(other.connect),
            headers: self.headers.or(other.headers),
            first_content: self.first_content.or(other.first_content),
            idle: self.idle.or(other.idle),
            total: self.total.or(other.total),
        }
    }

    /// The deadlines of an attempt of a call that began at `began`.
    pub fn deadlines(self, began: Instant) -> Deadlines {
        Deadlines {
            connect: self.connect,
            headers: self.headers,
            first_content: self.first_content,
            idle: self.idle,
            total: self.total.and_then(|total| began.checked_add(total)),
        }
    }
}

/// One model of one vendor with one credential.
pub struct Deployment {
    spec: DeploymentSpec,
    in_flight: AtomicU32,
    attempts: AtomicU64,
    failures: AtomicU64,
    consecutive_failures: AtomicU32,
}

impl Deployment {
    /// A deployment that has not been used yet.
    pub fn new(spec: DeploymentSpec) -> Self {
        Self {
            spec,
            in_flight: AtomicU32::new(0),
            attempts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            consecutive_failures: AtomicU32::new(0),
        }
    }

    /// The model in the vendor's words for a public name.
    pub fn model_for(&self, public: &str) -> Cow<'_, str> {
        match self.spec.group.capture(public) {
            Some(caught) if self.spec.model.contains('*') => {
                Cow::Owned(self.spec.model.replacen('*', caught, 1))
            }
            _ => Cow::Borrowed(&self.spec.model),
        }
    }

    /// Attempts that are under way, streams included until they end.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Attempts made.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Attempts that failed by the vendor's fault.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Failures by the vendor's fault since the last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.consecutive_failures.load(Ordering::Relaxed)
    }

    /// Marks an attempt as begun; it lasts until the mark is dropped.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Books an attempt that gave an answer.
    pub fn succeeded(&self) {
        // Read first: in good times nobody writes to the shared line.
        if self.consecutive_failures.load(Ordering::Relaxed) != 0 {
            self.consecutive_failures.store(0, Ordering::Relaxed);
        }
    }

    /// Books an attempt that failed. A client's own mistake does not count.
    pub fn failed(&self, error: &Error) {
        if error.fault() == llm_core::Fault::Upstream {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.consecutive_failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl std::ops::Deref for Deployment {
    type Target = DeploymentSpec;

    fn deref(&self) -> &DeploymentSpec {
        &self.spec
    }
}

/// An attempt under way; dropping it ends it.
pub struct InFlight(Arc<Deployment>);

impl InFlight {
    /// The deployment that is used.
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
