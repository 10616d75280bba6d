//! Limits and budgets of callers that several gateways share.

use std::sync::Arc;

use llm_governance::{Changed, SharedCounters};
use llm_store::RedisSettings;

use super::Unopened;

/// What is shared; nothing without a Redis.
#[derive(Clone, Default)]
pub(super) struct Sharing {
    #[cfg(feature = "redis")]
    counters: Option<Arc<llm_store::redis::SharedCallCounters>>,
}

#[cfg(feature = "redis")]
impl Sharing {
    /// Begins to talk to the Redis of a configuration.
    ///
    /// # Errors
    /// When its address is none, or the system gives no thread.
    pub(super) fn start(settings: Option<&RedisSettings>) -> Result<Self, Unopened> {
        use llm_store::redis::{CounterLeases, SharedCallCounters};
        let start =
            |settings: &RedisSettings| SharedCallCounters::start(settings.clone(), CounterLeases::default());
        let counters = settings.map(start).transpose().map_err(|error| Unopened {
            what: format!("limits and budgets cannot be shared: {}", error.message()),
            help: "see `router_settings.redis_url`".to_owned(),
        })?;
        Ok(Self { counters: counters.map(Arc::new) })
    }

    /// For governance.
    pub(super) fn counters(&self) -> Option<Arc<dyn SharedCounters>> {
        let counters = Arc::clone(self.counters.as_ref()?);
        Some(counters)
    }

    /// What was spent is another amount by an administrator's word: it is begun again from what gateways know.
    pub(super) fn changed(&self, what: &Changed) {
        if let (Some(counters), Changed::Spent(subject)) = (&self.counters, what) {
            counters.forget(subject);
        }
    }
}

#[cfg(not(feature = "redis"))]
impl Sharing {
    /// Nothing: a configuration that names a Redis was refused before.
    ///
    /// # Errors
    /// Never.
    pub(super) fn start(_: Option<&RedisSettings>) -> Result<Self, Unopened> {
        Ok(Self::default())
    }

    /// Nothing.
    pub(super) fn counters(&self) -> Option<Arc<dyn SharedCounters>> {
        None
    }

    /// Nobody is told.
    pub(super) fn changed(&self, _: &Changed) {}
}
