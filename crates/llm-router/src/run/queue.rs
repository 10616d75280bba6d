//! Waiting for room, where the router is told to: in the last group that a call can go to, for a fallback with room is
//! better than a wait. And where nobody else is left: a benched deployment is better than none.

use std::collections::VecDeque;
use std::time::Instant;

use llm_core::{Error, ErrorKind, Fault, Result};
use smallvec::smallvec;

use super::walk::Tried;
use super::{Run, now};
use crate::group::{Group, Index, Refused};
use crate::in_flight::InFlight;
use crate::rule::Rule;
use crate::trail::{Step, Waited};
use crate::wait::{Place, Waiting};

impl Run<'_> {
    /// Whether a call that comes now would overtake one that waits for room in this group.
    pub(super) fn would_overtake(&self, group: &Group) -> bool {
        group.waiting().is_some_and(|waiting| waiting.is_before(self.priority()))
    }

    /// Waits until a deployment has room. `refused` says why nobody was asked; `None`: others wait already.
    ///
    /// # Errors
    /// What the client is told when there is no waiting, or it was in vain.
    pub(super) async fn queue(
        &mut self,
        group: &Group,
        name: &str,
        tried: &Tried,
        unfit: &Refused,
        mut refused: Option<Refused>,
    ) -> Result<(Index, InFlight)> {
        let began = now();
        let mut place: Option<Place> = None;
        loop {
            let now = now();
            if let Some(refused) = &refused
                && !self.has_others(group)
                && let Some(picked) = group.insist(&self.route.ask(name, now), refused)
            {
                return Ok(picked);
            }
            // A last resort waits for nothing: the call did already.
            let Some(waiting) = group.waiting().filter(|_| !self.insists) else {
                return Err(self.refusal(unfit, &refused.unwrap_or_default(), now));
            };
            let is_full = |(_, rule): &(Index, Rule)| matches!(rule, Rule::Full { .. });
            let may_pass = refused.as_ref().is_none_or(|refused| refused.iter().any(is_full));
            if place.is_none() && may_pass && !self.has_others(group) {
                place = waiting.enter(self.priority(), now);
            }
            let until = refused.iter().flatten().filter_map(|(_, rule)| rule.until()).min();
            let has_turn = match &mut place {
                Some(place) => place.turn(until, self.end(group.settings().limits)).await,
                None => false,
            };
            if place.is_some() {
                self.waited(began);
            }
            if !has_turn {
                return Err(match &refused {
                    Some(refused) => self.refusal(unfit, refused, now),
                    None => crowded(self.route.model, waiting, now),
                });
            }
            match self.look(group, name, tried, unfit) {
                // Asked here, so that the call keeps its place when other gateways left no room.
                Ok((index, mut in_flight)) => match in_flight.confirm().await {
                    Ok(()) => return Ok((index, in_flight)),
                    Err(rule) => {
                        in_flight.withdraw();
                        let still = smallvec![(index, rule)];
                        self.tell(group, &still);
                        refused = Some(still);
                    }
                },
                Err(still) => refused = Some(still),
            }
        }
    }

    /// Puts the wait on the trail, once however often the call looked.
    fn waited(&mut self, began: Instant) {
        let (what, took) = (Waited::Room, now().saturating_duration_since(began));
        self.trail.put(Step::Waited { what, took });
    }

    fn priority(&self) -> i64 {
        self.route.options.priority.unwrap_or(self.router.settings().default_priority)
    }

    /// Whether there is a fallback that was not gone to yet.
    pub(super) fn has_others(&mut self, group: &Group) -> bool {
        if let Some(known) = self.has_others {
            return known;
        }
        let asked = self.router.resolve(self.route.model).map_or(self.route.model, |(_, name)| name);
        let mut waiting = VecDeque::new();
        self.add_fallbacks(&mut waiting, &[self.route.model, asked], ErrorKind::RateLimited);
        let seen = [asked.to_owned(), group.name().as_str().to_owned()];
        let has_others = self.is_one_left(&waiting, &seen);
        self.has_others = Some(has_others);
        has_others
    }
}

/// The error of a call that finds a queue before it and no place in it, or not in time.
fn crowded(model: &str, waiting: &Waiting, now: Instant) -> Error {
    let shown: String = model.chars().filter(|letter| !letter.is_control()).take(128).collect();
    let seconds = waiting.timeout().as_secs_f64();
    let message = format!(
        "no deployment of `{shown}` can take the request now: others wait for room already, {seconds} seconds at most"
    );
    let error = Error::new(ErrorKind::RateLimited, message).with_fault(Fault::Gateway);
    match waiting.room().map(|room| room.saturating_duration_since(now)).filter(|wait| !wait.is_zero()) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}
