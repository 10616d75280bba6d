//! A server on a free port, with the scripted vendor behind it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use llm_core::Secret;
use llm_core::relay::RelayBase;
use llm_gateway::{Gateway, GatewayParts, RelayRoute, RelayTarget};
use llm_governance::{Governance, GovernanceParts};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_server::{Limits, Options, Origins, Running, Server, listen};

use crate::client::Client;
use crate::vendor::{Vendor, dialect};

/// A running server and what is behind it.
pub(crate) struct Fixture {
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) server: Running,
}

impl Fixture {
    /// A server with small limits, so that tests reach them.
    pub(crate) fn start() -> Self {
        Self::with(None, limits(), Origins::Local)
    }

    /// A server whose clients must show a key.
    pub(crate) fn with_key(key: &str) -> Self {
        Self::with(Some(key), limits(), Origins::Any)
    }

    pub(crate) fn with(key: Option<&str>, limits: Limits, origins: Origins) -> Self {
        let vendor = Arc::new(Vendor::default());
        let gateway = gateway(&vendor, key);
        let options = Options { workers: NonZeroUsize::new(2), limits, origins, ..Options::default() };
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let server = Server::new(gateway, options).start(listener).expect("the server starts");
        Self { vendor, server }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.server.address()).await
    }
}

/// Small limits.
pub(crate) fn limits() -> Limits {
    Limits {
        body: 1 << 20,
        body_grace: Duration::from_millis(200),
        head: 16 << 10,
        head_time: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// A gateway to the scripted vendor: it serves any model name.
pub(crate) fn gateway(vendor: &Arc<Vendor>, key: Option<&str>) -> Arc<Gateway> {
    let governance = Governance::new(GovernanceParts {
        master_key: key.map(|key| Secret::new(key.to_owned())),
        ..GovernanceParts::default()
    });
    gateway_of(vendor, Arc::new(governance))
}

/// The same with callers of its own.
pub(crate) fn gateway_of(vendor: &Arc<Vendor>, governance: Arc<Governance>) -> Arc<Gateway> {
    let deployment = Deployment::new(DeploymentSpec {
        full_name: "test/*".to_owned(),
        vendor: "test".to_owned(),
        api_base: "http://vendor.test".to_owned(),
        ..DeploymentSpec::new("one", "*", "*", Arc::clone(vendor) as _)
    });
    let deployment = Arc::new(deployment);
    let relay = RelayRoute {
        prefix: "/vendor",
        becomes: "",
        base: RelayBase::Root,
        targets: vec![RelayTarget { names: Vec::new(), deployment: Arc::clone(&deployment) }],
        remedy: String::new(),
        endpoint: None,
    };
    let router = Router::new([deployment], HashMap::new(), RouterSettings::default());
    Arc::new(Gateway::new(GatewayParts {
        governance,
        relays: vec![relay],
        ..GatewayParts::new(router, vec![dialect()])
    }))
}
