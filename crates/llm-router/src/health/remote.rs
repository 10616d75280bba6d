//! Benches that gateways tell each other: what failed for one of them is left alone by all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breaker::{Breaker, Phase, State};
use super::{Health, Scope};
use crate::clock;
use crate::shared::{BenchElsewhere, Shared};

/// The other gateways, and what they call the deployment.
pub(super) struct Elsewhere {
    shared: Arc<dyn Shared>,
    deployment: String,
}

impl Health {
    /// Says with whom benches are shared; only the first one is told.
    pub(crate) fn share(&self, shared: Arc<dyn Shared>, deployment: &str) {
        let _ = self.elsewhere.set(Elsewhere { shared, deployment: deployment.to_owned() });
    }

    /// Another gateway leaves it alone. A bench only extends what is there, and one of a single model is not shared.
    /// Says whether it was in use until now.
    pub fn benched_elsewhere(&self, bench: BenchElsewhere, now: Instant) -> bool {
        let Some(breaker) = self.shared_breaker(bench.scope).filter(|_| self.settings().enabled) else {
            return false;
        };
        let length = bench.length.min(self.longest_bench());
        breaker.bench_until(clock::micros(now).saturating_add(clock::of(length)), bench.strict)
    }

    /// Another gateway had an answer. Says whether that brought it back here.
    pub fn recovered_elsewhere(&self, scope: Scope, now: Instant) -> bool {
        let released = self.shared_breaker(scope).is_some_and(|one| one.released(clock::micros(now)));
        if released && scope == Scope::Deployment {
            self.counts.clear();
        }
        released
    }

    /// No vendor's hint is believed for longer, whoever tells of it.
    fn longest_bench(&self) -> Duration {
        self.settings().cooldown.most().max(Duration::from_secs(3_600))
    }

    fn shared_breaker(&self, scope: Scope) -> Option<&Breaker> {
        match scope {
            Scope::Deployment => Some(&self.own),
            Scope::Key => Some(&self.credential.0),
            Scope::Model => None,
        }
    }

    /// A bench has begun, or has become longer: the others are told.
    pub(super) fn tell_elsewhere(&self, scope: Scope, before: State, after: State, now: u64) {
        let Some(elsewhere) = self.elsewhere.get().filter(|_| scope != Scope::Model) else { return };
        let is_news = before.phase != Phase::Benched || before.time < after.time;
        if after.phase == Phase::Benched && is_news {
            let length = Duration::from_micros(after.time.saturating_sub(now));
            let bench = BenchElsewhere { scope, length, strict: after.strict };
            elsewhere.shared.benched(&elsewhere.deployment, bench);
        }
    }

    pub(super) fn tell_recovered_elsewhere(&self, scope: Scope) {
        if let Some(elsewhere) = self.elsewhere.get().filter(|_| scope != Scope::Model) {
            elsewhere.shared.recovered(&elsewhere.deployment, scope);
        }
    }
}
