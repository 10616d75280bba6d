//! One attempt at one deployment.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use llm_core::loss::Loss;
use llm_core::operation::Operation;
use llm_core::provider::Call;
use llm_core::{Error, ErrorKind, Result};
use smallvec::smallvec;

use super::walk::Failures;
use super::{Attempt, Route, Routed, Run, now};
use crate::deployment::Deployment;
use crate::group::{Group, Index};
use crate::in_flight::{InFlight, Patience};
use crate::router::Router;
use crate::settings::MidStream;
use crate::started::{self, Hold, Started};
use crate::trail::Step;

/// What a deployment gave.
pub(super) struct Given {
    headers: HeaderMap,
    losses: Vec<Loss>,
    answer: Started,
}

/// An attempt that is under way, or has just ended.
pub(super) struct Lane {
    pub index: Index,
    pub in_flight: InFlight,
    pub began: Instant,
    /// Whether it was made beside a slow one.
    pub hedge: bool,
}

impl Lane {
    pub(super) fn took(&self) -> Duration {
        now().saturating_duration_since(self.began)
    }
}

impl Run<'_> {
    pub(super) async fn attempt(
        &mut self,
        group: &Group,
        name: &str,
        index: Index,
        in_flight: InFlight,
    ) -> Result<Box<Routed>, Failures> {
        let lane = self.lane(group, name, index, in_flight, false);
        let outcome =
            ask(self.router, self.route, group, name, lane.in_flight.deployment(), lane.began).await;
        self.close(group, name, lane, outcome).map_err(|failure| smallvec![failure])
    }

    /// An attempt that begins.
    pub(super) fn lane(
        &self,
        group: &Group,
        name: &str,
        index: Index,
        mut in_flight: InFlight,
        hedge: bool,
    ) -> Lane {
        let began = now();
        if let Some(under_way) = self.route.under_way {
            under_way.begin(in_flight.deployment(), name);
        }
        in_flight.bears(self.patience(group, in_flight.deployment(), began));
        Lane { index, in_flight, began, hedge }
    }

    /// When the client gives up, where that is before the operator's limits.
    fn patience(&self, group: &Group, deployment: &Deployment, attempt_began: Instant) -> Patience {
        let own = self.route.options.limits;
        let operators = deployment.limits.or(group.settings().limits).or(self.router.settings().limits);
        let shorter = |own: Option<Duration>, operators: Option<Duration>| {
            own.filter(|own| operators.is_none_or(|operators| *own < operators))
        };
        let first = shorter(own.first_content, operators.first_content).filter(|_| self.route.stream);
        let total = shorter(own.total, operators.total);
        Patience {
            first_content: first.and_then(|limit| attempt_began.checked_add(limit)),
            total: total.and_then(|limit| self.route.began.checked_add(limit)),
        }
    }

    /// Books an attempt that answered or failed.
    pub(super) fn close(
        &mut self,
        group: &Group,
        name: &str,
        mut lane: Lane,
        outcome: Result<Given>,
    ) -> Result<Box<Routed>, (Index, Error)> {
        let took = lane.took();
        self.over(&lane);
        let deployment = &lane.in_flight.deployment().id;
        let error = outcome.as_ref().err().cloned();
        match &error {
            Some(error) => {
                let (deployment, kind) = (deployment.clone(), error.kind());
                self.trail.add(Step::Failed { deployment, kind, took });
            }
            None if self.route.options.explain => {
                self.trail.add(Step::Answered { deployment: deployment.clone(), took });
            }
            None => {}
        }
        self.attempts.push(Attempt { deployment: deployment.clone(), took, error, hedge: lane.hedge });
        match outcome {
            Ok(given) => Ok(self.routed(group, name, lane, given)),
            Err(error) => {
                lane.in_flight.failed(&error);
                Err((lane.index, error))
            }
        }
    }

    /// An attempt is no longer under way.
    pub(super) fn over(&self, lane: &Lane) {
        if let Some(under_way) = self.route.under_way {
            under_way.end(lane.in_flight.deployment());
        }
    }

    fn routed(&mut self, group: &Group, name: &str, mut lane: Lane, given: Given) -> Box<Routed> {
        lane.in_flight.answered();
        if let Some(hedge) = group.hedge().filter(|_| self.route.stream) {
            hedge.began(lane.took());
        }
        Box::new(Routed {
            in_flight: lane.in_flight,
            group: name.to_owned(),
            headers: given.headers,
            losses: given.losses,
            answer: given.answer,
            attempts: std::mem::take(&mut self.attempts),
            losers: std::mem::take(&mut self.losers),
            retries: self.retries,
            fallbacks: self.fallbacks,
            attempt_began: lane.began,
            mid_stream: mid_stream(self.router, self.route, group),
            trail: std::mem::take(&mut self.trail),
        })
    }
}

/// Asks a deployment, and waits for the first content of its answer.
pub(super) async fn ask(
    router: &Router,
    route: &Route<'_>,
    group: &Group,
    name: &str,
    deployment: &Arc<Deployment>,
    began: Instant,
) -> Result<Given> {
    let settings = router.settings();
    let limits = route.options.limits.or(deployment.limits).or(group.settings().limits).or(settings.limits);
    let deadlines = limits.deadlines(route.began);
    let mid_stream = mid_stream(router, route, group);
    let model = deployment.model_for(name);
    let call = Call {
        inbound: route.inbound,
        model: &model,
        public_model: route.public.unwrap_or(route.model),
        stream: route.stream,
        canonical: route.options.canonical || mid_stream == MidStream::Continue,
        policy: route.options.policy.or(deployment.policy).or(Some(settings.policy)),
        deadlines,
    };
    let hold = if mid_stream == MidStream::Restart { Hold::Whole } else { Hold::FirstContent };
    // Pinned here: by value it would be copied on its way through the timeout.
    let given = pin!(async {
        let reply = match call.inbound.asked.operation {
            Operation::Chat => deployment.provider.chat(call),
            _ => deployment.provider.exchange(call),
        };
        let reply = reply.await?;
        let answer = started::start(reply.body, hold).await?;
        Ok(Given { headers: reply.headers, losses: reply.losses, answer })
    });
    // Of an answer that is held back whole, the provider itself watches the beginning.
    let first = deadlines.first_content.filter(|_| route.stream && hold == Hold::FirstContent);
    let ends = [first.and_then(|limit| began.checked_add(limit)), deadlines.total];
    within(ends.into_iter().flatten().min(), given).await
}

/// What becomes of this call's stream when it breaks; of an answer that is no stream there is nothing to be saved.
fn mid_stream(router: &Router, route: &Route<'_>, group: &Group) -> MidStream {
    if !route.stream || !route.inbound.asked.operation.is_chat() {
        return MidStream::Error;
    }
    let own = route.options.mid_stream.or(group.settings().mid_stream);
    own.unwrap_or(router.settings().mid_stream)
}

async fn within<T>(end: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(end) = end else { return work.await };
    match tokio::time::timeout_at(end.into(), work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::new(ErrorKind::Timeout, "the vendor did not begin to answer in time")),
    }
}
