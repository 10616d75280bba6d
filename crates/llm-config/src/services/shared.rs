//! Limits and budgets of callers that several gateways share, and what they tell each other: through a Redis where one
//! is configured, otherwise through a PostgreSQL that is their database.

use std::sync::Arc;

use llm_governance::{Changed, SharedCounters};

use super::Unopened;
use crate::config::Config;

#[cfg(any(feature = "redis", feature = "postgres"))]
use llm_store::shared::{CounterLeases, Hear, Notices, SharedCallCounters};

/// What is shared; nothing where gateways have no server in common.
#[derive(Clone, Default)]
pub(super) struct Sharing {
    #[cfg(any(feature = "redis", feature = "postgres"))]
    counters: Option<Arc<SharedCallCounters>>,
    /// Other gateways, who are told of changes.
    #[cfg(any(feature = "redis", feature = "postgres"))]
    notices: Option<Arc<Notices>>,
}

#[cfg(any(feature = "redis", feature = "postgres"))]
impl Sharing {
    /// Begins to talk to the server of a configuration, whose database is open.
    ///
    /// # Errors
    /// When its address is none, or the system gives no thread.
    pub(super) fn start(config: &Config) -> Result<Self, Unopened> {
        let counters = counters(config).transpose().map_err(|error| Unopened {
            what: format!("limits and budgets cannot be shared: {}", error.message()),
            help: "see `router_settings.redis_url`, or `database.url`".to_owned(),
        })?;
        Ok(Self { counters: counters.map(Arc::new), notices: None })
    }

    /// For governance.
    pub(super) fn counters(&self) -> Option<Arc<dyn SharedCounters>> {
        let counters = Arc::clone(self.counters.as_ref()?);
        Some(counters)
    }

    /// From now on `hear` is told what administrators change at other gateways. What is weak about it, in words.
    pub(super) fn listen(
        self,
        config: &Config,
        hear: impl Fn(&Changed) + Send + Sync + 'static,
    ) -> (Self, Option<String>) {
        let counters = self.counters.clone();
        let heard = move |what: &Changed| {
            hear(what);
            corrected(counters.as_deref(), what);
        };
        match notices(config, Box::new(heard)).transpose() {
            Ok(notices) => (Self { notices: notices.map(Arc::new), ..self }, None),
            Err(error) => {
                let warning = format!(
                    "other gateways learn of changes of keys after `governance.cache_time` only: {}",
                    error.message()
                );
                (self, Some(warning))
            }
        }
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
#[cfg(any(feature = "redis", feature = "postgres"))]
fn corrected(counters: Option<&SharedCallCounters>, what: &Changed) {
    if let (Some(counters), Changed::Spent(subject)) = (counters, what) {
        counters.forget(subject);
    }
}

#[cfg(any(feature = "redis", feature = "postgres"))]
fn counters(config: &Config) -> Option<llm_core::Result<SharedCallCounters>> {
    let leases = CounterLeases::default();
    #[cfg(feature = "redis")]
    if let Some(redis) = &config.redis {
        return Some(SharedCallCounters::through_redis(redis, leases));
    }
    #[cfg(feature = "postgres")]
    if let Some(settings) = config.storage.server().filter(|_| config.storage.shares_limits) {
        return Some(SharedCallCounters::through_postgres(&settings, leases));
    }
    None
}

#[cfg(any(feature = "redis", feature = "postgres"))]
fn notices(config: &Config, hear: Hear) -> Option<llm_core::Result<Notices>> {
    #[cfg(feature = "redis")]
    if let Some(redis) = &config.redis {
        return Some(Notices::through_redis(redis, hear));
    }
    #[cfg(feature = "postgres")]
    if let Some(settings) = config.storage.server() {
        return Some(Notices::through_postgres(&settings, hear));
    }
    None
}

#[cfg(not(any(feature = "redis", feature = "postgres")))]
impl Sharing {
    /// Nothing: a configuration that names a server was refused before.
    ///
    /// # Errors
    /// Never.
    pub(super) fn start(_: &Config) -> Result<Self, Unopened> {
        Ok(Self::default())
    }

    /// Nothing.
    pub(super) fn counters(&self) -> Option<Arc<dyn SharedCounters>> {
        None
    }

    /// There are no others.
    pub(super) fn listen(
        self,
        _: &Config,
        _: impl Fn(&Changed) + Send + Sync + 'static,
    ) -> (Self, Option<String>) {
        (self, None)
    }

    /// Nobody is told.
    pub(super) fn changed(&self, _: Changed) {}
}
