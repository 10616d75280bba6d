//! Whether any breaker of this process is not at rest. Mostly none is: then a pick looks at this one number instead of
//! at every deployment.

use std::sync::atomic::{AtomicUsize, Ordering};

static BREAKERS: AtomicUsize = AtomicUsize::new(0);

/// Whether any breaker is not at rest. Late by a moment at most; who admits an attempt looks at the breaker itself.
pub(crate) fn any() -> bool {
    BREAKERS.load(Ordering::Relaxed) != 0
}

/// A breaker has left its rest.
pub(super) fn begins() {
    BREAKERS.fetch_add(1, Ordering::Relaxed);
}

/// A breaker is at rest again, or is gone.
pub(super) fn ends() {
    BREAKERS.fetch_sub(1, Ordering::Relaxed);
}
