//! Counters that several gateways share: limits and budgets that hold for all of them together.
//!
//! Nothing here may make a call fail that this gateway's own knowledge could serve: counters that cannot be asked say
//! [`SharedVerdict::Unknown`], and policy decides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use llm_core::money::NanoDollars;

use crate::duration::Period;
use crate::subject::Subject;

/// Counters that several gateways share.
pub trait SharedCounters: Send + Sync + 'static {
    /// Takes all of it or nothing, in one step and one round trip.
    fn reserve<'a>(&'a self, wants: &'a [SharedWant]) -> BoxFuture<'a, SharedVerdict>;

    /// Whether they can be asked now.
    fn is_connected(&self) -> bool;
}

/// One thing that a call takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedWant {
    /// Whose.
    pub subject: Subject,
    /// The model of a single model's limit or budget.
    pub model: Option<Arc<str>>,
    /// What.
    pub of: SharedLimit,
}

/// What a call takes, and of how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedLimit {
    /// A request of so many in a minute that slides.
    Requests {
        /// Requests a minute.
        limit: u64,
    },
    /// Tokens of so many in a time that slides.
    Tokens {
        /// Tokens in that time.
        limit: u64,
        /// Tokens of this call, at most or by estimate.
        amount: u64,
        /// A minute, or a day.
        window: Duration,
    },
    /// A place among so many calls at a time; it is given back by itself some time after the gateway is gone.
    Slot {
        /// Calls at a time.
        limit: u32,
    },
    /// Money.
    Budget {
        /// What may be spent; `None`: it is counted, and never refused.
        cap: Option<NanoDollars>,
        /// What the call can cost, at most or by estimate.
        amount: NanoDollars,
        /// The period of the budget.
        period: Period,
        /// What this gateway knows to be spent, for counters that know nothing yet.
        known: NanoDollars,
    },
}

/// Whether a call may take what it wants.
#[derive(Debug)]
pub enum SharedVerdict {
    /// It has it.
    Granted(Box<dyn SharedLease>),
    /// It may not, and has nothing.
    Refused {
        /// Which of the wants.
        index: usize,
        /// How much of it is left.
        left: u64,
        /// When there is room again, where that is known.
        after: Option<Duration>,
    },
    /// Nobody knows: the gateway's own numbers and its policy decide.
    Unknown,
}

/// What a call took. Dropping it gives back everything but the request itself. Must not block.
pub trait SharedLease: fmt::Debug + Send + Sync {
    /// Puts what was really used in place of what was taken.
    fn settle(&mut self, tokens: u64, cost: NanoDollars);
}
