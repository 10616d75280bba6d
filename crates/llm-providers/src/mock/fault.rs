//! What goes wrong with a mock model: the faults that its name may script, and when they come.

use std::time::Duration;

use llm_core::provider::truncated;
use llm_core::{Error, ErrorKind};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An error with this status.
    Status(u16),
    /// The prompt does not fit.
    Context,
    /// The content policy refuses.
    Filter,
    /// The account has no money left.
    Quota,
    /// The connection breaks.
    Reset,
    /// Nothing more comes.
    Silence,
    /// The answer ends before its end.
    Cut,
    /// A frame, or a whole answer, that cannot be read.
    Malformed,
    /// A web page in place of an answer.
    Page,
    /// A stream without its last frame, all of the answer before it.
    Unended,
    /// The right answer under the wrong content type.
    Mistyped,
}

/// When a fault comes; otherwise the model answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum When {
    /// At every call.
    #[default]
    Always,
    /// At the first calls, so many of them.
    First(u64),
    /// At every call with a number that this divides.
    Every(u64),
    /// At so many calls of a hundred, drawn for each.
    Chance(u64),
    /// While the model is down: it is up for a time, then down for a time, and so on.
    Flapping {
        /// How long it is up.
        up: Duration,
        /// How long it is down.
        down: Duration,
    },
}

impl Fault {
    /// Its word on the wire, for a server that can do with bytes what an error only tells of. The others are told in
    /// the client's dialect, or are a matter of time.
    pub(crate) fn on_the_wire(self) -> Option<&'static str> {
        match self {
            Self::Reset => Some("reset"),
            Self::Cut => Some("cut"),
            Self::Malformed => Some("malformed"),
            Self::Page => Some("page"),
            Self::Unended => Some("unended"),
            Self::Mistyped => Some("mistyped"),
            Self::Status(_) | Self::Context | Self::Filter | Self::Quota | Self::Silence => None,
        }
    }

    /// Whether the answer is whole all the same, for who reads it as generously as this gateway does.
    pub(crate) fn is_harmless(self) -> bool {
        matches!(self, Self::Unended | Self::Mistyped)
    }

    /// What the gateway makes of it at a vendor behind HTTP.
    pub(crate) fn error(self, hint: Option<Duration>) -> Error {
        let error = match self {
            Self::Status(status) => {
                let message = format!("the built-in mock fails with status {status}, as its name says");
                failed(kind(status), status, &format!("mock_{status}"), message)
            }
            // The words by which clients tell these from other mistakes, where a dialect has no code for them.
            Self::Context => failed(
                ErrorKind::ContextLength,
                400,
                "context_length_exceeded",
                "prompt is too long: 250000 tokens > 200000 maximum, says the built-in mock",
            ),
            Self::Filter => failed(
                ErrorKind::ContentFilter,
                400,
                "content_filter",
                "output blocked by content filtering policy, says the built-in mock",
            ),
            Self::Quota => failed(
                ErrorKind::QuotaExhausted,
                429,
                "insufficient_quota",
                "you exceeded your current quota, says the built-in mock",
            ),
            Self::Reset => Error::new(ErrorKind::Connection, "the connection to the mock was reset"),
            Self::Silence => Error::new(ErrorKind::Timeout, "the mock fell silent for longer than it may"),
            Self::Malformed => Error::new(ErrorKind::BadUpstreamAnswer, "the mock's answer is malformed"),
            Self::Page => Error::new(ErrorKind::BadUpstreamAnswer, "the mock answered with a web page"),
            Self::Cut | Self::Unended | Self::Mistyped => truncated(),
        };
        match hint {
            Some(after) => error.with_retry_after(after),
            None => error,
        }
    }

    /// The hint when to come back that vendors send with it.
    pub(crate) fn usual_hint(self) -> Option<Duration> {
        matches!(self, Self::Status(429 | 503 | 529)).then_some(Duration::from_secs(1))
    }
}

/// The error of a prompt that ends in the assistant's words, as models that take none refuse it.
pub(crate) fn prefilled() -> Error {
    let message = "this mock model takes no prefill: the conversation must end with a user message";
    Error::invalid(message).with_param("messages")
}

fn failed(kind: ErrorKind, status: u16, code: &str, message: impl Into<String>) -> Error {
    Error::new(kind, message).with_status(status).with_code(code)
}

fn kind(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::UpstreamAuth,
        404 => ErrorKind::UpstreamNotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        400..500 => ErrorKind::InvalidRequest,
        _ => ErrorKind::UpstreamFailure,
    }
}
