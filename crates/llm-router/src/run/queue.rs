//! Waiting for room, where the router is told to: in the last group that a call can go to, for a fallback with room is
//! better than a wait.

use std::time::Instant;

use llm_core::{Error, ErrorKind, Fault, Result};

use super::Run;
use crate::group::{Group, Index};
use crate::rule::Rule;
use crate::wait::{Place, Waiting};

impl Run<'_> {
    /// Whether a call that comes now would overtake one that waits for room in this group.
    pub(super) fn would_overtake(&self, group: &Group) -> bool {
        group.waiting().is_some_and(|waiting| waiting.is_before(self.priority()))
    }

    /// Waits until it is this call's turn to look for room. `refused` says why nobody was asked; `None`: others wait
    /// already.
    ///
    /// # Errors
    /// What the client is told when there is no waiting, or it was in vain.
    pub(super) async fn queue(
        &self,
        group: &Group,
        place: &mut Option<Place>,
        refused: Option<&[(Index, Rule)]>,
        now: Instant,
    ) -> Result<()> {
        let Some(waiting) = group.waiting() else {
            return Err(self.refused(refused.unwrap_or_default(), now));
        };
        let told = || match refused {
            Some(refused) => self.refused(refused, now),
            None => crowded(self.route.model, waiting, now),
        };
        let is_full = |(_, rule): &(Index, Rule)| matches!(rule, Rule::Full { .. });
        let may_pass = refused.is_none_or(|refused| refused.iter().any(is_full));
        if place.is_none() && may_pass && !self.has_other_groups() {
            *place = waiting.enter(self.priority(), now);
        }
        let Some(place) = place else { return Err(told()) };
        let until = refused.unwrap_or_default().iter().filter_map(|(_, rule)| rule.until()).min();
        if place.turn(until, self.end()).await { Ok(()) } else { Err(told()) }
    }

    fn priority(&self) -> i64 {
        self.route.options.priority.unwrap_or(self.router.settings().default_priority)
    }

    /// Whether there is a fallback that was not gone to yet.
    fn has_other_groups(&self) -> bool {
        let names = self.fallback_names();
        names.iter().skip(self.passed).any(|name| self.router.resolve(name).is_ok())
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
