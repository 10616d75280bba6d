//! When deployments are left alone, and for how long.

use std::time::Duration;

use llm_core::{Error, ErrorKind, random};

use super::breaker::Sentence;
use crate::clock;

/// When a deployment is benched, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// Whether anything is benched at all.
    pub enabled: bool,
    /// For how long.
    pub cooldown: Cooldown,
    /// Benched at more failures than this within the cooldown's length; `None`: by the gateway's own judgement.
    pub allowed_fails: Option<u32>,
    /// The same for single kinds of failures, before `allowed_fails`.
    pub allowed_fails_policy: AllowedFails,
    /// How long the share of the traffic grows after a recovery; zero: all of it at once.
    pub slow_start: Duration,
}

/// How long a bench lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cooldown {
    /// As the vendor says; else it grows with each failed probe.
    Growing {
        /// The first time.
        first: Duration,
        /// At most.
        most: Duration,
    },
    /// As the vendor says, else this.
    Fixed(Duration),
    /// This, whatever the vendor says.
    Always(Duration),
}

/// How many failures of a kind are borne; more bench the deployment, even one that is alone in its group. `None`: as
/// for failures in general.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowedFails {
    /// The vendor refuses the key.
    pub authentication: Option<u32>,
    /// The vendor does not know the model.
    pub not_found: Option<u32>,
    /// A deadline passed.
    pub timeout: Option<u32>,
    /// Too many requests or tokens.
    pub rate_limit: Option<u32>,
    /// The vendor failed, or the connection did.
    pub internal_server: Option<u32>,
    /// The vendor's own proxy failed.
    pub bad_gateway: Option<u32>,
    /// The vendor has too much to do.
    pub service_unavailable: Option<u32>,
}

/// The longest that a vendor's word is taken for: a wrong header must not end a deployment for days.
const LONGEST_HINT: Duration = Duration::from_secs(3_600);

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            cooldown: Cooldown::default(),
            allowed_fails: None,
            allowed_fails_policy: AllowedFails::default(),
            slow_start: Duration::from_secs(10),
        }
    }
}

impl Default for Cooldown {
    /// A deployment that is up again is in use again within half a minute, slow start included.
    fn default() -> Self {
        Self::Growing { first: Duration::from_secs(5), most: Duration::from_secs(20) }
    }
}

impl Cooldown {
    /// Where nobody says, the length of a bench that follows `streak` others.
    fn length(self, streak: u32) -> Duration {
        match self {
            Self::Fixed(length) | Self::Always(length) => length,
            Self::Growing { first, most } => {
                let longest = first.saturating_mul(1 << streak.min(16)).min(most);
                // Gateways that benched a deployment together do not come back together.
                longest - Duration::from_micros(random::below(clock::of(longest) / 5 + 1))
            }
        }
    }

    /// The longest that it gets by itself.
    pub(super) fn most(self) -> Duration {
        match self {
            Self::Fixed(length) | Self::Always(length) => length,
            Self::Growing { most, .. } => most,
        }
    }

    /// How long failures are remembered that `allowed_fails` counts.
    pub(super) fn window(self) -> Duration {
        match self {
            Self::Fixed(length) | Self::Always(length) | Self::Growing { first: length, .. } => length,
        }
    }

    pub(super) fn sentence(self, hint: Option<Duration>, streak: u32, strict: bool) -> Sentence {
        let said = hint.filter(|_| !matches!(self, Self::Always(_))).map(|hint| hint.min(LONGEST_HINT));
        let length = clock::of(said.unwrap_or_else(|| self.length(streak)));
        Sentence { length, said: said.is_some(), strict }
    }
}

impl AllowedFails {
    /// These numbers, with what they leave open taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            authentication: self.authentication.or(other.authentication),
            not_found: self.not_found.or(other.not_found),
            timeout: self.timeout.or(other.timeout),
            rate_limit: self.rate_limit.or(other.rate_limit),
            internal_server: self.internal_server.or(other.internal_server),
            bad_gateway: self.bad_gateway.or(other.bad_gateway),
            service_unavailable: self.service_unavailable.or(other.service_unavailable),
        }
    }

    /// What is borne of failures like this one, with the place of their count.
    pub(super) fn of(&self, error: &Error) -> Option<(usize, u32)> {
        let (place, borne) = match error.kind() {
            ErrorKind::UpstreamAuth => (0, self.authentication),
            ErrorKind::UpstreamNotFound => (1, self.not_found),
            ErrorKind::Timeout => (2, self.timeout),
            ErrorKind::RateLimited | ErrorKind::QuotaExhausted => (3, self.rate_limit),
            ErrorKind::Overloaded => (4, self.service_unavailable),
            ErrorKind::UpstreamFailure if error.status() == 502 => {
                (5, self.bad_gateway.or(self.internal_server))
            }
            _ => (6, self.internal_server),
        };
        borne.map(|borne| (place, borne))
    }

    /// How many counts there are.
    pub(super) const PLACES: usize = 7;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bench_grows_up_to_its_bound_and_never_beyond() {
        let cooldown = Cooldown::default();
        for (streak, most) in [(0, 5), (1, 10), (2, 20), (3, 20), (31, 20)] {
            for _ in 0..200 {
                let length = Duration::from_micros(cooldown.sentence(None, streak, false).length);
                let most = Duration::from_secs(most);
                assert!(length <= most && length >= most * 4 / 5, "{streak}: {length:?}");
            }
        }
    }

    #[test]
    fn the_vendors_word_counts_but_for_a_deployments_own() {
        let hint = Some(Duration::from_secs(7));
        let length = |cooldown: Cooldown| Duration::from_micros(cooldown.sentence(hint, 0, false).length);
        assert_eq!(length(Cooldown::default()), Duration::from_secs(7));
        assert_eq!(length(Cooldown::Fixed(Duration::from_secs(60))), Duration::from_secs(7));
        assert_eq!(length(Cooldown::Always(Duration::from_secs(60))), Duration::from_secs(60));
        let day = Cooldown::default().sentence(Some(Duration::from_secs(86_400)), 0, false);
        assert_eq!(Duration::from_micros(day.length), LONGEST_HINT);
    }
}
