//! Until when any breaker of this process is closed. Mostly none is: then a pick looks at this one number instead of at
//! every deployment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::clock;

static LATEST: AtomicU64 = AtomicU64::new(0);

/// Whether any breaker may be closed. It may be wrong for a moment: who admits an attempt looks at the breaker itself.
pub(crate) fn any(now: Instant) -> bool {
    let latest = LATEST.load(Ordering::Relaxed);
    latest != 0 && clock::micros(now) < latest
}

/// A breaker is closed until then.
pub(super) fn until(micros: u64) {
    LATEST.fetch_max(micros, Ordering::Relaxed);
}
