//! Time as one number, so that it fits into an atomic.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Where the numbers begin: well before anything that this process measures.
static ORIGIN: LazyLock<Instant> = LazyLock::new(|| {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(3_600)).unwrap_or(now)
});

/// The time, by the runtime's clock: a test may stop that one.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// An instant as microseconds since the origin, never 0.
pub(crate) fn micros(at: Instant) -> u64 {
    of(at.saturating_duration_since(*ORIGIN)).max(1)
}

/// A duration in microseconds.
pub(crate) fn of(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The instant that microseconds since the origin mean.
pub(crate) fn instant(micros: u64) -> Instant {
    ORIGIN.checked_add(Duration::from_micros(micros)).unwrap_or(*ORIGIN)
}
