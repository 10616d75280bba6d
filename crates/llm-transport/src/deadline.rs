//! Deadlines of a call: one timer that is armed when somebody waits and moved only when it fires.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use llm_core::provider::Deadlines;
use llm_core::{Error, ErrorKind};
use tokio::time::{Instant, Sleep, sleep_until};

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Headers,
    Body,
}

/// Watches the waits of one call. While data comes in time it costs one clock read a chunk and no timer call.
#[derive(Debug)]
pub(crate) struct Watch {
    phase: Phase,
    headers: Option<Duration>,
    idle: Option<Duration>,
    total: Option<Instant>,
    started: Instant,
    last: Instant,
    sent: Option<Arc<Progress>>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    /// Begins a call.
    pub(crate) fn begin(deadlines: &Deadlines) -> Self {
        let now = Instant::now();
        Self {
            phase: Phase::Headers,
            headers: deadlines.headers,
            idle: deadlines.idle,
            total: deadlines.total.map(Instant::from_std),
            started: now,
            last: now,
            sent: deadlines.headers.map(|_| Arc::new(Progress::new(now))),
            timer: None,
        }
    }

    /// Where the request's body notes that it moves: the headers deadline counts from its last byte.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        self.sent.clone()
    }

    /// When the whole call must be done.
    pub(crate) fn total(&self) -> Option<Instant> {
        self.total
    }

    /// The request goes out (again) now.
    pub(crate) fn sending(&mut self) {
        if let Some(sent) = &self.sent {
            sent.note();
        }
    }

    /// The head is there; from now on the gaps between chunks are watched.
    pub(crate) fn answered(&mut self) {
        self.phase = Phase::Body;
        self.sent = None;
        self.received();
    }

    /// A chunk came.
    pub(crate) fn received(&mut self) {
        if self.idle.is_some() {
            self.last = Instant::now();
        }
    }

    /// Ready with the error when a deadline has passed. Call it only while waiting.
    pub(crate) fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        loop {
            let Some((due, by_total)) = self.due() else { return Poll::Pending };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            // A timer that is too early is left alone: it moves on when it fires.
            if timer.deadline() > due {
                timer.as_mut().reset(due);
            }
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= due {
                return Poll::Ready(self.expired(by_total));
            }
            timer.as_mut().reset(due);
        }
    }

    /// The error of a call whose time is up.
    pub(crate) fn total_expired(&self) -> Error {
        self.expired(true)
    }

    fn due(&self) -> Option<(Instant, bool)> {
        let phase = match self.phase {
            Phase::Headers => {
                let last = self.sent.as_ref().map_or(self.started, |sent| sent.last());
                self.headers.and_then(|limit| last.checked_add(limit))
            }
            Phase::Body => self.idle.and_then(|limit| self.last.checked_add(limit)),
        };
        match (phase, self.total) {
            (Some(phase), Some(total)) if total <= phase => Some((total, true)),
            (Some(phase), _) => Some((phase, false)),
            (None, total) => total.map(|total| (total, true)),
        }
    }

    fn expired(&self, by_total: bool) -> Error {
        if by_total {
            let length = self.total.map_or(Duration::ZERO, |total| total - self.started);
            return timeout(format!(
                "the call was not done when its time was up, {} after it began (total deadline)",
                seconds(length)
            ));
        }
        match self.phase {
            Phase::Headers => timeout(format!(
                "the vendor did not begin to answer within {} (headers deadline)",
                seconds(self.headers.unwrap_or_default())
            )),
            Phase::Body => timeout(format!(
                "the vendor sent nothing for {} in the middle of its answer (idle deadline)",
                seconds(self.idle.unwrap_or_default())
            )),
        }
    }
}

/// The error of a connection that took too long.
pub(crate) fn connect_expired(limit: Duration) -> Error {
    timeout(format!("the vendor could not be reached within {} (connect deadline)", seconds(limit)))
}

fn timeout(message: String) -> Error {
    Error::new(ErrorKind::Timeout, message)
}

fn seconds(length: Duration) -> String {
    format!("{} s", length.as_millis() as f64 / 1000.0)
}

/// When a request's body last moved, as its connection's task tells it.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    nanoseconds: AtomicU64,
}

impl Progress {
    fn new(started: Instant) -> Self {
        Self { started, nanoseconds: AtomicU64::new(0) }
    }

    /// The body moved now.
    pub(crate) fn note(&self) {
        let passed = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.store(passed, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.started + Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}
