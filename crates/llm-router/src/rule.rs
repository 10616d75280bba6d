//! Why a deployment is passed over.

use std::fmt;
use std::time::{Duration, Instant};

use llm_core::{Error, ErrorKind, Fault};

/// Why a deployment is passed over for an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It failed in this call already.
    Tried,
    /// Its vendor has no such kind of call.
    Unserved,
    /// It has not the request's tags.
    Tags,
    /// It does not stand in the region asked for.
    Region,
    /// The prompt is longer than its model takes.
    ContextWindow {
        /// Tokens of the prompt, counted roughly.
        prompt: u64,
        /// Tokens that the model takes.
        limit: u64,
    },
    /// Its model lacks an ability that the request needs.
    Lacks(&'static str),
    /// It is benched after failures.
    CoolingDown {
        /// When it may be tried again.
        until: Instant,
    },
    /// One of its limits is reached.
    Full {
        /// The limit, as it is configured (`rpm`, `tpm`, `max_parallel_requests`, `max_budget` …).
        limit: &'static str,
        /// When there is room again, where that is known.
        until: Option<Instant>,
    },
    /// Another priority level comes first.
    LaterOrder,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tried => formatter.write_str("it failed in this call already"),
            Self::Unserved => formatter.write_str("its vendor has no such kind of call"),
            Self::Tags => formatter.write_str("it has not the request's tags"),
            Self::Region => formatter.write_str("it stands in another region"),
            Self::ContextWindow { prompt, limit } => {
                write!(formatter, "the prompt of about {prompt} tokens is longer than its {limit}")
            }
            Self::Lacks(ability) => write!(formatter, "its model lacks the ability `{ability}`"),
            Self::CoolingDown { .. } => formatter.write_str("it is cooling down after failures"),
            Self::Full { limit, .. } => write!(formatter, "its limit `{limit}` is reached"),
            Self::LaterOrder => formatter.write_str("deployments of a lower `order` come first"),
        }
    }
}

impl Rule {
    /// When the deployment can be asked again, where that is known.
    pub fn until(&self) -> Option<Instant> {
        match self {
            Self::CoolingDown { until } => Some(*until),
            Self::Full { until, .. } => *until,
            _ => None,
        }
    }
}

/// The error of a call that no deployment can take now: 429, with the time when the first of them can.
pub fn unavailable<'a>(model: &str, rules: impl IntoIterator<Item = &'a Rule>, now: Instant) -> Error {
    let (mut reasons, mut until): (Vec<String>, Option<Instant>) = (Vec::new(), None);
    let mut benched = true;
    for rule in rules {
        benched &= matches!(rule, Rule::CoolingDown { .. });
        let reason = rule.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
        until = [until, rule.until()].into_iter().flatten().min();
    }
    let shown: String = model.chars().filter(|letter| !letter.is_control()).take(128).collect();
    let message = format!("no deployment of `{shown}` can take the request now: {}", reasons.join("; "));
    let mut error = Error::new(ErrorKind::RateLimited, message).with_fault(Fault::Gateway);
    if benched {
        error = error.with_code("all_deployments_in_cooldown");
    }
    match until {
        Some(until) => {
            let wait = until.saturating_duration_since(now);
            error.with_retry_after(wait.max(Duration::from_millis(1)))
        }
        None => error,
    }
}
