//! Errors: what a vendor's mean, and ours in this format's words.
//!
//! After <https://ai.google.dev/gemini-api/docs/troubleshooting> and <https://google.aip.dev/193>: a
//! `google.rpc.Status` with details, whose status alone does not tell (a wrong key is an invalid argument).

use std::time::Duration;

use bytes::Bytes;
use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, RawJson, retry_hint};
use serde_json::value::RawValue;

use crate::wire::{Members, ObjectWriter};

/// Whether a body is an error in place of an answer.
pub(crate) fn is_error(body: &Members<'_>) -> bool {
    body.raw("error").is_some() && body.raw("candidates").is_none()
}

/// What an answer with an error status, or an error in place of an answer, means.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
    let report = Report::read(text);
    let status = report.code.filter(|_| reply.status < 300).unwrap_or(reply.status);
    let error = report.into_error(status);
    match retry_hint::of_headers(&reply.headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// What an error in a stream means.
pub(crate) fn classify_event(data: &str) -> Error {
    let report = Report::read(data);
    let status = report.code.unwrap_or(200);
    report.into_error(status)
}

/// What the body of an error says.
#[derive(Debug, Default)]
struct Report {
    code: Option<u16>,
    status: Option<String>,
    message: Option<String>,
    reason: Option<String>,
    quota: Option<String>,
    retry_delay: Option<Duration>,
}

impl Report {
    /// Reads `{"error":{"code","message","status","details"}}`, alone or as the one element of an array.
    fn read(text: &str) -> Self {
        let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let text = elements.first().map_or(text, |first| first.get());
        let Ok(body) = Members::parse(text) else { return Self::default() };
        let Ok(Some(error)) = body.object("error") else {
            let message = ["error", "message"].iter().find_map(|key| body.text(key).ok().flatten());
            return Self { message, ..Self::default() };
        };
        let mut report = Self {
            code: error.count("code").ok().flatten().and_then(|code| u16::try_from(code).ok()),
            status: error.text("status").ok().flatten(),
            message: error.text("message").ok().flatten(),
            ..Self::default()
        };
        for detail in error.array("details").unwrap_or_default() {
            report.detail(&Members::parse(detail.get()).unwrap_or_default());
        }
        report
    }

    fn detail(&mut self, detail: &Members<'_>) {
        let kind = detail.text("@type").ok().flatten().unwrap_or_default();
        match kind.rsplit('.').next().unwrap_or_default() {
            "ErrorInfo" => self.reason = detail.text("reason").ok().flatten(),
            "RetryInfo" => {
                self.retry_delay = detail.text("retryDelay").ok().flatten().as_deref().and_then(seconds);
            }
            "QuotaFailure" => {
                let violations = detail.array("violations").unwrap_or_default();
                let violation = violations.first().and_then(|first| Members::parse(first.get()).ok());
                self.quota = violation.and_then(|first| first.text("quotaId").ok().flatten());
            }
            _ => {}
        }
    }

    fn into_error(self, status: u16) -> Error {
        let kind = self.kind(status);
        let message = self.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
        let message =
            message.map_or_else(|| format!("the vendor answered with status {status} and no message"), scrub);
        let mut error = Error::new(kind, message);
        if kept(kind, status) {
            error = error.with_status(status);
        }
        if let Some(status) = self.status {
            error = error.with_type(status);
        }
        if let Some(reason) = self.reason {
            error = error.with_code(reason);
        }
        if let Some(quota) = self.quota {
            error = error.with_detail(format!("quota {}", scrub(&quota)));
        }
        match self.retry_delay {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        let says = |words: &[&str]| {
            let message = self.message.as_deref().unwrap_or_default();
            words.iter().any(|word| message.contains(word))
        };
        if self.reason.as_deref().is_some_and(|reason| reason.starts_with("API_KEY_"))
            || says(&["API key not valid", "API key expired", "API Key not found"])
        {
            return ErrorKind::UpstreamAuth;
        }
        let known = self.status.as_deref().and_then(kind_of_word);
        match known.unwrap_or_else(|| kind_of_status(status)) {
            ErrorKind::InvalidRequest
                if says(&[
                    "exceeds the maximum number of tokens",
                    "token limit",
                    "input context is too long",
                ]) =>
            {
                ErrorKind::ContextLength
            }
            ErrorKind::RateLimited
                if says(&["check your plan and billing"])
                    && self.retry_delay.is_none()
                    && self.is_daily() =>
            {
                ErrorKind::QuotaExhausted
            }
            ErrorKind::InvalidRequest if says(&["billing", "User location is not supported"]) => {
                ErrorKind::UpstreamAuth
            }
            kind => kind,
        }
    }

    /// Whether a day's quota, or all of it, is used up: waiting a little does not help then.
    fn is_daily(&self) -> bool {
        self.quota.as_deref().is_none_or(|quota| quota.contains("PerDay"))
    }
}

/// `37s`, `37.5s`.
fn seconds(text: &str) -> Option<Duration> {
    retry_hint::seconds(text.strip_suffix('s')?.parse().ok()?)
}

/// The codes of `google.rpc`.
fn kind_of_word(word: &str) -> Option<ErrorKind> {
    Some(match word {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => ErrorKind::InvalidRequest,
        "UNIMPLEMENTED" => ErrorKind::Unsupported,
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => ErrorKind::UpstreamAuth,
        "NOT_FOUND" => ErrorKind::UpstreamNotFound,
        "RESOURCE_EXHAUSTED" => ErrorKind::RateLimited,
        "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
        "UNAVAILABLE" => ErrorKind::Overloaded,
        "INTERNAL" | "UNKNOWN" | "ABORTED" | "DATA_LOSS" | "CANCELLED" => ErrorKind::UpstreamFailure,
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
        503 => ErrorKind::Overloaded,
        400..500 => ErrorKind::InvalidRequest,
        500..600 => ErrorKind::UpstreamFailure,
        _ => ErrorKind::BadUpstreamAnswer,
    }
}

/// Whether the vendor's status says the same as the kind.
fn kept(kind: ErrorKind, status: u16) -> bool {
    match kind {
        ErrorKind::UpstreamAuth => matches!(status, 401 | 403),
        ErrorKind::UpstreamFailure => (500..600).contains(&status),
        ErrorKind::Timeout => matches!(status, 408 | 504),
        ErrorKind::InvalidRequest => (400..500).contains(&status),
        _ => false,
    }
}

/// An error as the body of an answer.
pub(crate) fn body(error: &Error) -> Bytes {
    object(error).get().to_owned().into()
}

/// An error as an object, for bodies and streams.
pub(crate) fn object(error: &Error) -> RawJson {
    let mut inner = ObjectWriter::new();
    inner
        .member("code", &error.status())
        .member("message", error.message())
        .member("status", status_word(error));
    let details = details(error);
    if !details.is_empty() {
        inner.member("details", &details);
    }
    let mut object = ObjectWriter::new();
    object.member("error", &inner.json());
    object.json()
}

fn details(error: &Error) -> Vec<RawJson> {
    let mut details = Vec::new();
    if let Some(reason) = error.code() {
        let mut detail = ObjectWriter::new();
        detail.member("@type", "type.googleapis.com/google.rpc.ErrorInfo").member("reason", reason);
        details.push(detail.json());
    }
    if let Some(wait) = error.retry_after() {
        let mut detail = ObjectWriter::new();
        let delay = format!("{}s", wait.as_secs_f64());
        detail.member("@type", "type.googleapis.com/google.rpc.RetryInfo").member("retryDelay", &delay);
        details.push(detail.json());
    }
    details
}

/// The word of `google.rpc` for an error: the vendor's own, else by kind.
fn status_word(error: &Error) -> &str {
    if let Some(own) = error.error_type().filter(|own| kind_of_word(own).is_some()) {
        return own;
    }
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::UpstreamAuth => "UNAUTHENTICATED",
        ErrorKind::PermissionDenied => "PERMISSION_DENIED",
        ErrorKind::UnknownModel | ErrorKind::NotFound | ErrorKind::UpstreamNotFound => "NOT_FOUND",
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted | ErrorKind::BudgetExceeded => {
            "RESOURCE_EXHAUSTED"
        }
        ErrorKind::Unsupported | ErrorKind::MethodNotAllowed => "UNIMPLEMENTED",
        ErrorKind::Timeout => "DEADLINE_EXCEEDED",
        ErrorKind::Overloaded => "UNAVAILABLE",
        ErrorKind::Cancelled => "CANCELLED",
        ErrorKind::UpstreamFailure
        | ErrorKind::Connection
        | ErrorKind::BadUpstreamAnswer
        | ErrorKind::Truncated
        | ErrorKind::Internal => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests;
