//! What holds for all calls: what becomes of them when their client goes away, and how much an answer is held for.

use std::time::Duration;

use http::HeaderName;

/// What holds for all calls.
#[derive(Clone, Debug, Default)]
pub struct CallSettings {
    /// What becomes of an answer whose client went away.
    pub on_disconnect: OnDisconnect,
    /// How far such an answer is read.
    pub drains: DrainLimits,
    /// The most tokens of an answer whose request says none, where a budget must be held for it. It is written into the
    /// request, so that the budget holds. `None`: what the model can give, and [`CallSettings::USUAL_LIMIT`] where nobody
    /// knows.
    pub default_max_tokens: Option<u64>,
    /// Headers in which clients name whom a call is for.
    pub user_headers: Vec<UserHeader>,
    /// Headers that are tags of their calls: LiteLLM's `extra_spend_tag_headers`.
    pub tag_headers: Vec<HeaderName>,
    /// A header of the operator's in which clients show their key: LiteLLM's `litellm_key_header_name`.
    pub key_header: Option<HeaderName>,
    /// Whether requests may not have tags of their own: LiteLLM's `reject_clientside_metadata_tags`.
    pub rejects_tags: bool,
    /// Whether vendors may be told who asks, in headers: LiteLLM's `add_user_information_to_llm_headers`.
    pub tells_callers: bool,
    /// The status of calls that a budget leaves no room for: LiteLLM's `budget_exceeded_status_code`; `None`: 422.
    pub budget_status: Option<u16>,
}

impl CallSettings {
    /// The most tokens of an answer where neither the request, the operator nor the price table says.
    pub const USUAL_LIMIT: u64 = 4_096;
}

/// What becomes of an answer whose client went away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDisconnect {
    /// The vendor is told to stop. The call costs what was delivered, by our own count where the vendor did not say.
    #[default]
    Cancel,
    /// The answer is read to its end, where the vendor says what was used; within [`DrainLimits`], else as above.
    Drain,
}

/// How far an answer is read whose client went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainLimits {
    /// How long.
    pub time: Duration,
    /// How many bytes of it.
    pub bytes: u64,
    /// How many answers at a time; the next ones are cancelled.
    pub at_a_time: usize,
}

impl Default for DrainLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), bytes: 8 << 20, at_a_time: 256 }
    }
}

/// A header in which clients name whom a call is for: an entry of LiteLLM's `user_header_mappings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserHeader {
    /// The header.
    pub name: HeaderName,
    /// Whom it names.
    pub names: UserKind,
}

/// Whom a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind {
    /// A customer: their terms hold.
    Customer,
    /// A user of the gateway, for the row alone: what a client says of itself proves nothing.
    InternalUser,
}
