//! Histograms of durations: bounds in whole nanoseconds, counts in a stripe's cells.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::cells::{Striped, add};

/// How many bounds each histogram has; one more bucket counts what is above them all.
const BOUNDS: usize = 12;

/// How many cells a histogram takes: its buckets and the sum.
pub(crate) const CELLS: usize = BOUNDS + 2;

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// The upper bounds of a histogram's buckets, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale([u64; BOUNDS]);

/// Answers of models: 50 ms to 5 min.
pub(crate) const ANSWER: Scale = Scale([
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
pub(crate) const TOKEN: Scale = Scale([
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
pub(crate) const OVERHEAD: Scale = Scale([
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

/// What a histogram has counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Distribution {
    /// Bounds in nanoseconds, and how many observations were at most that long.
    pub(crate) cumulative: Vec<(u64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

impl Scale {
    /// Counts a duration in the cells of a histogram.
    pub(crate) fn observe(&self, cells: &[AtomicU64], duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.0.partition_point(|bound| *bound < nanos);
        if let (Some(bucket), Some(sum)) = (cells.get(bucket), cells.get(CELLS - 1)) {
            add(bucket, 1);
            add(sum, nanos);
        }
    }

    /// Reads a histogram whose cells begin at `first`.
    pub(crate) fn read<const N: usize>(&self, cells: &Striped<N>, first: usize) -> Distribution {
        let mut count = 0;
        let mut cumulative = Vec::with_capacity(BOUNDS);
        for (at, bound) in self.0.iter().enumerate() {
            count += cells.sum(first + at);
            cumulative.push((*bound, count));
        }
        Distribution {
            cumulative,
            count: count + cells.sum(first + BOUNDS),
            sum: cells.sum(first + CELLS - 1),
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
        for scale in [ANSWER, TOKEN, OVERHEAD] {
            assert!(scale.0.is_sorted_by(|left, right| left < right));
        }
    }
}
