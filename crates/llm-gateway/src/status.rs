//! How the deployments are doing, for people and monitors.

use std::collections::BTreeMap;
use std::time::Instant;

use llm_metrics::DeploymentMetrics;
use llm_router::quota::BudgetStanding;
use llm_router::{Deployment, Link, Standing, Stands, clock};
use serde::Serialize;

use crate::gateway::{Gateway, State};
use crate::recent::millis;

/// All deployments with what they did since the start.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// One entry for each deployment, by public name.
    pub providers: Vec<DeploymentStatus>,
    /// `connected`, or `gone` while each gateway counts for itself; absent where nothing is shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<&'static str>,
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
    /// `healthy`, `failing` (the last attempts failed, too few to leave it alone), `cooling_down`, `probing` or
    /// `recovering`.
    pub status: &'static str,
    /// In how many seconds it may be asked again; `null` while it may.
    pub cooldown_until_seconds: Option<f64>,
    /// What went wrong last; `null` when something went well since.
    pub last_error: Option<&'static str>,
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
    /// Failures by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// Half of the vendor's answers took at most so many milliseconds; `null` before the first.
    pub latency_p50_ms: Option<f64>,
    /// All but one in twenty.
    pub latency_p95_ms: Option<f64>,
    /// Half of the first tokens came within so many milliseconds.
    pub first_token_p50_ms: Option<f64>,
    /// Half of the answers took at most so many milliseconds for each token.
    pub per_token_p50_ms: Option<f64>,
    /// Limits and how much of them is in use; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsStatus>,
}

/// A deployment's limits and how much of them is in use. What has no limit is absent.
#[derive(Clone, Debug, Serialize)]
pub struct LimitsStatus {
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u64>,
    /// Requests of the last minute.
    pub requests_last_minute: u64,
    /// Tokens a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
    /// Tokens of the last minute, those of attempts under way by estimate.
    pub tokens_last_minute: u64,
    /// Attempts at a time, as configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel_requests: Option<u32>,
    /// Attempts at a time, as learnt, where `adaptive_concurrency` is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptive_concurrency: Option<u32>,
    /// Money.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<BudgetStatus>,
}

/// A budget; amounts in dollars as decimal texts.
#[derive(Clone, Debug, Serialize)]
pub struct BudgetStatus {
    /// The key that configures it.
    pub name: &'static str,
    /// What may be spent in a window.
    pub limit: String,
    /// What was spent in this one.
    pub spent: String,
    /// What calls under way may cost.
    pub held: String,
    /// When the next window begins; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_in_seconds: Option<u64>,
}

/// The answer of a health check that asks no vendor.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// Deployments that are in use and whose last attempt did not fail.
    pub healthy_endpoints: Vec<Endpoint>,
    /// Deployments that are left alone, or whose last attempts failed.
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
    /// What went wrong last, where nothing went well since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
}

impl Gateway {
    /// How the deployments are doing.
    pub fn status(&self) -> Status {
        let state = self.state();
        let mut providers: Vec<_> =
            state.deployments().map(|deployment| state.status_of(deployment)).collect();
        providers.sort_unstable_by(|a, b| (&a.model_name, &a.model_id).cmp(&(&b.model_name, &b.model_id)));
        Status { providers, redis: state.shared_link().map(Link::name) }
    }

    /// Whether what gateways share can be asked; `None`: nothing is shared.
    pub fn shared_link(&self) -> Option<Link> {
        self.state().shared_link()
    }

    /// Which deployments are in use and which are not, by real traffic and by the checks in the background; this
    /// question itself calls no vendor.
    pub fn health(&self) -> Health {
        let state = self.state();
        let now = clock::now();
        let is_up = |deployment: &&Deployment| {
            let health = deployment.health();
            let in_use = matches!(health.standing(now).stands, Stands::Healthy | Stands::Recovering);
            in_use && health.consecutive_failures() == 0
        };
        let (healthy, unhealthy): (Vec<_>, Vec<_>) = state.deployments().partition(is_up);
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
        error: last_error(&deployment.health().standing(clock::now())),
    }
}

impl LimitsStatus {
    fn of(deployment: &Deployment) -> Option<Self> {
        let now = Instant::now();
        let (quota, spec) = (deployment.quota(), deployment.quota().spec());
        let standing = quota.standing(now);
        if !quota.is_windowed() && standing.concurrency_limit.is_none() && standing.budgets.is_empty() {
            return None;
        }
        Some(Self {
            rpm: spec.rpm,
            requests_last_minute: standing.requests,
            tpm: spec.tpm,
            tokens_last_minute: standing.tokens,
            max_parallel_requests: spec.max_parallel,
            adaptive_concurrency: standing.concurrency_limit.filter(|_| spec.adaptive),
            budgets: standing.budgets.iter().map(|budget| BudgetStatus::of(budget, now)).collect(),
        })
    }
}

impl BudgetStatus {
    fn of(budget: &BudgetStanding, now: Instant) -> Self {
        Self {
            name: budget.name,
            limit: budget.limit.to_string(),
            spent: budget.spent.to_string(),
            held: budget.held.to_string(),
            resets_in_seconds: budget.until.map(|until| until.saturating_duration_since(now).as_secs()),
        }
    }
}

fn status(deployment: &Deployment, standing: &Standing) -> &'static str {
    match standing.stands {
        Stands::Healthy if deployment.health().consecutive_failures() > 0 => "failing",
        stands => stands.name(),
    }
}

fn last_error(standing: &Standing) -> Option<&'static str> {
    standing.last_error.map(|(kind, _)| kind.name())
}

impl State {
    pub(crate) fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.router.groups().flat_map(|group| group.deployments()).map(AsRef::as_ref)
    }

    pub(crate) fn shared_link(&self) -> Option<Link> {
        self.router.shared().map(|shared| shared.link())
    }

    fn status_of(&self, deployment: &Deployment) -> DeploymentStatus {
        let metrics = self.books.accounts.get(&deployment.id).map(|account| &account.metrics);
        let totals = metrics.map(DeploymentMetrics::totals).unwrap_or_default();
        let [whole, first, each] = metrics.map(DeploymentMetrics::times).unwrap_or_default();
        let now = clock::now();
        let standing = deployment.health().standing(now);
        DeploymentStatus {
            model_name: deployment.group.to_string(),
            model: deployment.full_name.clone(),
            provider: deployment.vendor.clone(),
            model_id: deployment.id.clone(),
            api_base: deployment.api_base.clone(),
            status: status(deployment, &standing),
            cooldown_until_seconds: standing
                .until
                .map(|until| until.saturating_duration_since(now).as_secs_f64()),
            last_error: last_error(&standing),
            in_flight: deployment.quota().in_flight(),
            attempts: deployment.health().attempts(),
            failures: deployment.health().failures(),
            consecutive_failures: deployment.health().consecutive_failures(),
            total_tokens: totals.input_tokens + totals.output_tokens,
            total_cost: totals.cost.to_string(),
            average_latency_ms: totals.average_latency.and_then(|mean| u64::try_from(mean.as_millis()).ok()),
            errors: metrics.into_iter().flat_map(DeploymentMetrics::failures).collect(),
            latency_p50_ms: millis(&whole, 500),
            latency_p95_ms: millis(&whole, 950),
            first_token_p50_ms: millis(&first, 500),
            per_token_p50_ms: millis(&each, 500),
            limits: LimitsStatus::of(deployment),
        }
    }
}
