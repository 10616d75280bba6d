//! How often something happened lately, in one word.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what happens within a window that begins with the first event after the window before.
#[derive(Debug, Default)]
pub(super) struct Tally(AtomicU64);

/// Bits of the count; the rest is the second in which the window began.
const COUNT: u32 = 24;
const MOST: u64 = (1 << COUNT) - 1;

impl Tally {
    /// Counts one more; the count of the window, and whether it has just begun.
    pub(super) fn add(&self, now: u64, window: u64) -> (u64, bool) {
        // Tenths of a second: enough bits for fifty years.
        let (now, window) = (now / 100_000, (window / 100_000).max(1));
        let next = |word: u64| {
            let (began, count) = (word >> COUNT, word & MOST);
            let over = count == 0 || now.saturating_sub(began) >= window;
            if over { now << COUNT | 1 } else { began << COUNT | (count + 1).min(MOST) }
        };
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| Some(next(word)));
        let after = next(before.unwrap_or_else(|word| word));
        (after & MOST, after & MOST == 1)
    }

    /// Begins anew.
    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_window_begins_with_its_first_event() {
        let tally = Tally::default();
        assert_eq!(tally.add(7 * SECOND, 5 * SECOND), (1, true));
        assert_eq!(tally.add(11 * SECOND, 5 * SECOND), (2, false));
        assert_eq!(tally.add(12 * SECOND, 5 * SECOND), (1, true));
        tally.clear();
        assert_eq!(tally.add(12 * SECOND, 5 * SECOND), (1, true));
    }
}
