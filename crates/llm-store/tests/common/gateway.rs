//! A gateway as far as it shares its state: one deployment and a connection to Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::Secret;
use llm_router::{Ask, Deployment, DeploymentSpec, InFlight, Link, QuotaSpec, Rule, Shared};
use llm_store::RedisSettings;
use llm_store::redis::SharedRouterState;
use llm_testkit::fake::FakeProvider;
use llm_testkit::redis::RedisServer;

/// What gateways share, and their one deployment.
pub(crate) struct Gateway {
    pub(crate) state: Arc<SharedRouterState>,
    pub(crate) deployment: Arc<Deployment>,
}

impl Gateway {
    pub(crate) async fn start(redis: &RedisServer, quota: QuotaSpec) -> Self {
        let url = Some(Secret::new(redis.url()));
        let settings = RedisSettings { url, timeout: Duration::from_millis(300), ..RedisSettings::default() };
        let state = Arc::new(SharedRouterState::new(settings).expect("an address"));
        let shared: Arc<dyn Shared> = Arc::<SharedRouterState>::clone(&state);
        let spec = DeploymentSpec::new("vendor/model", "m", "m", FakeProvider::new([]));
        let deployment = Arc::new(Deployment::new(DeploymentSpec { quota, shared: Some(shared), ..spec }));
        state.start([&deployment]).expect("a thread");
        let gateway = Self { state, deployment };
        gateway.is(Link::Connected).await;
        gateway
    }

    pub(crate) async fn is(&self, link: Link) {
        until(|| self.state.link() == link).await;
    }

    pub(crate) async fn admit(&self) -> Result<InFlight, Rule> {
        self.deployment.admit_everywhere(&Ask::at(Instant::now())).await
    }
}

/// Waits a few seconds at most.
pub(crate) async fn until(happens: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !happens() {
        assert!(began.elapsed() < Duration::from_secs(15), "it does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}
