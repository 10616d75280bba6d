//! What a vendor's errors mean: `{"error": "…", "error_type": "…"}`, or plain text.

use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, RawJson, retry_hint};
use serde::Deserialize;

#[derive(Default, Deserialize)]
struct Report {
    #[serde(default)]
    error: Option<RawJson>,
    #[serde(default)]
    error_type: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl Report {
    fn words(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Inner {
            message: Option<String>,
        }
        let raw = self.error.as_ref();
        let text = raw.and_then(|raw| raw.read::<String>().ok());
        // Older servers list what is wrong.
        let listed = || raw.and_then(|raw| raw.read::<Vec<String>>().ok()).map(|list| list.join("; "));
        let inner = || raw.and_then(|raw| raw.read::<Inner>().ok()).and_then(|inner| inner.message);
        text.or_else(listed).or_else(inner).or_else(|| self.message.clone())
    }
}

/// What an answer with an error status, or an error in place of an answer, means.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let report: Report = serde_json::from_slice(&reply.body).unwrap_or_default();
    let error = of_report(&report, reply.status);
    match retry_hint::of_headers(&reply.headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// The error that a frame of a stream or a body with a good status holds instead of an answer.
pub(crate) fn in_place_of_answer(data: &str) -> Option<Error> {
    // An array would be read as the fields in their order.
    let object = data.trim_start().strip_prefix('{').map(|_| data)?;
    let report: Report = serde_json::from_str(object).ok()?;
    report.error.as_ref().filter(|error| !error.is_null()).map(|_| of_report(&report, 200))
}

fn of_report(report: &Report, status: u16) -> Error {
    let words = report.words().filter(|words| !words.trim().is_empty());
    let message = match &words {
        Some(words) => scrub(words.trim()),
        None => format!("the vendor answered with status {status} and no message"),
    };
    let error = Error::new(kind(report, words.as_deref().unwrap_or_default(), status), message);
    match &report.error_type {
        Some(error_type) => error.with_type(error_type.clone()),
        None => error,
    }
}

fn kind(report: &Report, words: &str, status: u16) -> ErrorKind {
    let words = words.to_ascii_lowercase();
    let kind = match (report.error_type.as_deref(), status) {
        (Some("overloaded"), _) | (_, 503) => ErrorKind::Overloaded,
        (Some("validation"), _) => ErrorKind::InvalidRequest,
        (_, 401 | 403) => ErrorKind::UpstreamAuth,
        (_, 402) => ErrorKind::QuotaExhausted,
        (_, 404) => ErrorKind::UpstreamNotFound,
        (_, 408 | 504) => ErrorKind::Timeout,
        (_, 413) => ErrorKind::PayloadTooLarge,
        (_, 429) => ErrorKind::RateLimited,
        (_, 400..500) => ErrorKind::InvalidRequest,
        (_, 200..300 | 500..600) => ErrorKind::UpstreamFailure,
        _ => ErrorKind::BadUpstreamAnswer,
    };
    let too_long = words.contains("`inputs` tokens") || words.contains("must have less than");
    if kind == ErrorKind::InvalidRequest && too_long { ErrorKind::ContextLength } else { kind }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn status_and_type_decide_the_kind() {
        for (status, body, kind, message) in [
            (
                404,
                "Not Found",
                ErrorKind::UpstreamNotFound,
                "the vendor answered with status 404 and no message",
            ),
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096","error_type":"validation"}"#,
                ErrorKind::ContextLength,
                "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096",
            ),
            (
                429,
                r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
                ErrorKind::Overloaded,
                "Model is overloaded",
            ),
            (
                503,
                r#"{"error":"Model acme/x is currently loading"}"#,
                ErrorKind::Overloaded,
                "Model acme/x is currently loading",
            ),
            (400, r#"{"error":["a","b"]}"#, ErrorKind::InvalidRequest, "a; b"),
            (401, r#"{"error":"Invalid credentials"}"#, ErrorKind::UpstreamAuth, "Invalid credentials"),
        ] {
            let reply = WireResponse {
                status,
                headers: http::HeaderMap::new(),
                body: Bytes::from_static(body.as_bytes()),
            };
            let error = classify(&reply);
            assert_eq!((error.kind(), error.message()), (kind, message));
        }
    }
}
