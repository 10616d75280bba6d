//! Errors: what a vendor's mean, and ours in this format's words.
//!
//! After <https://docs.cohere.com/reference/errors> and the recordings: `{"id", "message"}`. Vendors of the kindred
//! formats write `detail` or `error` in place of `message`.

use bytes::Bytes;
use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, RawJson, Usage, retry_hint};

use crate::wire::{Fields, ObjectWriter};
use crate::{finish, usage};

/// Whether an answer's body is an error in place of an answer.
pub(crate) fn is_error(body: &Fields) -> bool {
    let failed = body.text("finish_reason").ok().flatten().is_some_and(|reason| finish::is_failure(&reason));
    failed || body.raw("error").is_some() || body.text("message").ok().flatten().is_some()
}

/// What an answer with an error status, or an error in place of an answer, means.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let report = Fields::of_body(&reply.body).map(|body| Report::read(&body)).unwrap_or_default();
    let kind = report.kind(reply.status);
    let mut error = Error::new(kind, report.message(reply.status));
    if let Some(status) = kept_status(kind, reply.status) {
        error = error.with_status(status);
    }
    let header = reply.headers.get("x-debug-trace-id").and_then(|value| value.to_str().ok());
    if let Some(id) = report.id.as_deref().or(header) {
        error = error.with_detail(format!("status {}, request id {}", reply.status, scrub(id)));
    }
    match retry_hint::of_headers(&reply.headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// What the end of a stream means that failed: the `delta` of its `message-end`, or an error in place of a frame.
pub(crate) fn of_stream(delta: &Fields) -> Error {
    let report = Report::read(delta);
    Error::new(report.kind(200), report.message(200))
}

/// What the body of an error says.
#[derive(Debug, Default)]
struct Report {
    message: Option<String>,
    reason: Option<String>,
    id: Option<String>,
}

impl Report {
    fn read(body: &Fields) -> Self {
        let text = |key: &str| body.text(key).ok().flatten();
        // Proxies write `{"error": {"message"}}`.
        let inner = || body.object("error").ok().flatten()?.text("message").ok().flatten();
        Self {
            message: text("message").or_else(|| text("error")).or_else(|| text("detail")).or_else(inner),
            reason: text("error_type").or_else(|| text("finish_reason")),
            id: text("id"),
        }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let kind = if self.reason.as_deref() == Some("TIMEOUT") {
            ErrorKind::Timeout
        } else {
            kind_of_status(status)
        };
        match kind {
            ErrorKind::RateLimited | ErrorKind::UpstreamAuth
                if says(&["/ month", "per month", "monthly", "billing limit", "payment method"]) =>
            {
                ErrorKind::QuotaExhausted
            }
            ErrorKind::InvalidRequest | ErrorKind::PayloadTooLarge
                if says(&["too many tokens", "context length", "context window", "maximum context"]) =>
            {
                ErrorKind::ContextLength
            }
            // A vendor of a kindred format says so with status 400.
            ErrorKind::InvalidRequest
                if message.starts_with("model ") && says(&["is not supported", "not found"]) =>
            {
                ErrorKind::UpstreamNotFound
            }
            kind => kind,
        }
    }

    fn message(&self, status: u16) -> String {
        match self.message.as_deref().map(str::trim).filter(|message| !message.is_empty()) {
            Some(message) => scrub(message),
            None if status == 200 => "the vendor failed in the middle of the answer".to_owned(),
            None => format!("the vendor answered with status {status} and no message"),
        }
    }
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 | 498 => ErrorKind::UpstreamAuth,
        402 => ErrorKind::QuotaExhausted,
        404 => ErrorKind::UpstreamNotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        // The vendor says that its client went away; ours did not.
        499 => ErrorKind::UpstreamFailure,
        501 => ErrorKind::Unsupported,
        503 | 529 => ErrorKind::Overloaded,
        400..500 => ErrorKind::InvalidRequest,
        200..300 | 500..600 => ErrorKind::UpstreamFailure,
        _ => ErrorKind::BadUpstreamAnswer,
    }
}

