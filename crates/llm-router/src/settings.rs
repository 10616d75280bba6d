//! What a single group says for itself, before what the router says for all.

use llm_core::{Error, Result};

use crate::deployment::Limits;
use crate::hedge::HedgeSettings;
use crate::retry::RetryPolicy;
use crate::strategy::Chosen;

/// What a group says for itself. What it leaves open is as the router says.
#[derive(Clone, Debug, Default)]
pub struct GroupSettings {
    /// Picks among its deployments.
    pub strategy: Option<Chosen>,
    /// Attempts after the first.
    pub num_retries: Option<u32>,
    /// Attempts after the first, by what went wrong.
    pub retry_policy: RetryPolicy,
    /// How long each phase may take where a deployment does not say.
    pub limits: Limits,
    /// A second attempt when the first one is slow; `None`: never.
    pub hedge: Option<HedgeSettings>,
    /// What becomes of a stream that breaks after its first content.
    pub mid_stream: Option<MidStream>,
}

impl GroupSettings {
    /// These settings, with what they leave open taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            strategy: self.strategy.or(other.strategy),
            num_retries: self.num_retries.or(other.num_retries),
            retry_policy: self.retry_policy.or(other.retry_policy),
            limits: self.limits.or(other.limits),
            hedge: self.hedge.or(other.hedge),
            mid_stream: self.mid_stream.or(other.mid_stream),
        }
    }
}

/// What becomes of a stream that breaks after its first content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MidStream {
    /// It ends with an error in the client's dialect.
    #[default]
    Error,
    /// It is held back until it is whole, and begun again elsewhere.
    Restart,
    /// Another deployment goes on where it broke.
    Continue,
}

impl MidStream {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Error, Self::Restart, Self::Continue];

    /// Its name in configurations and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Restart => "restart",
            Self::Continue => "continue",
        }
    }
}

impl std::str::FromStr for MidStream {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| {
            let message = "invalid `mid_stream`: use error, restart or continue";
            Error::invalid(message).with_param("mid_stream")
        })
    }
}
