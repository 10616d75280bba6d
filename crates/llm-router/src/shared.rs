//! What several gateways share: the limits of deployments, and which of them are left alone. The router knows only this
//! seam; whoever keeps the state, and where, is somebody else's business.
//!
//! Nothing here may make a call fail: a state that cannot be asked says [`Verdict::Unknown`], and the gateway goes on
//! with its own numbers.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::health::Scope;

/// What is shared with other gateways.
pub trait Shared: Send + Sync + 'static {
    /// Takes what an attempt may use from what all gateways may use together: all of it or nothing, in one step.
    fn reserve<'a>(&'a self, want: Want<'a>) -> BoxFuture<'a, Verdict>;

    /// This gateway leaves a deployment alone from now on. Must not block.
    fn benched(&self, deployment: &str, elsewhere: BenchElsewhere);

    /// This gateway has had an answer of a deployment that was left alone. Must not block.
    fn recovered(&self, deployment: &str, scope: Scope);

    /// Whether the state can be asked.
    fn link(&self) -> Link;
}

/// What an attempt would use of a deployment. Limits that are `None` are not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want<'a> {
    /// The deployment's id: gateways with the same configuration call it the same.
    pub deployment: &'a str,
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Tokens a minute.
    pub tpm: Option<u64>,
    /// Attempts at a time.
    pub max_parallel: Option<u32>,
    /// Tokens of prompt and answer, by estimate.
    pub tokens: u64,
}

/// Whether an attempt may be made.
#[derive(Debug)]
pub enum Verdict {
    /// There is room, and it is taken.
    Granted(Box<dyn Lease>),
    /// There is none.
    Refused {
        /// The limit, as it is configured.
        limit: &'static str,
        /// When there is room again, where that is known.
        after: Option<Duration>,
    },
    /// Nobody knows: the gateway's own numbers decide.
    Unknown,
}

/// What was taken for an attempt. Dropping it gives back the slot, and the tokens that were not settled; the request
/// itself counts as made. Must not block.
pub trait Lease: fmt::Debug + Send + Sync {
    /// Puts the tokens that were really used in place of the estimate.
    fn settle(&mut self, tokens: u64);
}

/// A bench, for other gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchElsewhere {
    /// What is left alone: the deployment or its key.
    pub scope: Scope,
    /// For how long from now.
    pub length: Duration,
    /// Whether it is left alone even where there is nobody else.
    pub strict: bool,
}

/// Whether the shared state can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It answers.
    Connected,
    /// It does not: each gateway counts for itself.
    Gone,
}

impl Link {
    /// A word for status pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Gone => "gone",
        }
    }
}
