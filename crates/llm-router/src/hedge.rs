//! When a second attempt is made beside a slow first one, and how many of them.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

/// When a second attempt is made beside a slow first one, and how many of them. For streams only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeSettings {
    /// How long the first attempt may take.
    pub after: HedgeAfter,
    /// The share of requests that may have a second attempt.
    pub budget: f64,
}

/// How long a first attempt may take until a second one is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HedgeAfter {
    /// This long.
    Fixed(Duration),
    /// As long as this share of the group's streams took to their first content (0.95: nineteen of twenty).
    Quantile(f64),
}

impl HedgeSettings {
    /// One request in fifty, when it takes longer than nineteen of twenty do.
    pub const DEFAULT: Self = Self { after: HedgeAfter::Quantile(0.95), budget: 0.02 };
}

/// One second attempt, in the budget's unit.
const ONE: i64 = 1_000_000;

/// The most second attempts that are saved up.
const SAVED: i64 = 10 * ONE;

/// What a group that hedges remembers. Groups that do not have none of it.
#[derive(Debug)]
pub(crate) struct Hedge {
    settings: HedgeSettings,
    /// Millionths of second attempts.
    budget: AtomicI64,
    times: Histogram,
}

impl Hedge {
    pub(crate) fn new(settings: HedgeSettings) -> Self {
        Self { settings, budget: AtomicI64::new(ONE), times: Histogram::default() }
    }

    /// A request came. Returns how long its first attempt may take; `None`: not enough is known yet.
    pub(crate) fn request(&self) -> Option<Duration> {
        #[expect(clippy::cast_possible_truncation, reason = "a share")]
        let share = (self.settings.budget.clamp(0.0, 1.0) * ONE as f64) as i64;
        let add = |budget: i64| (budget < SAVED).then(|| (budget + share).min(SAVED));
        let _ = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        match self.settings.after {
            HedgeAfter::Fixed(after) => Some(after),
            HedgeAfter::Quantile(share) => self.times.quantile(share),
        }
    }

    /// Counts a second attempt; false when the budget is used up.
    pub(crate) fn take(&self) -> bool {
        let take = |budget: i64| (budget >= ONE).then(|| budget - ONE);
        self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// A stream of the group had its first content after so long.
    pub(crate) fn began(&self, took: Duration) {
        self.times.note(took);
    }
}

/// Steps for each doubling of the time: a step is a quarter.
const STEPS: u32 = 4;
const BUCKETS: usize = 96;

/// Times below which a share is asked for: this many have to be known.
const ENOUGH: u32 = 20;

/// At so many everything known is halved, so that what is new counts more.
const FULL: u32 = 2_000;

/// How often each time was seen, from a millisecond to some hours, each bucket a fifth longer than the one before.
#[derive(Debug)]
struct Histogram {
    buckets: [AtomicU32; BUCKETS],
    count: AtomicU32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU32::new(0) }; BUCKETS], count: AtomicU32::new(0) }
    }
}

impl Histogram {
    fn note(&self, took: Duration) {
        if let Some(bucket) = self.buckets.get(bucket(took)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == FULL {
            self.halve();
        }
    }

    fn halve(&self) {
        let mut count = 0;
        for bucket in &self.buckets {
            let half = bucket.load(Ordering::Relaxed) / 2;
            bucket.store(half, Ordering::Relaxed);
            count += half;
        }
        self.count.store(count, Ordering::Relaxed);
    }

    /// The time that this share of what was seen did not take longer than; `None` while little is known.
    fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count.load(Ordering::Relaxed);
        if count < ENOUGH {
            return None;
        }
        let wanted = f64::from(count) * share.clamp(0.0, 1.0);
        let mut sum = 0.0;
        let reached = self.buckets.iter().position(|bucket| {
            sum += f64::from(bucket.load(Ordering::Relaxed));
            sum >= wanted
        });
        Some(upper_end(reached.unwrap_or(BUCKETS - 1)))
    }
}

fn bucket(took: Duration) -> usize {
    let doublings = libm::log2((took.as_secs_f64() * 1_000.0).max(1.0));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the buckets")]
    let bucket = (doublings * f64::from(STEPS)).min((BUCKETS - 1) as f64) as usize;
    bucket
}

fn upper_end(bucket: usize) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let doublings = (bucket + 1) as f64 / f64::from(STEPS);
    Duration::from_secs_f64(libm::exp2(doublings) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_known_after_some_and_right_within_a_fifth() {
        let times = Histogram::default();
        (1..=19).for_each(|_| times.note(Duration::from_millis(100)));
        assert_eq!(times.quantile(0.95), None);
        for millisecond in 1..=1_000 {
            times.note(Duration::from_millis(millisecond));
        }
        let found = times.quantile(0.95).expect("enough").as_secs_f64();
        assert!((0.95..0.95 * 1.2).contains(&found), "{found}");
    }

    #[test]
    fn what_is_old_counts_less() {
        let times = Histogram::default();
        (0..FULL).for_each(|_| times.note(Duration::from_secs(8)));
        (0..FULL).for_each(|_| times.note(Duration::from_millis(50)));
        let found = times.quantile(0.5).expect("enough");
        assert!(found < Duration::from_millis(70), "{found:?}");
    }

    #[test]
    fn second_attempts_are_a_share_of_the_requests() {
        let after = HedgeAfter::Fixed(Duration::from_secs(1));
        let hedge = Hedge::new(HedgeSettings { after, budget: 0.02 });
        let taken = (0..1_000).filter(|_| hedge.request().is_some() && hedge.take()).count();
        assert_eq!(taken, 1 + 20);
    }
}
