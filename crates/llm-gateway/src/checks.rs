//! Health checks in the background: deployments that nobody asks for a while, or that are to show whether they are back,
//! are asked for one token. What is found counts as any attempt does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use llm_core::operation::Operation;
use llm_core::provider::{BoxFuture, Call, Reply, ReplyBody};
use llm_core::{Error, ErrorKind, Fault, LossPolicy, Result};
use llm_metrics::Observation;
use llm_router::{Ask, CheckSpec, Deployment, Stands};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::gateway::{Gateway, State};

mod question;

use question::question;

/// How often is looked who is to be asked: a deployment that is back need not wait longer.
const ROUND: Duration = Duration::from_secs(5);

/// How many are asked at a time.
const AT_A_TIME: usize = 8;

/// How long a deployment that somebody tests may take.
const TEST: Duration = Duration::from_secs(30);

/// When a deployment was asked last, by anybody, and how many attempts it had had then.
#[derive(Clone, Copy)]
struct Last {
    at: Instant,
    attempts: u64,
}

impl Gateway {
    /// Checks deployments as often as the configuration in force says; never ends by itself. One task of a process
    /// runs it. Dropping the future cancels checks under way.
    pub fn check_deployments(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut last: HashMap<String, Last> = HashMap::new();
            loop {
                // The state is not kept over the pause: a replaced one must go.
                let Some(interval) = self.state().router.settings().check_interval else {
                    self.replaced().await;
                    continue;
                };
                let state = self.state();
                let due = state.due(interval, &mut last);
                for some in due.chunks(AT_A_TIME) {
                    let mut checks = JoinSet::new();
                    for deployment in some {
                        let (state, deployment) = (Arc::clone(&state), Arc::clone(deployment));
                        checks.spawn(async move { state.check(&deployment).await });
                    }
                    checks.join_all().await;
                }
                drop((due, state));
                tokio::select! {
                    () = sleep(interval.min(ROUND)) => {}
                    () = self.replaced() => {}
                }
            }
        })
    }
}

impl Gateway {
    /// Asks a deployment for one token, now; how long it took. What is found counts as any attempt does.
    ///
    /// # Errors
    /// When there is no such deployment, or it stands for many models; what the vendor said; and when the deployment may not
    /// be asked now.
    pub async fn test_deployment(&self, id: &str) -> Result<Duration> {
        let state = self.state();
        let groups = state.router.groups().flat_map(|group| group.deployments());
        let deployment = groups.into_iter().find(|deployment| deployment.id == id).cloned();
        let missing =
            || Error::new(ErrorKind::NotFound, "there is no such deployment: `/model/info` lists them");
        let deployment = deployment.ok_or_else(missing)?;
        if deployment.group.is_wildcard() && deployment.check.is_none() {
            return Err(Error::invalid("this deployment stands for many models: ask one of them"));
        }
        let model = deployment.model_for(deployment.group.as_str()).into_owned();
        let spec = deployment.check.clone().unwrap_or(CheckSpec { model, timeout: TEST });
        let began = Instant::now();
        let full = || {
            Error::new(
                ErrorKind::Overloaded,
                "the deployment is left alone, or at its limits: try again later",
            )
        };
        let outcome = state.ask(&deployment, &spec).await?.ok_or_else(full)?;
        state.note(&deployment, &spec, &outcome, began.elapsed());
        outcome.map(|_| began.elapsed())
    }
}

impl State {
    /// Who is to be asked now.
    fn due(&self, interval: Duration, last: &mut HashMap<String, Last>) -> Vec<Arc<Deployment>> {
        let groups = self.router.groups().flat_map(|group| group.deployments());
        let all: Vec<&Arc<Deployment>> = groups.filter(|deployment| deployment.check.is_some()).collect();
        last.retain(|id, _| all.iter().any(|deployment| deployment.id == *id));
        all.into_iter().filter(|deployment| is_due(deployment, interval, last)).map(Arc::clone).collect()
    }

    async fn check(&self, deployment: &Arc<Deployment>) {
        let Some(spec) = &deployment.check else { return };
        let began = Instant::now();
        let Ok(Some(outcome)) = self.ask(deployment, spec).await else { return };
        self.note(deployment, spec, &outcome, began.elapsed());
    }

    /// Counts a question and what came of it.
    fn note(&self, deployment: &Deployment, spec: &CheckSpec, outcome: &Result<Reply>, took: Duration) {
        let Some(account) = self.books.accounts.get(&deployment.id) else { return };
        match outcome {
            Ok(reply) => {
                let usage = match &reply.body {
                    ReplyBody::Decoded(response) => response.usage,
                    _ => llm_core::Usage::default(),
                };
                let entry = account.entry(&self.books.prices, &spec.model);
                let cost =
                    entry.filter(|entry| entry.price.covers(&usage)).map(|entry| entry.price.cost(&usage));
                account.metrics.success(&Observation {
                    usage,
                    cost: cost.unwrap_or_default(),
                    total: took,
                    upstream: took,
                    ..Observation::of(Operation::Chat)
                });
            }
            Err(error) => {
                account.metrics.failure(Operation::Chat, error.kind(), took);
                let (deployment, error) = (deployment.id.as_str(), error.kind().name());
                tracing::debug!(target: "llm_gateway::health", deployment, error, "health check failed");
            }
        }
    }

    /// Asks; `None` when the deployment may not be asked now.
    async fn ask(&self, deployment: &Arc<Deployment>, spec: &CheckSpec) -> Result<Option<Result<Reply>>> {
        let inbound = question()?;
        let began = Instant::now().into_std();
        let ask = Ask::of(&inbound, false, began).model(deployment.group.as_str());
        let Ok(mut in_flight) = deployment.admit_everywhere(&ask).await else { return Ok(None) };
        let limits = deployment.limits.or(self.router.settings().limits);
        let mut deadlines = limits.deadlines(began);
        deadlines.total = began.checked_add(spec.timeout);
        let call = Call {
            inbound: &inbound,
            model: &spec.model,
            public_model: &spec.model,
            stream: false,
            canonical: false,
            policy: Some(LossPolicy::Drop),
            deadlines,
        };
        let late = || Error::new(ErrorKind::Timeout, "the vendor did not answer a health check in time");
        let outcome = timeout(spec.timeout, deployment.provider.chat(call)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(late()));
        match &outcome {
            Err(error) if error.fault() != Fault::Client => in_flight.failed(error),
            // A vendor that finds fault with so short a question is there.
            _ => in_flight.answered(),
        }
        Ok(Some(outcome))
    }
}

/// Whether a deployment is to be asked: it may show that it is back, or nobody asked it for long.
fn is_due(deployment: &Deployment, interval: Duration, last: &mut HashMap<String, Last>) -> bool {
    let health = deployment.health();
    let (now, attempts) = (Instant::now(), health.attempts());
    let stands = health.standing(now.into_std()).stands;
    let known = last.get(&deployment.id).copied();
    let idle = known.map_or(attempts == 0, |known| known.attempts == attempts);
    // One failure is looked at again soon, so that a dead deployment is found out without traffic.
    let over = known.is_none_or(|known| now >= known.at + interval) || health.consecutive_failures() > 0;
    let due = match stands {
        Stands::CoolingDown => false,
        Stands::Probing => true,
        Stands::Healthy | Stands::Recovering => idle && over,
    };
    if due || !idle || known.is_none() {
        // The check itself will be one more attempt.
        let attempts = attempts + u64::from(due);
        last.insert(deployment.id.clone(), Last { at: now, attempts });
    }
    due
}
