//! The one loop that makes attempts until an answer begins.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use llm_core::loss::Loss;
use llm_core::operation::Operation;
use llm_core::provider::{Call, Inbound, not_served};
use llm_core::{Error, ErrorKind, LossPolicy, Result, Retry};
use smallvec::SmallVec;

use crate::deployment::{Deployment, InFlight, Limits};
use crate::group::Group;
use crate::router::Router;
use crate::started::{self, Started};
use crate::strategy::Strategy;

/// What one call asks of the router.
#[derive(Clone)]
pub struct Route<'a> {
    /// The request.
    pub inbound: &'a Inbound,
    /// The model's name as the client wrote it.
    pub model: &'a str,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// When the call began.
    pub began: Instant,
    /// Time limits of this call, before those of deployments and router.
    pub limits: Limits,
    /// Attempts after the first; `None`: as the deployment or the router says.
    pub num_retries: Option<u32>,
    /// Fallback names of this call, before the configured ones; `Some(vec![])` switches fallbacks off.
    pub fallbacks: Option<Vec<String>>,
    /// The strategy of this call.
    pub strategy: Option<Arc<dyn Strategy>>,
    /// What to do with what a dialect cannot express.
    pub policy: Option<LossPolicy>,
}

/// One attempt that was made.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The deployment's id.
    pub deployment: String,
    /// How long it took to begin or to fail.
    pub took: Duration,
    /// How it failed; `None`: it gave the answer.
    pub error: Option<Error>,
}

/// An answer that has begun.
pub struct Routed {
    /// The deployment that answers, marked as in use until this is dropped.
    pub in_flight: InFlight,
    /// The public name of the group that answers: not what was asked for, after a fallback.
    pub group: String,
    /// The vendor's headers.
    pub headers: HeaderMap,
    /// What could not be carried to the vendor.
    pub losses: Vec<Loss>,
    /// The answer.
    pub answer: Started,
    /// All attempts, the successful one last.
    pub attempts: Vec<Attempt>,
    /// How many fallback groups were gone to.
    pub fallbacks: usize,
    /// When the successful attempt began.
    pub attempt_began: Instant,
}

/// No deployment answered.
#[derive(Debug)]
pub struct Unanswered {
    /// What the client is told: the error of the last attempt.
    pub error: Error,
    /// All attempts.
    pub attempts: Vec<Attempt>,
    /// How many fallback groups were gone to.
    pub fallbacks: usize,
}

impl Router {
    /// Makes attempts until an answer begins: in the group asked for, then in its fallbacks.
    ///
    /// Until the first event with content nothing reaches the client, so every failure before it can be made good
    /// elsewhere. Dropping the future cancels the attempt under way.
    ///
    /// # Errors
    /// The last attempt's error, when all failed or another attempt would not help.
    pub async fn run(&self, route: &Route<'_>) -> Result<Routed, Box<Unanswered>> {
        let mut run = Run { router: self, route, attempts: Vec::new(), fallbacks: 0 };
        let mut error = match self.resolve(route.model) {
            Ok((group, name)) => match run.group(group, name).await {
                Ok(routed) => return Ok(routed),
                Err(error) => error,
            },
            Err(error) => error,
        };
        for name in run.fallback_names() {
            if !fallback_may_help(&error) {
                break;
            }
            let Ok((group, name)) = self.resolve(&name) else { continue };
            run.fallbacks += 1;
            match run.group(group, name).await {
                Ok(routed) => return Ok(routed),
                Err(later) => error = later,
            }
        }
        Err(Box::new(Unanswered { error, attempts: run.attempts, fallbacks: run.fallbacks }))
    }
}

/// Another model may take what this one could not; a request that is wrong is wrong everywhere.
fn fallback_may_help(error: &Error) -> bool {
    let other_model_may_take_it = matches!(
        error.kind(),
        ErrorKind::ContextLength
            | ErrorKind::ContentFilter
            | ErrorKind::Unsupported
            | ErrorKind::UnknownModel
    );
    error.retry() != Retry::Never || other_model_may_take_it
}

struct Run<'a> {
    router: &'a Router,
    route: &'a Route<'a>,
    attempts: Vec<Attempt>,
    fallbacks: usize,
}

