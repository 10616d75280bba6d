//! How fast a deployment has been.

use crate::in_flight::Finished;

/// How fast a deployment has been.
#[derive(Debug, Default)]
pub struct Pace {}

impl Pace {
    /// Takes in how long an attempt took.
    pub(crate) fn note(&self, _finished: &Finished<'_>) {}
}