/// The vendor's status where it says the same as the kind.
fn kept_status(kind: ErrorKind, status: u16) -> Option<u16> {
    let kept = match kind {
        ErrorKind::UpstreamAuth => matches!(status, 401 | 403),
        ErrorKind::UpstreamFailure => (500..600).contains(&status),
        ErrorKind::Timeout => matches!(status, 408 | 504),
        ErrorKind::InvalidRequest => (400..498).contains(&status),
        _ => false,
    };
    kept.then_some(status)
}

/// An error as the body of an answer.
pub(crate) fn body(error: &Error) -> Bytes {
    ObjectWriter::new().member("message", error.message()).finish().into()
}

/// An error as the `delta` of the frame that ends a stream.
pub(crate) fn delta(error: &Error, used: &Usage) -> RawJson {
    let reason = if error.kind() == ErrorKind::Timeout { "TIMEOUT" } else { "ERROR" };
    let mut delta = ObjectWriter::new();
    let usage = if used.is_empty() { RawJson::null() } else { usage::write(used) };
    delta.member("finish_reason", reason).member("usage", &usage).member("error", error.message());
    delta.json()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn classified(status: u16, body: &'static str) -> Error {
        classify(&WireResponse {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        })
    }

    #[test]
    fn status_and_words_decide_the_kind() {
        for (status, body, kind) in [
            (
                400,
                r#"{"id":"1","message":"invalid request: messages must not be empty"}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                400,
                r#"{"message":"too many tokens: total number of tokens exceeds 4096"}"#,
                ErrorKind::ContextLength,
            ),
            (401, r#"{"id":"1","message":"invalid api token"}"#, ErrorKind::UpstreamAuth),
            (404, r#"{"message":"model 'x' not found"}"#, ErrorKind::UpstreamNotFound),
            (422, r#"{"message":"unprocessable"}"#, ErrorKind::InvalidRequest),
            (429, r#"{"message":"please wait and try again later"}"#, ErrorKind::RateLimited),
            (
                429,
                r#"{"message":"You are using a Trial key, which is limited to 1000 API calls / month."}"#,
                ErrorKind::QuotaExhausted,
            ),
            (498, r#"{"message":"invalid token"}"#, ErrorKind::UpstreamAuth),
            (499, r#"{"message":"request cancelled"}"#, ErrorKind::UpstreamFailure),
            (500, "oops", ErrorKind::UpstreamFailure),
            (501, r#"{"message":"not implemented"}"#, ErrorKind::Unsupported),
            (503, "{}", ErrorKind::Overloaded),
            (504, "{}", ErrorKind::Timeout),
            (200, r#"{"finish_reason":"ERROR"}"#, ErrorKind::UpstreamFailure),
            (200, r#"{"finish_reason":"TIMEOUT"}"#, ErrorKind::Timeout),
            (
                400,
                r#"{"detail":"Model x is not supported. Supported models are ['a']."}"#,
                ErrorKind::UpstreamNotFound,
            ),
            (
                413,
                r#"{"error":"batch size 64 > maximum allowed batch size 32","error_type":"Validation"}"#,
                ErrorKind::PayloadTooLarge,
            ),
        ] {
            assert_eq!(classified(status, body).kind(), kind, "{status} {body}");
        }
    }

    #[test]
    fn a_key_is_not_repeated_and_the_hint_is_kept() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("3"));
        let body = Bytes::from_static(br#"{"id":"abc","message":"bad key sk-abcdefgh12345678"}"#);
        let error = classify(&WireResponse { status: 429, headers, body });
        assert_eq!(error.message(), "bad key ***");
        assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(3));
        assert_eq!(error.detail(), Some("status 429, request id abc"));
    }
}
