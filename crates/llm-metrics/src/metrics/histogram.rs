//! Histograms of durations: bounds in whole nanoseconds, counts in a stripe's cells.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::cells::{Striped, add};

/// How many cells a histogram of twelve bounds takes: its buckets, one for what is above them all, and the sum.
pub(crate) const CELLS: usize = 12 + 2;

/// The same for one of fourteen bounds.
pub(crate) const WIDE_CELLS: usize = 14 + 2;

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// The upper bounds of a histogram's buckets: nanoseconds, or things that are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale(&'static [u64]);

/// Answers of models: 50 ms to 5 min.
pub(crate) const ANSWER: Scale = Scale(&[
    50 * MILLI,
    100 * MILLI,
    250 * MILLI,
    500 * MILLI,
    SECOND,
    5 * SECOND / 2,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    120 * SECOND,
    300 * SECOND,
]);

/// One token: 1 ms to 1 s.
pub(crate) const TOKEN: Scale = Scale(&[
    MILLI,
    5 * MILLI / 2,
    5 * MILLI,
    10 * MILLI,
    20 * MILLI,
    30 * MILLI,
    50 * MILLI,
    75 * MILLI,
    100 * MILLI,
    200 * MILLI,
    500 * MILLI,
    SECOND,
]);

/// Our own work: 20 µs to 1 s.
pub(crate) const OVERHEAD: Scale = Scale(&[
    20 * MICRO,
    50 * MICRO,
    100 * MICRO,
    250 * MICRO,
    500 * MICRO,
    MILLI,
    5 * MILLI / 2,
    5 * MILLI,
    10 * MILLI,
    50 * MILLI,
    250 * MILLI,
    SECOND,
]);

/// Calls of models, as the conventions of OpenTelemetry want them: 10 ms to 82 s, doubling.
pub(crate) const CALL: Scale = Scale(&[
    10 * MILLI,
    20 * MILLI,
    40 * MILLI,
    80 * MILLI,
    160 * MILLI,
    320 * MILLI,
    640 * MILLI,
    1_280 * MILLI,
    2_560 * MILLI,
    5_120 * MILLI,
    10_240 * MILLI,
    20_480 * MILLI,
    40_960 * MILLI,
    81_920 * MILLI,
]);

/// Tokens of a call, as the same conventions want them: 1 to 67 million, by four.
pub(crate) const TOKENS: Scale = Scale(&[
    1,
    1 << 2,
    1 << 4,
    1 << 6,
    1 << 8,
    1 << 10,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
]);

/// What a histogram has counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Distribution {
    /// Bounds, and how many observations were at most that large.
    pub(crate) cumulative: Vec<(u64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

impl Scale {
    /// Counts a duration in the cells of a histogram.
    pub(crate) fn observe(&self, cells: &[AtomicU64], duration: Duration) {
        self.count(cells, u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The same for a number.
    pub(crate) fn count(&self, cells: &[AtomicU64], number: u64) {
        let bucket = self.0.partition_point(|bound| *bound < number);
        if let (Some(bucket), Some(sum)) = (cells.get(bucket), cells.get(self.0.len() + 1)) {
            add(bucket, 1);
            add(sum, number);
        }
    }

    /// Reads a histogram whose cells begin at `first`.
    pub(crate) fn read<const N: usize>(&self, cells: &Striped<N>, first: usize) -> Distribution {
        let mut count = 0;
        let mut cumulative = Vec::with_capacity(self.0.len());
        for (at, bound) in self.0.iter().enumerate() {
            count += cells.sum(first + at);
            cumulative.push((*bound, count));
        }
        Distribution {
            cumulative,
            count: count + cells.sum(first + self.0.len()),
            sum: cells.sum(first + self.0.len() + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_holds_it() {
        let cells: Striped<CELLS> = Striped::default();
        for millis in [50, 51, 1_000_000] {
            ANSWER.observe(cells.own(), Duration::from_millis(millis));
        }
        let read = ANSWER.read(&cells, 0);
        assert_eq!((read.count, read.sum), (3, 1_000_101 * MILLI));
        assert_eq!(read.cumulative.iter().map(|(_, count)| *count).take(3).collect::<Vec<_>>(), [1, 2, 2]);
        assert_eq!(read.cumulative.last(), Some(&(300 * SECOND, 2)));
    }

    #[test]
    fn bounds_rise() {
        for (scale, cells) in
            [(ANSWER, CELLS), (TOKEN, CELLS), (OVERHEAD, CELLS), (CALL, WIDE_CELLS), (TOKENS, WIDE_CELLS)]
        {
            assert!(scale.0.is_sorted_by(|left, right| left < right));
            assert_eq!(scale.0.len() + 2, cells);
        }
    }
}
