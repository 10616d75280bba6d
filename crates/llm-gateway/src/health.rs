//! What is told of deployments that are benched and come back: one line of the log and the metrics for each change.

use std::sync::Arc;
use std::time::Instant;

use llm_metrics::{DeploymentMetrics, DeploymentState};
use llm_router::{Bench, Deployment, Scope, Stands, Watch, clock};

use crate::gateway::State;

/// Somebody else who is told of deployments that are left alone, and back. Must not block: a call waits for it.
pub trait Outages: Send + Sync + 'static {
    /// A deployment of this public model is left alone from now on.
    fn benched(&self, deployment: &str, model: &str, bench: &Bench);

    /// It is in use again.
    fn recovered(&self, deployment: &str, model: &str, scope: Scope);
}

/// Tells the log and the metrics, and whoever else wants to know.
struct Teller {
    deployment: String,
    group: String,
    metrics: DeploymentMetrics,
    outages: Option<Arc<dyn Outages>>,
}

/// Has changes of a deployment's health told from now on.
pub(crate) fn watch(
    deployment: &Deployment,
    metrics: &DeploymentMetrics,
    outages: Option<&Arc<dyn Outages>>,
) {
    deployment.health().watch(Box::new(Teller {
        deployment: deployment.id.clone(),
        group: deployment.group.to_string(),
        metrics: metrics.clone(),
        outages: outages.map(Arc::clone),
    }));
}

impl Watch for Teller {
    fn benched(&self, bench: &Bench) {
        self.metrics.cooled_down(bench.status);
        let (deployment, model) = (self.deployment.as_str(), self.group.as_str());
        let (scope, error, status) = (bench.scope.name(), bench.error.name(), bench.status);
        let seconds = bench.length.as_secs_f64();
        if let Some(outages) = &self.outages {
            outages.benched(deployment, model, bench);
        }
        if bench.fresh {
            tracing::warn!(
                target: "llm_gateway::health",
                deployment, model, scope, error, status, seconds, "cooling down"
            );
        } else {
            // It is the same outage: one line of it is enough.
            tracing::debug!(
                target: "llm_gateway::health",
                deployment, model, scope, error, status, seconds, "still down"
            );
        }
    }

    fn recovered(&self, told: Scope) {
        let (deployment, model, scope) = (self.deployment.as_str(), self.group.as_str(), told.name());
        tracing::info!(target: "llm_gateway::health", deployment, model, scope, "in use again");
        if let Some(outages) = &self.outages {
            outages.recovered(deployment, model, told);
        }
    }
}

impl State {
    /// Puts how each deployment stands into the metrics, for somebody who reads them now.
    pub(crate) fn note_states(&self) {
        let now = clock::now();
        for deployment in self.deployments() {
            let Some(account) = self.books.accounts.get(&deployment.id) else { continue };
            account.metrics.set_state(state(deployment, now));
        }
    }
}

fn state(deployment: &Deployment, now: Instant) -> DeploymentState {
    let health = deployment.health();
    match health.standing(now).stands {
        Stands::CoolingDown => DeploymentState::Out,
        Stands::Probing | Stands::Recovering => DeploymentState::Degraded,
        Stands::Healthy if health.consecutive_failures() > 0 => DeploymentState::Degraded,
        Stands::Healthy => DeploymentState::Healthy,
    }
}
