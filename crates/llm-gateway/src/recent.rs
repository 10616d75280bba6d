//! What the gateway remembers of its last hours: a moment every few seconds, worked out of the counters that there are
//! anyhow. Calls pay nothing for it.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use llm_metrics::{Times, Whole};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::sleep;

use crate::gateway::Gateway;

/// How far moments are apart.
const APART: Duration = Duration::from_secs(15);

/// How many are remembered: six hours of them.
const MOST: usize = 1_440;

/// What happened between a moment and the one before it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Moment {
    /// Seconds since 1970.
    pub at: u64,
    /// Requests that ended.
    pub requests: u64,
    /// Those whose client got an error.
    pub failures: u64,
    /// Prompt and answer tokens.
    pub tokens: u64,
    /// Dollars, for charts: they need no more than a float has.
    pub cost: f64,
    /// Requests that were being served at the moment.
    pub in_flight: u64,
    /// Half of the answers took at most so many milliseconds; `null` without answers.
    pub latency_p50_ms: Option<f64>,
    /// All but one in twenty.
    pub latency_p95_ms: Option<f64>,
    /// The same until the first content.
    pub first_token_p50_ms: Option<f64>,
    /// All but one in twenty.
    pub first_token_p95_ms: Option<f64>,
    /// Answers that were kept.
    pub cache_hits: u64,
    /// Calls for which none was kept.
    pub cache_misses: u64,
}

/// The last hours of a gateway.
#[derive(Clone, Debug, Serialize)]
pub struct Recently {
    /// Requests that are being served now.
    pub in_flight: u64,
    /// How far moments are apart.
    pub interval_seconds: u64,
    /// The moments, the latest last. Since the start, or for six hours.
    pub moments: Vec<Moment>,
}

/// The moments, and what was counted at the last of them.
#[derive(Default)]
pub(crate) struct Recent(Mutex<(Whole, VecDeque<Moment>)>);

impl Recent {
    fn remember(&self, now: Whole) {
        let (before, moments) = &mut *self.0.lock();
        let moment = moment(before, &now);
        if moments.len() >= MOST {
            moments.pop_front();
        }
        moments.push_back(moment);
        *before = now;
    }
}

impl Gateway {
    /// Remembers moments; never ends by itself. One task of a process runs it.
    pub async fn remember(&self) {
        loop {
            sleep(APART).await;
            self.recent.remember(self.metrics.whole());
        }
    }

    /// The last hours, and the seconds since the last moment as one more.
    pub fn recently(&self) -> Recently {
        let now = self.metrics.whole();
        let (before, moments) = &*self.recent.0.lock();
        let mut moments: Vec<Moment> = moments.iter().copied().collect();
        moments.push(moment(before, &now));
        Recently { in_flight: now.in_flight, interval_seconds: APART.as_secs(), moments }
    }
}

fn moment(before: &Whole, now: &Whole) -> Moment {
    let (latency, first_token) =
        (now.latency.since(&before.latency), now.first_token.since(&before.first_token));
    #[expect(clippy::cast_precision_loss, reason = "charts need no more than a float has")]
    let cost = (now.cost.0 - before.cost.0) as f64 / 1e9;
    Moment {
        at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        requests: now.requests.saturating_sub(before.requests),
        failures: now.failures.saturating_sub(before.failures),
        tokens: now.tokens.saturating_sub(before.tokens),
        cost,
        in_flight: now.in_flight,
        latency_p50_ms: millis(&latency, 500),
        latency_p95_ms: millis(&latency, 950),
        first_token_p50_ms: millis(&first_token, 500),
        first_token_p95_ms: millis(&first_token, 950),
        cache_hits: now.cache_hits.saturating_sub(before.cache_hits),
        cache_misses: now.cache_misses.saturating_sub(before.cache_misses),
    }
}

/// So many thousandths took at most these milliseconds.
pub(crate) fn millis(times: &Times, thousandths: u64) -> Option<f64> {
    Some((times.permille(thousandths)?.as_secs_f64() * 1e5).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_what_was_counted_since_the_last_one() {
        let recent = Recent::default();
        recent.remember(Whole { requests: 5, failures: 1, ..Whole::default() });
        recent.remember(Whole { requests: 7, failures: 1, in_flight: 3, ..Whole::default() });
        let moments = &recent.0.lock().1;
        let counts: Vec<_> = moments.iter().map(|one| (one.requests, one.failures, one.in_flight)).collect();
        assert_eq!(counts, [(5, 1, 0), (2, 0, 3)]);
        assert_eq!(moments.back().and_then(|moment| moment.latency_p50_ms), None);
    }

    #[test]
    fn old_moments_are_forgotten() {
        let recent = Recent::default();
        (0..MOST as u64 + 10).for_each(|requests| recent.remember(Whole { requests, ..Whole::default() }));
        assert_eq!(recent.0.lock().1.len(), MOST);
    }
}