impl Run<'_> {
    /// The fallback names of this call, each once, without the group asked for.
    fn fallback_names(&self) -> Vec<String> {
        let configured = self.router.fallbacks_of(self.route.model);
        let list = self.route.fallbacks.as_deref().unwrap_or(configured);
        let mut names: Vec<String> = Vec::new();
        for name in list {
            if name != self.route.model && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names.truncate(self.router.settings().max_fallbacks);
        names
    }

    async fn group(&mut self, group: &Group, name: &str) -> Result<Routed> {
        let settings = self.router.settings();
        let strategy = self.route.strategy.as_deref().unwrap_or(settings.strategy.as_ref());
        // Deployments by their address, as a number: a pointer would keep the future on one thread.
        let mut hopeless: SmallVec<[usize; 4]> = self.unfit(group);
        let mut failed = hopeless.clone();
        let mut retries = 0;
        let mut last: Option<Error> = None;
        loop {
            let Some(deployment) = group.pick(strategy, &failed, &hopeless) else {
                let operation = self.route.inbound.asked.operation;
                return Err(last.unwrap_or_else(|| not_served(self.route.model, operation)));
            };
            let again = failed.contains(&Arc::as_ptr(deployment).addr());
            if let (true, Some(error)) = (again, &last) {
                self.pause(retries, error).await?;
            }
            let error = match self.attempt(deployment, name).await {
                Ok(routed) => return Ok(routed),
                Err(error) => error,
            };
            let allowed = self.route.num_retries.or(deployment.num_retries).unwrap_or(settings.num_retries);
            match error.retry() {
                Retry::Never => return Err(error),
                _ if retries >= allowed || self.is_over_in(Duration::ZERO) => return Err(error),
                Retry::Elsewhere => hopeless.push(Arc::as_ptr(deployment).addr()),
                Retry::Later { .. } => {}
            }
            failed.push(Arc::as_ptr(deployment).addr());
            retries += 1;
            last = Some(error);
        }
    }

    /// The deployments of a group that have no such kind of call. All have chat.
    fn unfit(&self, group: &Group) -> SmallVec<[usize; 4]> {
        let inbound = self.route.inbound;
        if inbound.asked.operation.is_chat() {
            return SmallVec::new();
        }
        let unfit = group.deployments().iter().filter(|deployment| !deployment.provider.serves(inbound));
        unfit.map(|deployment| Arc::as_ptr(deployment).addr()).collect()
    }

    /// Waits before a deployment that failed is tried again: the vendor's hint up to a minute, or half a second
    /// doubled up to eight, and some jitter so that clients that failed together do not come back together.
    async fn pause(&self, retries: u32, error: &Error) -> Result<()> {
        let hint = error.retry_after().filter(|after| *after <= Duration::from_secs(60));
        let doubled = Duration::from_millis(500u64 << retries.saturating_sub(1).min(4));
        let wait =
            hint.unwrap_or(doubled.min(Duration::from_secs(8))).max(self.router.settings().retry_after);
        let jitter = Duration::from_millis(llm_core::random::below(750));
        let wait = wait + jitter.min(wait);
        if self.is_over_in(wait) {
            return Err(error.clone());
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Whether the call's time is up when this much more of it has passed.
    fn is_over_in(&self, more: Duration) -> bool {
        let limits = self.route.limits.or(self.router.settings().limits);
        let end = limits.total.and_then(|total| self.route.began.checked_add(total));
        end.is_some_and(|end| tokio::time::Instant::now().into_std() + more >= end)
    }

    async fn attempt(&mut self, deployment: &Arc<Deployment>, name: &str) -> Result<Routed> {
        let settings = self.router.settings();
        let attempt_began = Instant::now();
        let limits = self.route.limits.or(deployment.limits).or(settings.limits);
        let deadlines = limits.deadlines(self.route.began);
        let model = deployment.model_for(name);
        let call = Call {
            inbound: self.route.inbound,
            model: &model,
            public_model: self.route.model,
            stream: self.route.stream,
            policy: self.route.policy.or(deployment.policy).or(Some(settings.policy)),
            deadlines,
        };
        let in_flight = deployment.begin();
        // Pinned here: by value it would be copied on its way through the timeout.
        let answer = pin!(async {
            let reply = match call.inbound.asked.operation {
                Operation::Chat => deployment.provider.chat(call),
                _ => deployment.provider.exchange(call),
            };
            let reply = reply.await?;
            let answer = started::start(reply.body).await?;
            Ok((reply.headers, reply.losses, answer))
        });
        let first = deadlines.first_content.filter(|_| self.route.stream);
        let ends = [first.and_then(|limit| attempt_began.checked_add(limit)), deadlines.total];
        let outcome = within(ends.into_iter().flatten().min(), answer).await;
        let error = outcome.as_ref().err().cloned();
        self.attempts.push(Attempt {
            deployment: deployment.id.clone(),
            took: attempt_began.elapsed(),
            error,
        });
        match outcome {
            Ok((headers, losses, answer)) => {
                deployment.succeeded();
                let attempts = std::mem::take(&mut self.attempts);
                let (group, fallbacks) = (name.to_owned(), self.fallbacks);
                Ok(Routed { in_flight, group, headers, losses, answer, attempts, fallbacks, attempt_began })
            }
            Err(error) => {
                deployment.failed(&error);
                Err(error)
            }
        }
    }
}

async fn within<T>(end: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(end) = end else { return work.await };
    match tokio::time::timeout_at(end.into(), work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::new(ErrorKind::Timeout, "the vendor did not begin to answer in time")),
    }
}
