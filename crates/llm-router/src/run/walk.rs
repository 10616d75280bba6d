//! The attempts within one group: which deployment is next, and when there is none.

use std::time::{Duration, Instant};

use llm_core::provider::not_served;
use llm_core::{Error, ErrorKind, Result, Retry};
use smallvec::{SmallVec, smallvec};

use super::{Routed, Run, now};
use crate::deployment::Deployment;
use crate::fallback;
use crate::fit::{self, Fit};
use crate::group::{Among, Group, Index, Refused};
use crate::in_flight::InFlight;
use crate::retry;
use crate::rule::{Rule, unavailable};
use crate::trail::{Step, Stopped, Waited};

/// Attempts that failed together: one, or two when a slow one was hedged.
pub(super) type Failures = SmallVec<[(Index, Error); 1]>;

/// What is known of a group's deployments in this call.
pub(super) struct Tried {
    /// Those that cannot answer this call, whatever happens.
    pub hopeless: SmallVec<[Index; 4]>,
    /// Those, and those that failed and may have recovered.
    pub failed: SmallVec<[Index; 4]>,
    /// The highest priority level that was reached.
    level: u32,
    /// Retries at that level.
    retries: usize,
    /// Why the last attempt failed, and whether it is worth another one here.
    last: Option<(Error, bool)>,
    /// How often other gateways had left no room.
    refusals: usize,
}

/// How often a failed attempt is tried again.
#[derive(Clone, Copy)]
struct Allowance {
    retries: u32,
    /// A policy names the class of the error: it is worth a retry whatever else is known of it.
    is_named: bool,
}

