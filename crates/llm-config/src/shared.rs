//! State that several gateways share, where the configuration names a Redis.

use std::sync::Arc;

use llm_router::{Router, Shared};

use crate::report::{Place, Report};
use crate::settings::RedisConfig;

/// What deployments are told of other gateways.
#[derive(Default)]
pub(crate) struct Sharing {
    #[cfg(feature = "redis")]
    state: Option<Arc<llm_store::redis::SharedRouterState>>,
}

#[cfg(feature = "redis")]
impl Sharing {
    /// What the configuration says. Opens no connection.
    pub(crate) fn of(config: Option<&RedisConfig>, place: &Place, report: &mut Report) -> Self {
        let state = config.and_then(|config| {
            let state = llm_store::redis::SharedRouterState::new(settings(config));
            let wrong = |error: &llm_core::Error| {
                report.error(place, error.message());
            };
            state.inspect_err(wrong).ok().map(Arc::new)
        });
        Self { state }
    }

    /// For a deployment.
    pub(crate) fn shared(&self) -> Option<Arc<dyn Shared>> {
        let state = Arc::clone(self.state.as_ref()?);
        Some(state)
    }

    /// Begins to talk to Redis. A gateway that cannot goes on alone.
    pub(crate) fn start(&self, router: &Router) {
        let Some(state) = &self.state else { return };
        let deployments = router.groups().flat_map(|group| group.deployments());
        if let Err(error) = state.start(deployments) {
            tracing::warn!(target: "llm_config::shared", %error, "nothing is shared with other gateways");
        }
    }
}

#[cfg(feature = "redis")]
fn settings(config: &RedisConfig) -> llm_store::redis::RedisSettings {
    llm_store::redis::RedisSettings {
        url: config.url.clone(),
        host: config.host.clone(),
        port: config.port,
        username: config.username.clone(),
        password: config.password.clone(),
        database: config.database,
        tls: config.tls,
        prefix: config.prefix.clone(),
        timeout: config.timeout,
    }
}

#[cfg(not(feature = "redis"))]
impl Sharing {
    /// Refuses what this program cannot do.
    pub(crate) fn of(config: Option<&RedisConfig>, place: &Place, report: &mut Report) -> Self {
        if config.is_some() {
            report
                .error(place, "this program was built without redis")
                .help("leave `redis_url` and `redis_host` out, or build with the feature `redis`");
        }
        Self::default()
    }

    /// Nothing.
    pub(crate) fn shared(&self) -> Option<Arc<dyn Shared>> {
        None
    }

    /// Nothing.
    pub(crate) fn start(&self, _router: &Router) {}
}
