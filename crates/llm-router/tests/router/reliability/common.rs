//! Deployments of fake vendors, and calls to them.

use std::sync::Arc;

use llm_core::provider::Inbound;
use llm_core::{Error, ErrorKind, Provider};
use llm_router::{
    BuiltIn, Chosen, Deployment, DeploymentSpec, Earlier, MayUse, Route, RouteOptions, Routed, Router,
    RouterSettings, Unanswered,
};
use llm_testkit::fake::{FakeProvider, Script, inbound};

/// Settings under which the first deployment that may be asked is asked.
pub(crate) fn settings() -> RouterSettings {
    RouterSettings { strategy: Chosen::BuiltIn(BuiltIn::FirstAvailable), ..RouterSettings::default() }
}

pub(crate) fn deployment(group: &str, id: &str, provider: &Arc<FakeProvider>) -> Arc<Deployment> {
    ordered(group, id, 0, None, provider)
}

pub(crate) fn ordered(
    group: &str,
    id: &str,
    order: u32,
    num_retries: Option<u32>,
    provider: &Arc<FakeProvider>,
) -> Arc<Deployment> {
    let provider: Arc<dyn Provider> = Arc::<FakeProvider>::clone(provider);
    let spec = DeploymentSpec::new(id, group, format!("vendor-{id}"), provider);
    Arc::new(Deployment::new(DeploymentSpec { order, num_retries, ..spec }))
}

pub(crate) fn failure(kind: ErrorKind) -> Script {
    Script::Fail(Error::new(kind, "the vendor said no"))
}

pub(crate) fn failures(kind: ErrorKind, count: usize) -> Vec<Script> {
    (0..count).map(|_| failure(kind)).collect()
}

/// A call of a client.
pub(crate) struct Call<'a> {
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    pub(crate) options: RouteOptions,
    pub(crate) avoid: &'a [String],
    /// Attempts and fallbacks that were made before.
    pub(crate) earlier: (usize, usize),
    pub(crate) may_use: Option<&'a MayUse<'a>>,
}

impl<'a> Call<'a> {
    pub(crate) fn of(model: &'a str) -> Self {
        let options = RouteOptions::default();
        Self { model, stream: false, options, avoid: &[], earlier: (0, 0), may_use: None }
    }

    pub(crate) async fn run(&self, router: &Router) -> Result<Box<Routed>, Box<Unanswered>> {
        let inbound = inbound(&format!(r#"{{"model":"{}"}}"#, self.model));
        router.run(&self.route(&inbound)).await
    }

    pub(crate) fn route<'b>(&'b self, inbound: &'b Inbound) -> Route<'b> {
        // The clock of the runtime, which tests may stop.
        let began = tokio::time::Instant::now().into_std();
        let (attempts, fallbacks) = self.earlier;
        Route {
            avoid: self.avoid,
            earlier: Earlier { attempts, fallbacks },
            may_use: self.may_use,
            ..Route::new(inbound, self.model, self.stream, began, &self.options)
        }
    }
}
