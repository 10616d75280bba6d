//! A second attempt beside a slow first one: the first content wins, the other attempt is cancelled.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use smallvec::smallvec;

use super::attempt::{Lane, ask};
use super::walk::{Failures, Tried};
use super::{Outrun, Routed, Run};
use crate::group::{Group, Index};
use crate::in_flight::InFlight;
use crate::trail::Step;

impl Run<'_> {
    /// Asks a deployment, and after a while another one, if there is one and the budget allows it.
    pub(super) async fn hedged(
        &mut self,
        group: &Group,
        name: &str,
        tried: &Tried,
        (index, in_flight): (Index, InFlight),
        after: Duration,
    ) -> Result<Box<Routed>, Failures> {
        let (router, route) = (self.router, self.route);
        let one = self.lane(group, name, index, in_flight, false);
        let deployment = Arc::clone(one.in_flight.deployment());
        let mut first = pin!(ask(router, route, group, name, &deployment, one.began));
        let waited = tokio::time::timeout(after, &mut first).await;
        let outcome = match waited {
            Ok(outcome) => outcome,
            Err(_) => match self.other(group, name, tried, index).await {
                None => first.await,
                Some((index, in_flight)) => {
                    let other = self.lane(group, name, index, in_flight, true);
                    let deployment = Arc::clone(other.in_flight.deployment());
                    let second = pin!(ask(router, route, group, name, &deployment, other.began));
                    let (won, lost, outcome, rest) = match select(first, second).await {
                        Either::Left((outcome, rest)) => (one, other, outcome, Either::Right(rest)),
                        Either::Right((outcome, rest)) => (other, one, outcome, Either::Left(rest)),
                    };
                    return match self.close(group, name, won, outcome) {
                        Ok(routed) => Ok(self.outrun(routed, &lost)),
                        Err(failure) => {
                            let outcome = match rest {
                                Either::Left(rest) => rest.await,
                                Either::Right(rest) => rest.await,
                            };
                            let later = self.close(group, name, lost, outcome);
                            later.map_err(|later| smallvec![failure, later])
                        }
                    };
                }
            },
        };
        self.close(group, name, one, outcome).map_err(|failure| smallvec![failure])
    }

    /// A deployment for a second attempt that has not been tried.
    async fn other(
        &mut self,
        group: &Group,
        name: &str,
        tried: &Tried,
        index: Index,
    ) -> Option<(Index, InFlight)> {
        let mut avoid = tried.failed.clone();
        avoid.push(index);
        let (index, mut in_flight) = self.pick(group, name, &avoid, None)?;
        if in_flight.confirm().await.is_err() {
            in_flight.withdraw();
            return None;
        }
        group.hedge().is_some_and(|hedge| hedge.take()).then_some((index, in_flight))
    }

    /// Books the attempt that was slower. Dropping it cancels it.
    fn outrun(&mut self, mut routed: Box<Routed>, lost: &Lane) -> Box<Routed> {
        self.over(lost);
        let (deployment, took) = (Arc::clone(lost.in_flight.deployment()), lost.took());
        routed.trail.add(Step::Outrun { deployment: deployment.id.clone(), took });
        routed.losers.push(Outrun { deployment, took });
        routed
    }
}
