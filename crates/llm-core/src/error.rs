//! What went wrong, whose fault it is, whether another attempt helps, and what the client may read of it.

use std::fmt;
use std::time::Duration;

/// Shorthand for results of this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, decided where the facts are known (a vendor's dialect, the transport, the gateway).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is not valid: bad JSON, a wrong type, a value out of range.
    InvalidRequest,
    /// The request asks for something that the target cannot do.
    Unsupported,
    /// The caller showed no key or a wrong one.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// No such model behind this gateway.
    UnknownModel,
    /// No such path, or no such thing at the vendor.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is larger than allowed.
    PayloadTooLarge,
    /// The prompt does not fit the model's context window.
    ContextLength,
    /// The vendor's or the gateway's content policy refused.
    ContentFilter,
    /// Too many requests or tokens in a time window.
    RateLimited,
    /// The vendor's account has no money or quota left.
    QuotaExhausted,
    /// The caller's budget is used up.
    BudgetExceeded,
    /// The vendor refused our credential.
    UpstreamAuth,
    /// The vendor does not know the model that the deployment names.
    UpstreamNotFound,
    /// A deadline passed.
    Timeout,
    /// The vendor, or the gateway, has too much to do.
    Overloaded,
    /// The vendor failed on its side.
    UpstreamFailure,
    /// The vendor could not be reached, or the connection broke.
    Connection,
    /// The vendor answered something that is no answer: HTML, half a body, a malformed frame.
    BadUpstreamAnswer,
    /// The stream ended before the answer did.
    Truncated,
    /// The client went away.
    Cancelled,
    /// A mistake of our own.
    Internal,
}

/// Whose fault an error is. Only [`Fault::Upstream`] counts against a deployment's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller's.
    Client,
    /// This gateway's.
    Gateway,
    /// The vendor's, or the way there.
    Upstream,
}

/// Whether another attempt helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No: it would fail again everywhere.
    Never,
    /// Only elsewhere: this deployment would fail again (bad key, model missing there).
    Elsewhere,
    /// Anywhere, here too, after a while.
    Later {
        /// The vendor's own hint.
        after: Option<Duration>,
    },
}

impl ErrorKind {
    /// The HTTP status that a client sees.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::Unsupported
            | Self::UnknownModel
            | Self::ContextLength
            | Self::ContentFilter => 400,
            Self::Unauthenticated | Self::UpstreamAuth => 401,
            Self::PermissionDenied => 403,
            Self::NotFound | Self::UpstreamNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::PayloadTooLarge => 413,
            Self::BudgetExceeded => 422,
            Self::RateLimited | Self::QuotaExhausted => 429,
            Self::Cancelled => 499,
            Self::Internal => 500,
            Self::UpstreamFailure | Self::Connection | Self::BadUpstreamAnswer | Self::Truncated => 502,
            Self::Overloaded => 503,
        }
    }

    /// Whose fault it usually is.
    pub fn fault(self) -> Fault {
        match self {
            Self::InvalidRequest
            | Self::Unsupported
            | Self::Unauthenticated
            | Self::PermissionDenied
            | Self::UnknownModel
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::PayloadTooLarge
            | Self::ContextLength
            | Self::ContentFilter
            | Self::BudgetExceeded
            | Self::Cancelled => Fault::Client,
            Self::Internal => Fault::Gateway,
            _ => Fault::Upstream,
        }
    }

    /// Whether another attempt usually helps.
    pub fn retry(self) -> Retry {
        match self {
            Self::UpstreamAuth | Self::UpstreamNotFound | Self::QuotaExhausted => Retry::Elsewhere,
            Self::RateLimited
            | Self::Timeout
            | Self::Overloaded
            | Self::UpstreamFailure
            | Self::Connection
            | Self::BadUpstreamAnswer
            | Self::Truncated => Retry::Later { after: None },
            _ => Retry::Never,
        }
    }

    /// A stable word for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unsupported => "unsupported",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::UnknownModel => "unknown_model",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BudgetExceeded => "budget_exceeded",
            Self::UpstreamAuth => "upstream_auth",
            Self::UpstreamNotFound => "upstream_not_found",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
            Self::UpstreamFailure => "upstream_failure",
            Self::Connection => "connection",
            Self::BadUpstreamAnswer => "bad_upstream_answer",
            Self::Truncated => "truncated",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

/// An error with everything that the layers above decide by. Small to move: the facts are boxed.
#[derive(Clone)]
pub struct Error(Box<Facts>);

#[derive(Clone)]
struct Facts {
    kind: ErrorKind,
    status: u16,
    fault: Fault,
    retry: Retry,
    message: String,
    param: Option<String>,
    code: Option<String>,
    error_type: Option<String>,
    detail: Option<String>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of a kind, with a message that the client may read: lower case, no period, naming the thing
    /// and the remedy; never a key, a prompt or a stack.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            kind,
            status: kind.status(),
            fault: kind.fault(),
            retry: kind.retry(),
            message: message.into(),
            param: None,
            code: None,
            error_type: None,
            detail: None,
            retry_after: None,
        }))
    }

    /// A request that is not valid.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// Something that the target cannot do.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// A mistake of our own.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A vendor's answer that is no answer.
    pub fn bad_answer(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadUpstreamAnswer, message)
    }

    /// Sets the HTTP status, when the vendor's own one should be kept.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    /// Sets whose fault it is.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.0.fault = fault;
        self
    }

    /// Sets whether another attempt helps.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Keeps the vendor's hint when to come back: for the router, and for the client's `Retry-After`.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        if matches!(self.0.retry, Retry::Later { .. }) {
            self.0.retry = Retry::Later { after: Some(after) };
        }
        self
    }

    /// Names the request field that is to blame.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    /// Keeps the vendor's code (`insufficient_quota`, `context_length_exceeded`).
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Keeps the vendor's error type, or sets the gateway's own.
    #[must_use]
    pub fn with_type(mut self, error_type: impl Into<String>) -> Self {
        self.0.error_type = Some(error_type.into());
        self
    }

    /// Adds what only the operator may read. Still no key and no prompt.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Puts words before the message (`openai: …`).
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.0.message.insert_str(0, prefix);
        self
    }

    /// Replaces the message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status for the client.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The same, for formats that have a status of their own for a model that is not there.
    pub fn status_with_unknown_model(&self, status: u16) -> u16 {
        if self.0.kind == ErrorKind::UnknownModel { status } else { self.0.status }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// Whether another attempt helps.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The message that the client may read.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The request field that is to blame.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The vendor's code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The vendor's or the gateway's own error type.
    pub fn error_type(&self) -> Option<&str> {
        self.0.error_type.as_deref()
    }

    /// What only the operator may read.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// When to come back.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("status", &self.0.status)
            .field("message", &self.0.message)
            .field("code", &self.0.code)
            .field("detail", &self.0.detail)
            .finish()
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind == other.0.kind
            && self.0.status == other.0.status
            && self.0.message == other.0.message
            && self.0.code == other.0.code
            && self.0.param == other.0.param
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_reaches_the_router_and_the_client() {
        let error = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(7));
        assert_eq!(error.retry(), Retry::Later { after: Some(Duration::from_secs(7)) });
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_hint_does_not_make_a_bad_request_worth_a_retry() {
        let error = Error::invalid("no").with_retry_after(Duration::from_secs(7));
        assert_eq!(error.retry(), Retry::Never);
    }
}
