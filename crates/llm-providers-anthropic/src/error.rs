//! Errors: what a vendor's mean, and ours in this format's words.
//!
//! After <https://platform.claude.com/docs/en/api/errors>.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, RawJson, Retry, retry_hint};

use crate::wire::{Members, ObjectWriter};

/// Whether an answer's body is an error.
pub(crate) fn is_error(body: &Members<'_>) -> bool {
    body.text("type").ok().flatten().as_deref() == Some("error")
        || body.raw("error").is_some() && body.raw("content").is_none()
}

/// What an answer with an error status, or an error in place of an answer, means.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
    let report = Report::read(text);
    let kind = report.kind(reply.status);
    let mut error = Error::new(kind, report.message(reply.status));
    if let Some(status) = kept_status(kind, reply.status) {
        error = error.with_status(status);
    }
    if let Some(error_type) = &report.error_type {
        error = error.with_type(error_type.clone());
    }
    if let Some(detail) = report.detail(reply) {
        error = error.with_detail(detail);
    }
    hints(error, &reply.headers)
}

/// What an `error` event in a stream means.
pub(crate) fn classify_event(data: &str) -> Error {
    let report = Report::read(data);
    let mut error = Error::new(report.kind(200), report.message(200));
    if let Some(error_type) = report.error_type {
        error = error.with_type(error_type);
    }
    error
}

/// What the body of an error says.
#[derive(Debug, Default)]
struct Report {
    error_type: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Report {
    /// Reads `{"error":{"type","message"},"request_id"}`, and what proxies write in its place.
    fn read(text: &str) -> Self {
        let Ok(body) = Members::parse(text) else { return Self::default() };
        let error = body.object("error").ok().flatten().unwrap_or_default();
        let text = |members: &Members<'_>, key| members.text(key).ok().flatten();
        Self {
            error_type: text(&error, "type"),
            message: text(&error, "message")
                .or_else(|| text(&body, "error"))
                .or_else(|| text(&body, "message"))
                .or_else(|| text(&body, "detail")),
            request_id: text(&body, "request_id"),
        }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        let says = |words: &[&str]| {
            let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
            words.iter().any(|word| message.contains(word))
        };
        let kind =
            self.error_type.as_deref().and_then(kind_of_type).unwrap_or_else(|| kind_of_status(status));
        match kind {
            ErrorKind::InvalidRequest | ErrorKind::RateLimited | ErrorKind::UpstreamAuth
                if says(&["credit balance is too low", "api usage limits"]) =>
            {
                ErrorKind::QuotaExhausted
            }
            ErrorKind::InvalidRequest | ErrorKind::PayloadTooLarge
                if says(&[
                    "prompt is too long",
                    "exceed context limit",
                    "context window",
                    "context length",
                ]) =>
            {
                ErrorKind::ContextLength
            }
            ErrorKind::InvalidRequest if says(&["content filtering policy"]) => ErrorKind::ContentFilter,
            kind => kind,
        }
    }

    fn message(&self, status: u16) -> String {
        match self.message.as_deref().map(str::trim).filter(|message| !message.is_empty()) {
            Some(message) => scrub(message),
            None if status == 200 => "the vendor reported an error without a message".to_owned(),
            None => format!("the vendor answered with status {status} and no message"),
        }
    }

    fn detail(&self, reply: &WireResponse) -> Option<String> {
        let header = reply.headers.get("request-id").and_then(|value| value.to_str().ok());
        let id = self.request_id.as_deref().or(header)?;
        Some(format!("status {}, request id {}", reply.status, scrub(id)))
    }
}

fn kind_of_type(error_type: &str) -> Option<ErrorKind> {
    Some(match error_type {
        "invalid_request_error" => ErrorKind::InvalidRequest,
        "authentication_error" | "permission_error" => ErrorKind::UpstreamAuth,
        "billing_error" => ErrorKind::QuotaExhausted,
        "not_found_error" => ErrorKind::UpstreamNotFound,
        "request_too_large" => ErrorKind::PayloadTooLarge,
        "rate_limit_error" => ErrorKind::RateLimited,
        "timeout_error" => ErrorKind::Timeout,
        "api_error" => ErrorKind::UpstreamFailure,
        "overloaded_error" => ErrorKind::Overloaded,
        _ => return None,
    })
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::UpstreamAuth,
        402 => ErrorKind::QuotaExhausted,
        404 => ErrorKind::UpstreamNotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        400..500 => ErrorKind::InvalidRequest,
        500..600 => ErrorKind::UpstreamFailure,
        _ => ErrorKind::BadUpstreamAnswer,
    }
}

/// The vendor's status where clients of this format know it and it says the same as the kind.
fn kept_status(kind: ErrorKind, status: u16) -> Option<u16> {
    let kept = match kind {
        ErrorKind::Overloaded => matches!(status, 503 | 529),
        ErrorKind::UpstreamAuth => matches!(status, 401 | 403),
        ErrorKind::UpstreamFailure => (500..600).contains(&status),
        ErrorKind::Timeout => matches!(status, 408 | 504),
        ErrorKind::InvalidRequest => (400..500).contains(&status),
        _ => false,
    };
    kept.then_some(status)
}

fn hints(error: Error, headers: &HeaderMap) -> Error {
    let read = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let error = match retry_hint::of_headers(headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    };
    let forbidden = read("x-should-retry") == Some("false");
    if forbidden && matches!(error.retry(), Retry::Later { .. }) {
        error.with_retry(Retry::Elsewhere)
    } else {
        error
    }
}

/// An error as the body of an answer.
pub(crate) fn body(error: &Error) -> Bytes {
    let mut inner = ObjectWriter::new();
    inner.member("type", error_type(error)).member("message", error.message());
    let inner: RawJson = serde_json::from_slice(&inner.finish()).expect("the writer writes JSON");
    let mut object = ObjectWriter::new();
    object.member("type", "error").member("error", &inner);
    object.finish().into()
}

/// The documented type of an error.
fn error_type(error: &Error) -> &str {
    if let Some(own) = error.error_type().filter(|own| kind_of_type(own).is_some()) {
        return own;
    }
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::UpstreamAuth => "authentication_error",
        ErrorKind::PermissionDenied => "permission_error",
        ErrorKind::UnknownModel | ErrorKind::NotFound | ErrorKind::UpstreamNotFound => "not_found_error",
        ErrorKind::PayloadTooLarge => "request_too_large",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::QuotaExhausted | ErrorKind::BudgetExceeded => "billing_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Overloaded => "overloaded_error",
        ErrorKind::UpstreamFailure
        | ErrorKind::Connection
        | ErrorKind::BadUpstreamAnswer
        | ErrorKind::Truncated
        | ErrorKind::Internal => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests;
