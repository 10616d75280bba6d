//! Counters that several gateways share: limits and budgets that hold for all of them together.
//!
//! A gateway looks at its own numbers first, asks here, and then only counts along: what was granted here is the truth,
//! and its own numbers are what it goes by when nobody can be asked ([`SharedVerdict::Unknown`], [`WithoutShared`]).

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

    /// What is told of a call that goes by what its gateway knows ([`WithoutShared::Local`]): it takes nothing, and what
    /// it cost is counted when they can be asked again. `None`: that is not told.
    fn alone(&self, wants: &[SharedWant]) -> Option<Box<dyn SharedLease>> {
        let _ = wants;
        None
    }

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

/// Whether a call may take what it wants. `L` is what it is given for it.
#[derive(Debug)]
pub enum SharedVerdict<L = Box<dyn SharedLease>> {
    /// It has it.
    Granted {
        /// What it has.
        lease: L,
        /// How much of each of the wants is left after that, in their order: requests, tokens, slots or nano-dollars.
        /// Of a budget without a cap it is not looked at.
        left: Vec<u64>,
    },
    /// It may not, and has nothing; or no more than it had.
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

impl<L> SharedVerdict<L> {
    /// The same with another lease.
    pub fn map<M>(self, change: impl FnOnce(L) -> M) -> SharedVerdict<M> {
        match self {
            Self::Granted { lease, left } => SharedVerdict::Granted { lease: change(lease), left },
            Self::Refused { index, left, after } => SharedVerdict::Refused { index, left, after },
            Self::Unknown => SharedVerdict::Unknown,
        }
    }
}

/// What a call took. Dropping it gives back everything but the request itself. Must not block.
///
/// A lease that nobody settles because its gateway is gone ends by itself: its slots at once, its money and tokens when
/// the longest call would have ended.
pub trait SharedLease: fmt::Debug + Send + Sync {
    /// The call wants this instead, in one step and one round trip: what it has already counts (a request that was
    /// taken is not taken again, money is held up to the new amount), and of what is not among these wants all but the
    /// requests is given back. A refusal changes nothing.
    fn raise<'a>(&'a mut self, wants: &'a [SharedWant]) -> BoxFuture<'a, SharedVerdict<()>>;

    /// Puts what was really used in place of what was taken.
    fn settle(&mut self, tokens: u64, cost: NanoDollars);
}

/// What happens to calls with limits or budgets while shared counters cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutShared {
    /// Each gateway goes by what it knows: its own calls, and what others had spent when it last asked.
    #[default]
    Local,
    /// They are refused.
    Refuse,
}