impl Run<'_> {
    /// Makes attempts in a group until an answer begins, `retries` having been made before.
    pub(super) async fn walk(&mut self, group: &Group, name: &str, retries: usize) -> Result<Box<Routed>> {
        let unfit = self.unfit(group);
        let hopeless: SmallVec<[Index; 4]> = unfit.iter().map(|(index, _)| *index).collect();
        let failed = hopeless.clone();
        let mut tried = Tried { hopeless, failed, level: 0, retries, last: None, refusals: 0 };
        let hedge = group.hedge().filter(|_| self.route.stream).and_then(|hedge| hedge.request());
        loop {
            let made = (tried.retries, self.retries);
            let (index, in_flight) = match &tried.last {
                None => match self.first(group, name, &tried, &unfit) {
                    Ok(picked) => picked,
                    // On its own memory, as for fallbacks.
                    Err(refused) => Box::pin(self.queue(group, name, &tried, &unfit, refused)).await?,
                },
                Some((error, may_retry)) => {
                    let (error, may_retry) = (error.clone(), *may_retry);
                    // On its own memory, as for fallbacks.
                    let next = Box::pin(self.next(group, name, &mut tried, &error, may_retry)).await;
                    next.ok_or(error)?
                }
            };
            // On its own memory: few deployments share their limits.
            let (index, in_flight) = match in_flight.is_unconfirmed() {
                false => (index, in_flight),
                true => match Box::pin(self.confirm(group, &mut tried, index, in_flight)).await? {
                    Some(picked) => picked,
                    None => {
                        (tried.retries, self.retries) = made;
                        continue;
                    }
                },
            };
            tried.level = tried.level.max(in_flight.deployment().order);
            let outcome = match hedge {
                None => self.attempt(group, name, index, in_flight).await,
                Some(after) => Box::pin(self.hedged(group, name, &tried, (index, in_flight), after)).await,
            };
            match outcome {
                Ok(routed) => return Ok(routed),
                Err(failures) => failures.into_iter().for_each(|one| self.note(group, &mut tried, one)),
            }
        }
    }

    /// The deployment to ask first.
    ///
    /// # Errors
    /// Why each was passed over; `None` when others wait for room already.
    #[expect(clippy::result_large_err, reason = "rare, and read where it is made")]
    fn first(
        &mut self,
        group: &Group,
        name: &str,
        tried: &Tried,
        unfit: &Refused,
    ) -> Result<(Index, InFlight), Option<Refused>> {
        if self.would_overtake(group) {
            Err(None)
        } else {
            self.look(group, name, tried, unfit).map_err(Some)
        }
    }

    /// Looks for a deployment with room.
    ///
    /// # Errors
    /// Why each was passed over.
    #[expect(clippy::result_large_err, reason = "rare, and read where it is made")]
    pub(super) fn look(
        &mut self,
        group: &Group,
        name: &str,
        tried: &Tried,
        unfit: &Refused,
    ) -> Result<(Index, InFlight), Refused> {
        let ask = self.route.ask(name, now());
        let mut refused = Refused::new();
        let explain = self.route.options.explain;
        let among = Among { avoid: &tried.hopeless, above: None, explain };
        let picked = group.pick(self.route.options.strategy, &ask, among, &mut refused);
        if explain || picked.is_none() {
            self.tell(group, unfit);
        }
        self.tell(group, &refused);
        picked.ok_or(refused)
    }

    /// Asks whether other gateways leave room for an attempt. `None`: they do not, and somebody else is to be asked;
    /// the deployment itself remembers it for a moment.
    ///
    /// # Errors
    /// What the client is told when that was so of more deployments than there are.
    async fn confirm(
        &mut self,
        group: &Group,
        tried: &mut Tried,
        index: Index,
        mut in_flight: InFlight,
    ) -> Result<Option<(Index, InFlight)>> {
        let Err(rule) = in_flight.confirm().await else { return Ok(Some((index, in_flight))) };
        in_flight.withdraw();
        self.tell(group, &smallvec![(index, rule.clone())]);
        tried.refusals += 1;
        if tried.refusals > group.deployments().len() {
            return Err(tried
                .last
                .take()
                .map_or_else(|| unavailable(self.route.model, [&rule], now()), |(error, _)| error));
        }
        Ok(None)
    }

    /// The deployment to ask after a failure: another one at the levels that were reached, while retries are left;
    /// else one of the next level; else, after a pause, one that failed.
    async fn next(
        &mut self,
        group: &Group,
        name: &str,
        tried: &mut Tried,
        error: &Error,
        may_retry: bool,
    ) -> Option<(Index, InFlight)> {
        if self.is_over_in(group.settings().limits, Duration::ZERO) {
            self.stop(Stopped::Deadline);
            return None;
        }
        let has_room = self.router.retry_budget().has_room(now());
        if may_retry && !has_room {
            self.stop(Stopped::RetryBudget);
        }
        if !may_retry || !has_room {
            return self.next_level(group, name, tried, error);
        }
        let picked = match self.pick(group, name, &tried.failed, None) {
            Some(picked) => Some(picked),
            None => {
                self.pause(group, name, tried, error).await?;
                let other = self.pick(group, name, &tried.failed, None);
                other.or_else(|| self.pick_or_insist(group, name, &tried.hopeless))
            }
        };
        let (index, in_flight) = picked?;
        if in_flight.deployment().order > tried.level {
            tried.retries = 0;
        } else if self.router.retry_budget().take(now()) {
            tried.retries += 1;
        } else {
            self.stop(Stopped::RetryBudget);
            return None;
        }
        self.retries += 1;
        Some((index, in_flight))
    }

    /// A deployment of the next priority level, which is to this one what a fallback is to the group.
    fn next_level(
        &mut self,
        group: &Group,
        name: &str,
        tried: &mut Tried,
        error: &Error,
    ) -> Option<(Index, InFlight)> {
        let on_refusals = self.router.settings().fallback_on_unsupported_params;
        if !group.has_above(tried.level)
            || !fallback::may_help(error, on_refusals)
            || self.is_malformed(error)
        {
            return None;
        }
        let picked = self.pick(group, name, &tried.failed, Some(tried.level))?;
        tried.retries = 0;
        self.retries += 1;
        Some(picked)
    }

    pub(super) fn pick(
        &mut self,
        group: &Group,
        name: &str,
        avoid: &[Index],
        above: Option<u32>,
    ) -> Option<(Index, InFlight)> {
        let ask = self.route.ask(name, now());
        let mut refused = Refused::new();
        let among = Among { avoid, above, explain: self.route.options.explain };
        let picked = group.pick(self.route.options.strategy, &ask, among, &mut refused);
        self.tell(group, &refused);
        picked
    }

    /// The same, of any priority level; where nobody else is left, a benched deployment is better than none.
    fn pick_or_insist(&mut self, group: &Group, name: &str, avoid: &[Index]) -> Option<(Index, InFlight)> {
        let has_others = self.has_others(group);
        let ask = self.route.ask(name, now());
        let mut refused = Refused::new();
        let among = Among { avoid, above: None, explain: self.route.options.explain };
        let picked = group.pick(self.route.options.strategy, &ask, among, &mut refused);
        let picked = picked.or_else(|| if has_others { None } else { group.insist(&ask, &refused) });
        self.tell(group, &refused);
        picked
    }

    /// Takes in that an attempt failed.
    fn note(&self, group: &Group, tried: &mut Tried, (index, error): (Index, Error)) {
        let Some(deployment) = group.deployments().get(index) else { return };
        let Allowance { retries, is_named } = self.allowance(group, deployment, &error);
        let is_worth_it = is_named || error.retry() != Retry::Never;
        if error.retry() == Retry::Elsewhere {
            tried.hopeless.push(index);
        }
        if !tried.failed.contains(&index) {
            tried.failed.push(index);
        }
        let may_retry = is_worth_it && tried.retries < retries as usize;
        tried.last = Some((error, may_retry));
    }

    /// By the request, then the deployment, then the group, then the router; where a policy and a number stand side by
    /// side, the policy wins.
    fn allowance(&self, group: &Group, deployment: &Deployment, error: &Error) -> Allowance {
        let (options, own, all) = (self.route.options, group.settings(), self.router.settings());
        let kind = error.kind();
        let (retries, is_named) = None
            .or_else(|| options.num_retries.map(|retries| (retries, false)))
            .or_else(|| of_policy(&options.retry_policy, kind))
            .or_else(|| deployment.num_retries.map(|retries| (retries, false)))
            .or_else(|| of_policy(&own.retry_policy, kind))
            .or_else(|| own.num_retries.map(|retries| (retries, false)))
            .or_else(|| of_policy(&all.retry_policy, kind))
            .unwrap_or((all.num_retries, false));
        Allowance { retries, is_named: is_named && retries > 0 }
    }

    /// Waits before a deployment that failed is asked again. `None`: there is no time for it, or no use.
    async fn pause(&mut self, group: &Group, name: &str, tried: &Tried, error: &Error) -> Option<()> {
        let at_least = self.router.settings().retry_after;
        let Some(wait) = retry::backoff(tried.retries + 1, error.retry_after(), at_least) else {
            self.stop(Stopped::LongHint);
            return None;
        };
        if self.is_over_in(group.settings().limits, wait) {
            self.stop(Stopped::Deadline);
            return None;
        }
        let then = self.route.ask(name, now() + wait);
        let mut again = tried.failed.iter().filter(|index| !tried.hopeless.contains(index));
        let is_up =
            |index: &Index| group.deployments().get(*index).is_some_and(|one| one.check(&then).is_ok());
        let is_one_left = again.clone().next().is_some();
        if !is_one_left || !again.any(is_up) && self.has_others(group) {
            return None;
        }
        tokio::time::sleep(wait).await;
        self.trail.add(Step::Waited { what: Waited::Retry, took: wait });
        Some(())
    }

    fn stop(&mut self, why: Stopped) {
        self.trail.add(Step::Stopped(why));
    }

    /// Puts the deployments that were passed over on the trail.
    pub(super) fn tell(&mut self, group: &Group, refused: &Refused) {
        for (index, rule) in refused {
            if let Some(deployment) = group.deployments().get(*index) {
                self.trail.add(Step::Refused { deployment: deployment.id.clone(), rule: rule.clone() });
            }
        }
    }

    /// Why nobody was asked.
    pub(super) fn refusal(&self, unfit: &Refused, refused: &Refused, now: Instant) -> Error {
        let model = self.route.model;
        if !refused.is_empty() {
            return unavailable(model, refused.iter().map(|(_, rule)| rule), now);
        }
        let rules: SmallVec<[&Rule; 4]> = unfit.iter().map(|(_, rule)| rule).collect();
        fit::unfit(model, &rules).unwrap_or_else(|| {
            if self.route.avoid.is_empty() {
                return not_served(model, self.route.inbound.asked.operation);
            }
            Error::new(ErrorKind::UpstreamFailure, "no other deployment is left for this call")
        })
    }

    /// The deployments of a group that are not fit for the request, and why.
    fn unfit(&self, group: &Group) -> Refused {
        let fit = Fit::of(self.route, self.router.settings(), group.deployments());
        if fit.is_open() {
            return Refused::new();
        }
        let all = group.deployments().iter().enumerate();
        all.filter_map(|(index, one)| Some((index, fit.refuses(one)?))).collect()
    }
}

fn of_policy(policy: &retry::RetryPolicy, kind: ErrorKind) -> Option<(u32, bool)> {
    Some((policy.retries(kind)?, policy.named(kind).is_some()))
}
