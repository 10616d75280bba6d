//! How the deployments are doing, for people and monitors.

use llm_router::Deployment;
use serde::Serialize;

use crate::gateway::{Gateway, State};

/// All deployments with what they did since the start.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// One entry for each deployment, by public name.
    pub providers: Vec<DeploymentStatus>,
}

/// One deployment with what it did since the configuration was loaded.
#[derive(Clone, Debug, Serialize)]
pub struct DeploymentStatus {
    /// The public name or pattern.
    pub model_name: String,
    /// The model with its vendor prefix.
    pub model: String,
    /// The vendor.
    pub provider: String,
    /// The deployment's id.
    pub model_id: String,
    /// The base URL.
    pub api_base: String,
    /// `healthy`, or `failing` while its last attempts failed.
    pub status: &'static str,
    /// Attempts under way.
    pub in_flight: u32,
    /// Attempts made.
    pub attempts: u64,
    /// Attempts that failed by the vendor's fault.
    pub failures: u64,
    /// Such failures since the last success.
    pub consecutive_failures: u32,
    /// Prompt and answer tokens.
    pub total_tokens: u64,
    /// What the tokens cost, in dollars as a decimal text: money never passes through a float.
    pub total_cost: String,
    /// Mean time of the vendor's answers in milliseconds; `null` before the first.
    pub average_latency_ms: Option<u64>,
}

/// The answer of a health check that asks no vendor.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// Deployments whose last attempt did not fail.
    pub healthy_endpoints: Vec<Endpoint>,
    /// Deployments whose last attempts failed.
    pub unhealthy_endpoints: Vec<Endpoint>,
    /// How many are healthy.
    pub healthy_count: usize,
    /// How many are not.
    pub unhealthy_count: usize,
}

/// A deployment in a health answer.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    /// The model with its vendor prefix.
    pub model: String,
    /// The base URL.
    pub api_base: String,
    /// The deployment's id.
    pub model_id: String,
}

impl Gateway {
    /// How the deployments are doing.
    pub fn status(&self) -> Status {
        let state = self.state();
        let mut providers: Vec<_> =
            state.deployments().map(|deployment| state.status_of(deployment)).collect();
        providers.sort_by(|a, b| (&a.model_name, &a.model_id).cmp(&(&b.model_name, &b.model_id)));
        Status { providers }
    }

    /// Which deployments answered last and which failed, from real traffic; no vendor is called.
    pub fn health(&self) -> Health {
        let state = self.state();
        let (healthy, unhealthy): (Vec<_>, Vec<_>) =
            state.deployments().partition(|deployment| deployment.health().consecutive_failures() == 0);
        Health {
            healthy_count: healthy.len(),
            unhealthy_count: unhealthy.len(),
            healthy_endpoints: healthy.into_iter().map(endpoint).collect(),
            unhealthy_endpoints: unhealthy.into_iter().map(endpoint).collect(),
        }
    }
}

fn endpoint(deployment: &Deployment) -> Endpoint {
    Endpoint {
        model: deployment.full_name.clone(),
        api_base: deployment.api_base.clone(),
        model_id: deployment.id.clone(),
    }
}

impl State {
    fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.router.groups().flat_map(|group| group.deployments()).map(AsRef::as_ref)
    }

    fn status_of(&self, deployment: &Deployment) -> DeploymentStatus {
        let totals = self.books.accounts.get(&deployment.id).map(|account| account.metrics.totals());
        let totals = totals.unwrap_or_default();
        DeploymentStatus {
            model_name: deployment.group.to_string(),
            model: deployment.full_name.clone(),
            provider: deployment.vendor.clone(),
            model_id: deployment.id.clone(),
            api_base: deployment.api_base.clone(),
            status: if deployment.health().consecutive_failures() == 0 { "healthy" } else { "failing" },
            in_flight: deployment.quota().in_flight(),
            attempts: deployment.health().attempts(),
            failures: deployment.health().failures(),
            consecutive_failures: deployment.health().consecutive_failures(),
            total_tokens: totals.input_tokens + totals.output_tokens,
            total_cost: totals.cost.to_string(),
            average_latency_ms: totals.average_latency.and_then(|mean| u64::try_from(mean.as_millis()).ok()),
        }
    }
}
