//! Why a call failed, as a client of the gateway is told it.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde_json::Value;

/// Why a call failed: after all retries and fallbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The status that a client over HTTP gets: 400 and above, below 500 where the request is at fault.
    pub status: u16,
    /// What was wrong, and what to do.
    pub message: String,
    /// A stable word, where there is one: `model_not_found`, `context_length_exceeded`.
    pub code: Option<String>,
    /// When to come back, where that is known.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// What an answer with this status says.
    pub(crate) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { retry_after: after.map(Duration::from_secs), ..Self::of(status, &said) }
    }

    /// What an error inside a stream says.
    pub(crate) fn of(status: u16, said: &Value) -> Self {
        let error = &said["error"];
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        Self {
            status: error["code"].as_str().and_then(|code| code.parse().ok()).unwrap_or(status),
            message: text("message").unwrap_or_else(|| "the answer says no more".to_owned()),
            code: text("code"),
            retry_after: None,
        }
    }

    /// An answer that cannot be read.
    pub(crate) fn unreadable(what: &str) -> Self {
        Self { status: 502, message: format!("the answer has no {what}"), code: None, retry_after: None }
    }

    /// Whether the request itself is at fault: it fails again.
    pub fn is_of_request(&self) -> bool {
        (400..500).contains(&self.status) && !matches!(self.status, 408 | 429)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.status)
    }
}

impl std::error::Error for Error {}
