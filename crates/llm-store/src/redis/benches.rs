//! Which deployments other gateways leave alone: read a few times a second, each bench applied once.

use std::collections::HashMap;
use std::sync::Weak;
use std::time::{Duration, Instant};

use llm_router::{BenchElsewhere, Deployment, Scope};

/// A bench that is gone this long before its time was ended by an answer, and not by the clock.
const EARLY: Duration = Duration::from_secs(1);

/// What a bench is called: what is left alone, then the deployment's id.
pub(super) fn field(scope: Scope, deployment: &str) -> String {
    format!("{}:{deployment}", scope.name())
}

fn parse(field: &str) -> Option<(Scope, &str)> {
    let (scope, deployment) = field.split_once(':')?;
    let scope = [Scope::Deployment, Scope::Key].into_iter().find(|one| one.name() == scope)?;
    Some((scope, deployment))
}

/// What was heard of benches.
pub(super) struct Heard {
    known: HashMap<String, Weak<Deployment>>,
    /// This gateway's own name: what it said itself is no news.
    origin: String,
    /// By field: when it ends by the server's clock, and by ours.
    current: HashMap<String, (u64, Instant)>,
}

/// A bench as Redis tells it: its field, what was put there, and the milliseconds that are left.
pub(super) type Told = (String, String, u64);

impl Heard {
    pub(super) fn new(known: HashMap<String, Weak<Deployment>>, origin: String) -> Self {
        Self { known, origin, current: HashMap::new() }
    }

    /// These are the deployments now. One that is new hears of all benches again.
    pub(super) fn know(&mut self, known: HashMap<String, Weak<Deployment>>) {
        let before = std::mem::replace(&mut self.known, known);
        let known = &self.known;
        let is_new = |id: &str| match (before.get(id), known.get(id)) {
            (Some(before), Some(now)) => !before.ptr_eq(now),
            (before, _) => before.is_none(),
        };
        self.current.retain(|field, _| parse(field).is_some_and(|(_, id)| !is_new(id)));
    }

    /// Takes in all benches that there are.
    pub(super) fn take(&mut self, told: &[Told], now: Instant) {
        let is_told = |field: &str| told.iter().any(|(one, ..)| one == field);
        let over: Vec<String> = self.current.keys().filter(|field| !is_told(field)).cloned().collect();
        for field in over {
            if let Some((_, until)) = self.current.remove(&field)
                && until > now + EARLY
            {
                self.recovered(&field, now);
            }
        }
        for (field, value, left) in told {
            let mut words = value.split(' ');
            let version = words.next().and_then(|word| word.parse().ok());
            let (Some(version), strict, origin) = (version, words.next() == Some("1"), words.next()) else {
                continue;
            };
            let length = Duration::from_millis(*left);
            let until = now.checked_add(length).unwrap_or(now);
            let before = self.current.insert(field.clone(), (version, until));
            if before.is_none_or(|(before, _)| before < version) && origin != Some(&self.origin) {
                self.benched(field, length, strict, now);
            }
        }
    }

    fn benched(&self, field: &str, length: Duration, strict: bool, now: Instant) {
        let Some((scope, id)) = parse(field) else { return };
        let Some(deployment) = self.known.get(id).and_then(Weak::upgrade) else { return };
        let bench = BenchElsewhere { scope, length, strict };
        if deployment.health().benched_elsewhere(bench, now) {
            let (seconds, scope) = (length.as_secs_f64(), scope.name());
            tracing::warn!(
                target: "llm_store::redis",
                deployment = id, scope, seconds, "cooling down: it failed for another gateway"
            );
        }
    }

    fn recovered(&self, field: &str, now: Instant) {
        let Some((scope, id)) = parse(field) else { return };
        let Some(deployment) = self.known.get(id).and_then(Weak::upgrade) else { return };
        if deployment.health().recovered_elsewhere(scope, now) {
            tracing::info!(
                target: "llm_store::redis",
                deployment = id, scope = scope.name(), "in use again: it answered another gateway"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use llm_router::{DeploymentSpec, Stands};
    use llm_testkit::fake::FakeProvider;

    use super::*;

    fn stands(deployment: &Deployment) -> Stands {
        deployment.health().standing(Instant::now()).stands
    }

    #[test]
    fn a_bench_is_applied_once_extended_by_a_later_one_and_ended_by_an_answer() {
        let spec = DeploymentSpec::new("a:b", "m", "m", FakeProvider::new([]));
        let deployment = Arc::new(Deployment::new(spec));
        let known = HashMap::from([("a:b".to_owned(), Arc::downgrade(&deployment))]);
        let mut heard = Heard::new(known, "me".to_owned());
        let told = |until: u64, origin: &str, left: u64| {
            (field(Scope::Deployment, "a:b"), format!("{until} 0 {origin}"), left)
        };
        let now = Instant::now();
        heard.take(&[told(1_000, "me", 9_000)], now);
        assert_eq!(stands(&deployment), Stands::Healthy, "it said so itself, and has learnt more since");
        heard.take(&[told(2_000, "other", 10_000)], now);
        assert_eq!(stands(&deployment), Stands::CoolingDown);
        deployment.health().recovered_elsewhere(Scope::Deployment, now);
        heard.take(&[told(2_000, "other", 9_500)], now);
        assert_eq!(stands(&deployment), Stands::Recovering, "what was heard before is no news");
        heard.take(&[told(3_000, "other", 20_000)], now);
        assert_eq!(stands(&deployment), Stands::CoolingDown);
        heard.take(&[], now);
        assert_eq!(stands(&deployment), Stands::Recovering);
        heard.take(&[("nonsense".to_owned(), "no number".to_owned(), 5)], now);
    }
}
