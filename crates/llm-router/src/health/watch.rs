//! Who is told when a deployment is benched, and when it is back.

use std::time::Duration;

use llm_core::ErrorKind;

use super::blame::Scope;

/// A bench that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bench {
    /// What is left alone.
    pub scope: Scope,
    /// What went wrong.
    pub error: ErrorKind,
    /// The HTTP status that stands for it.
    pub status: u16,
    /// For how long.
    pub length: Duration,
    /// Whether it was up before; else a probe has failed.
    pub fresh: bool,
}

/// Is told of changes, once each. For logs and metrics: it must not block.
pub trait Watch: Send + Sync + 'static {
    /// The deployment is left alone from now on.
    fn benched(&self, bench: &Bench);

    /// A probe was answered: the deployment is in use again.
    fn recovered(&self, scope: Scope);
}
