//! Everything that a gateway did, added up: what two of these differ in is what happened between them.

use std::time::Duration;

use llm_core::money::NanoDollars;

use super::Metrics;
use super::deployment::{Counter, Timing};
use super::histogram::Distribution;
use super::route::{Kept, PLACES, is_failure};

/// Everything that a gateway did so far.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// Requests that ended.
    pub requests: u64,
    /// Those whose client got an error.
    pub failures: u64,
    /// Prompt and answer tokens.
    pub tokens: u64,
    /// Money.
    pub cost: NanoDollars,
    /// Answers that were kept.
    pub cache_hits: u64,
    /// Calls for which none was kept.
    pub cache_misses: u64,
    /// Requests that are being served.
    pub in_flight: u64,
    /// From request to end, of answers that came.
    pub latency: Times,
    /// From request to first content, of answers that were streamed.
    pub first_token: Times,
}

/// How long something took, as counts of histograms: percentiles are as sharp as their bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Bounds in nanoseconds, and how many took at most that long.
    cumulative: Vec<(u64, u64)>,
    count: u64,
}

impl Times {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |at: usize| earlier.cumulative.get(at).map_or(0, |(_, count)| *count);
        let later = |(at, (bound, count)): (usize, &(u64, u64))| (*bound, count.saturating_sub(before(at)));
        Self {
            cumulative: self.cumulative.iter().enumerate().map(later).collect(),
            count: self.count.saturating_sub(earlier.count),
        }
    }

    /// How long so many thousandths of them took at most: 500 asks for the median. Within a bucket times are taken to be
    /// spread evenly; above the last bound there is none.
    pub fn permille(&self, thousandths: u64) -> Option<Duration> {
        let wanted = (self.count * thousandths).div_ceil(1_000).max(1);
        if self.count == 0 {
            return None;
        }
        let (mut low, mut before) = (0, 0);
        for (bound, count) in &self.cumulative {
            if *count >= wanted {
                let part = u128::from(bound - low) * u128::from(wanted - before) / u128::from(count - before);
                return Some(Duration::from_nanos(low + u64::try_from(part).unwrap_or(0)));
            }
            (low, before) = (*bound, *count);
        }
        Some(Duration::from_nanos(low))
    }

    fn add(&mut self, more: &Distribution) {
        if self.cumulative.is_empty() {
            self.cumulative = more.cumulative.iter().map(|(bound, _)| (*bound, 0)).collect();
        }
        for ((_, count), (_, more)) in self.cumulative.iter_mut().zip(&more.cumulative) {
            *count += more;
        }
        self.count += more.count;
    }
}

impl From<Distribution> for Times {
    fn from(all: Distribution) -> Self {
        Self { cumulative: all.cumulative, count: all.count }
    }
}

impl Metrics {
    /// Everything so far. It reads all counters: for once in some seconds, not for each request.
    pub fn whole(&self) -> Whole {
        let mut whole = Whole { in_flight: self.book.in_flight.sum(0), ..Whole::default() };
        for (_, route) in self.book.routes() {
            for place in 0..PLACES {
                let ended = route.at(place);
                whole.requests += ended;
                whole.failures += if is_failure(place) { ended } else { 0 };
            }
            whole.cache_hits += route.kept(Kept::Hits);
            whole.cache_misses += route.kept(Kept::Misses);
        }
        for (_, deployment) in self.book.deployments() {
            let count = |counter| deployment.counter(counter);
            whole.tokens += count(Counter::Input) + count(Counter::Output);
            let cost = i64::try_from(count(Counter::SpendNanos)).unwrap_or(i64::MAX);
            whole.cost = NanoDollars(whole.cost.0.saturating_add(cost));
            whole.latency.add(&deployment.distribution(Timing::Total));
            whole.first_token.add(&deployment.distribution(Timing::FirstToken));
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cumulative: &[(u64, u64)], count: u64) -> Times {
        Times { cumulative: cumulative.to_vec(), count }
    }

    #[test]
    fn percentiles_lie_between_the_bounds() {
        let times = times(&[(100, 50), (200, 90)], 100);
        assert_eq!(times.permille(500), Some(Duration::from_nanos(100)));
        assert_eq!(times.permille(700), Some(Duration::from_nanos(150)));
        assert_eq!(times.permille(990), Some(Duration::from_nanos(200)), "the last bound");
        assert_eq!(Times::default().permille(500), None);
    }

    #[test]
    fn what_happened_between_two_is_what_they_differ_in() {
        let (earlier, later) = (times(&[(100, 50), (200, 90)], 90), times(&[(100, 50), (200, 100)], 100));
        let between = later.since(&earlier);
        assert_eq!((between.count(), between.permille(500)), (10, Some(Duration::from_nanos(150))));
        assert_eq!(later.since(&Times::default()), later);
    }
}
