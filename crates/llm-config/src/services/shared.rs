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
    /// Other gateways, who are told of changes.
    #[cfg(feature = "redis")]
    notices: Option<Arc<llm_store::redis::Notices>>,
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
        Ok(Self { counters: counters.map(Arc::new), notices: None })
    }

    /// For governance.
    pub(super) fn counters(&self) -> Option<Arc<dyn SharedCounters>> {
        let counters = Arc::clone(self.counters.as_ref()?);
        Some(counters)
    }

    /// From now on `hear` is told what administrators change at other gateways.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn listen(
        self,
        settings: Option<&RedisSettings>,
        hear: impl Fn(&Changed) + Send + 'static,
    ) -> Result<Self, Unopened> {
        use llm_store::redis::Notices;
        let Some(settings) = settings else { return Ok(self) };
        let counters = self.counters.clone();
        let heard = move |what: &Changed| {
            hear(what);
            corrected(counters.as_deref(), what);
        };
        let notices = Notices::start(settings, Box::new(heard)).map_err(|error| Unopened {
            what: format!("changes cannot be told to other gateways: {}", error.message()),
            help: "see `router_settings.redis_url`".to_owned(),
        })?;
        Ok(Self { notices: Some(Arc::new(notices)), ..self })
    }

    /// Something was changed here: others are told.
    pub(super) fn changed(&self, what: Changed) {
        corrected(self.counters.as_deref(), &what);
        if let Some(notices) = &self.notices {
            notices.publish(what);
        }
    }
}

/// What was spent is another amount by an administrator's word: it is begun again from what gateways know.
#[cfg(feature = "redis")]
fn corrected(counters: Option<&llm_store::redis::SharedCallCounters>, what: &Changed) {
    if let (Some(counters), Changed::Spent(subject)) = (counters, what) {
        counters.forget(subject);
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

    /// There are no others.
    ///
    /// # Errors
    /// Never.
    pub(super) fn listen(
        self,
        _: Option<&RedisSettings>,
        _: impl Fn(&Changed) + Send + 'static,
    ) -> Result<Self, Unopened> {
        Ok(self)
    }

    /// Nobody is told.
    pub(super) fn changed(&self, _: Changed) {}
}
