//! Counters striped by thread: each thread adds to a stripe of its own, a reader sums the stripes.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::available_parallelism;

/// More stripes than this cost memory and win nothing: a gateway's threads sit on cores.
const MOST_STRIPES: usize = 16;

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// `N` counters in stripes. Counts wrap at 2⁶⁴, as Prometheus' own do; a gauge adds and subtracts across threads and
/// is right in the sum.
#[derive(Debug)]
pub(crate) struct Striped<const N: usize>(Box<[Stripe<N>]>);

/// A stripe begins a pair of cache lines (the unit that the prefetcher fetches), so that no other core writes to it.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for Striped<N> {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from).min(MOST_STRIPES);
        Self((0..cores).map(|_| Stripe(array::from_fn(|_| AtomicU64::new(0)))).collect())
    }
}

impl<const N: usize> Striped<N> {
    /// This thread's counters.
    pub(crate) fn own(&self) -> &[AtomicU64; N] {
        let thread = OWN.with(|own| match own.get() {
            usize::MAX => {
                let thread = NEXT.fetch_add(1, Ordering::Relaxed);
                own.set(thread);
                thread
            }
            thread => thread,
        });
        &self.0[thread % self.0.len()].0
    }

    /// A counter's sum over all stripes.
    pub(crate) fn sum(&self, at: usize) -> u64 {
        self.0.iter().fold(0, |sum: u64, stripe| sum.wrapping_add(stripe.0[at].load(Ordering::Relaxed)))
    }
}

/// Adds to a counter of a stripe.
pub(crate) fn add(cell: &AtomicU64, amount: u64) {
    if amount > 0 {
        cell.fetch_add(amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_threads_are_exact() {
        let cells: Striped<2> = Striped::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        add(&cells.own()[1], 3);
                    }
                });
            }
        });
        assert_eq!((cells.sum(0), cells.sum(1)), (0, 24_000));
    }
}
