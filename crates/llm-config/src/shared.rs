//! State that several gateways share, where the configuration names a Redis.

use std::sync::Arc;

use llm_router::{Router, Shared};
use llm_store::RedisSettings;

use crate::report::{Place, Report};

/// What deployments are told of other gateways.
#[derive(Default)]
pub(crate) struct Sharing {
    #[cfg(feature = "redis")]
    state: Option<Arc<llm_store::redis::SharedRouterState>>,
}

#[cfg(feature = "redis")]
impl Sharing {
    /// What the configuration says. Opens no connection.
    pub(crate) fn of(config: Option<&RedisSettings>, place: &Place, report: &mut Report) -> Self {
        let state = config.and_then(|config| {
            let state = llm_store::redis::SharedRouterState::new(config.clone());
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

#[cfg(not(feature = "redis"))]
impl Sharing {
    /// Refuses what this program cannot do.
    pub(crate) fn of(config: Option<&RedisSettings>, place: &Place, report: &mut Report) -> Self {
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
