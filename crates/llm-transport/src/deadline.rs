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

/// Watches the waits of one call. While data comes in time it costs one clock read a wait and no timer call.
#[derive(Debug)]
pub(crate) struct Watch {
    phase: Phase,
    headers: Option<Duration>,
    idle: Option<Duration>,
    total: Option<Instant>,
    started: Instant,
    last: Instant,
    /// A chunk came since anybody waited.
    moved: bool,
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
            moved: false,
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

    /// The request goes out (again) now: the moment is given back.
    pub(crate) fn sending(&mut self) -> Instant {
        let now = Instant::now();
        if let Some(sent) = &self.sent {
            sent.note_at(now);
        }
        now
    }

    /// The head is there; from now on the gaps between chunks are watched.
    pub(crate) fn answered(&mut self) {
        self.phase = Phase::Body;
        self.sent = None;
        self.received();
    }

    /// A chunk came. The wait for the next one begins when somebody waits, who looks at the clock then: of chunks that
    /// come together none does.
    pub(crate) fn received(&mut self) {
        self.moved = true;
    }

    /// Ready with the error when a deadline has passed. Call it only while waiting.
    pub(crate) fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        if std::mem::take(&mut self.moved) && self.idle.is_some() {
            self.last = Instant::now();
        }
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
        self.note_at(Instant::now());
    }

    fn note_at(&self, now: Instant) {
        let passed = now.saturating_duration_since(self.started).as_nanos();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.nanoseconds.store(passed, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.started + Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn expiry(watch: &mut Watch) -> String {
        poll_fn(|context| watch.poll_expired(context)).await.message().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn the_headers_deadline_counts_from_the_last_movement_of_the_body() {
        let mut watch = Watch::begin(&Deadlines { headers: Some(10 * SECOND), ..Deadlines::default() });
        let (began, sent) = (Instant::now(), watch.progress().expect("it is watched"));
        tokio::spawn(async move {
            for _ in 0..4 {
                sleep(9 * SECOND).await;
                sent.note();
            }
        });
        assert!(expiry(&mut watch).await.contains("headers deadline"));
        assert_eq!(began.elapsed().as_secs(), 4 * 9 + 10);
    }

    #[tokio::test(start_paused = true)]
    async fn without_deadlines_nothing_expires() {
        let mut watch = Watch::begin(&Deadlines::default());
        let waited = tokio::time::timeout(1_000_000 * SECOND, expiry(&mut watch)).await;
        assert!(waited.is_err());
        assert!(watch.timer.is_none() && watch.progress().is_none(), "and nothing is paid for it");
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_deadlines_is_named() {
        let total = Some((Instant::now() + 5 * SECOND).into_std());
        let mut watch = Watch::begin(&Deadlines { headers: Some(9 * SECOND), total, ..Deadlines::default() });
        let message = expiry(&mut watch).await;
        assert_eq!(
            message,
            "the call was not done when its time was up, 5 s after it began (total deadline)"
        );
        let mut watch =
            Watch::begin(&Deadlines { headers: Some(9 * SECOND), total: None, ..Deadlines::default() });
        assert!(expiry(&mut watch).await.contains("headers deadline"));
    }

    #[tokio::test(start_paused = true)]
    async fn chunks_do_not_move_the_timer() {
        let mut watch = Watch::begin(&Deadlines { idle: Some(10 * SECOND), ..Deadlines::default() });
        watch.answered();
        let began = Instant::now();
        for _ in 0..5 {
            let waited = tokio::time::timeout(3 * SECOND, expiry(&mut watch)).await;
            assert!(waited.is_err(), "in time");
            watch.received();
        }
        assert_eq!(watch.timer.as_ref().map(|timer| timer.deadline()), Some(began + 19 * SECOND));
        assert!(expiry(&mut watch).await.contains("idle deadline"));
        assert_eq!(began.elapsed().as_secs(), 5 * 3 + 10);
    }
}
