//! The way of one call through the router: who was passed over and why, who was asked, and where it went on.

use std::fmt;
use std::time::Duration;

use llm_core::ErrorKind;

use crate::rule::Rule;

/// The way of one call. Empty, without memory of its own, when the first deployment answered and nobody asked for it.
#[derive(Clone, Debug, Default)]
pub struct Trail(Vec<Step>);

/// One step of a call's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A group was gone to; `after` an error, when it is a fallback.
    Group {
        /// The public name.
        name: String,
        /// Deployments that could be asked, by id. Only when the way was asked for.
        candidates: Vec<String>,
        /// Why it is gone to, when it is a fallback.
        after: Option<ErrorKind>,
    },
    /// A deployment was passed over.
    Refused {
        /// Its id.
        deployment: String,
        /// Why.
        rule: Rule,
    },
    /// A deployment was asked and failed.
    Failed {
        /// Its id.
        deployment: String,
        /// How.
        kind: ErrorKind,
        /// After how long.
        took: Duration,
    },
    /// A deployment answered, but another one was faster.
    Outrun {
        /// Its id.
        deployment: String,
        /// How long it was waited for.
        took: Duration,
    },
    /// A deployment answers.
    Answered {
        /// Its id.
        deployment: String,
        /// After how long.
        took: Duration,
    },
    /// A fallback was passed over.
    Skipped {
        /// Its public name.
        name: String,
        /// Why.
        why: Skipped,
    },
    /// The call waited.
    Waited {
        /// What for.
        what: Waited,
        /// How long.
        took: Duration,
    },
    /// No other attempt was made in the group, though one was left.
    Stopped(Stopped),
}

/// What a call waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// A deployment that failed is asked again only after a while.
    Retry,
    /// All deployments were full.
    Room,
}

/// Why a fallback was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// No deployment has this name.
    Unknown,
    /// The caller may not use it.
    Forbidden,
    /// What is left of a budget does not pay for it.
    TooDear,
    /// As many fallbacks as are allowed were made.
    Enough,
}

/// Why no other attempt was made in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Too much of the traffic is retries already.
    RetryBudget,
    /// The call's time is up.
    Deadline,
    /// The vendor wants to be left alone for longer than a call can wait.
    LongHint,
}

impl Trail {
    pub(crate) fn add(&mut self, step: Step) {
        // A deployment that is full is found to be so at every attempt.
        if !matches!(step, Step::Refused { .. }) || !self.0.contains(&step) {
            self.0.push(step);
        }
    }

    /// Adds a wait, in the place of the same wait where it is the last step: it went on.
    pub(crate) fn put(&mut self, wait: Step) {
        match self.0.last_mut() {
            Some(last) if matches!(last, Step::Waited { .. }) => *last = wait,
            _ => self.0.push(wait),
        }
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on with the way of a later run of the same call.
    pub fn append(&mut self, mut later: Self) {
        self.0.append(&mut later.0);
    }
}

/// On one line, for headers and logs.
impl fmt::Display for Trail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(formatter, "{separator}{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group { name, candidates, after } => {
                match after {
                    None => write!(formatter, "group {name}")?,
                    Some(kind) => write!(formatter, "fallback to {name} after {}", kind.name())?,
                }
                let known = if candidates.is_empty() { "" } else { ": " };
                write!(formatter, "{known}{}", candidates.join(", "))
            }
            Self::Refused { deployment, rule } => write!(formatter, "{deployment} passed over: {rule}"),
            Self::Failed { deployment, kind, took } => {
                write!(formatter, "{deployment} failed: {} after {} ms", kind.name(), took.as_millis())
            }
            Self::Outrun { deployment, took } => {
                write!(formatter, "{deployment} outrun after {} ms", took.as_millis())
            }
            Self::Answered { deployment, took } => {
                write!(formatter, "{deployment} answered after {} ms", took.as_millis())
            }
            Self::Skipped { name, why } => write!(formatter, "fallback to {name} left out: {why}"),
            Self::Waited { what, took } => write!(formatter, "waited {} ms {what}", took.as_millis()),
            Self::Stopped(why) => write!(formatter, "no more retries: {why}"),
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "no deployment has this name",
            Self::Forbidden => "the caller may not use it",
            Self::TooDear => "the caller's budget does not pay for it",
            Self::Enough => "`max_fallbacks` is reached",
        })
    }
}

impl fmt::Display for Waited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Retry => "before another attempt",
            Self::Room => "for room",
        })
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RetryBudget => "the retry budget is used up",
            Self::Deadline => "the call's time is up",
            Self::LongHint => "the vendor asks to be left alone for longer",
        })
    }
}
