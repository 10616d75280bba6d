//! Errors: what a server's mean, and ours in this format's words.
//!
//! After <https://docs.ollama.com/api/errors>: a status and `{"error": "…"}`, the latter also as a line of a stream.

use bytes::Bytes;
use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, retry_hint};

use crate::body::{Members, ObjectWriter};

/// What an answer with an error status means.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let mut members = Members::of_bytes(&reply.body).unwrap_or_default();
    let words = members.raw("error").map(|raw| words(raw.get())).unwrap_or_default();
    let error = judged(&words, Some(reply.status));
    match retry_hint::of_headers(&reply.headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// What the `error` of a body that should be an answer means.
pub(crate) fn in_answer(error: &str) -> Error {
    judged(&words(error), None)
}

/// Whether a line tells an error of the server's own.
pub(crate) fn is_reported(line: &str) -> bool {
    Members::parse(line).is_ok_and(|mut members| members.raw("error").is_some())
}

/// The words of an error: a text, or as servers of related formats write it, an object with a message.
fn words(error: &str) -> String {
    let object = || Members::parse(error).ok()?.text("message").ok()?;
    serde_json::from_str(error).ok().or_else(object).unwrap_or_default()
}

fn judged(words: &str, status: Option<u16>) -> Error {
    let kind = kind(words, status);
    let words = words.trim();
    let message = match (words.is_empty(), status) {
        (false, _) => scrub(words),
        (true, Some(status)) => format!("the vendor answered with status {status} and no message"),
        (true, None) => "the vendor reported an error without a message".to_owned(),
    };
    let error = Error::new(kind, message);
    match status.filter(|status| keeps(kind, *status)) {
        Some(status) => error.with_status(status),
        None => error,
    }
}

/// The status says what is wrong, the words say it better in some cases.
fn kind(words: &str, status: Option<u16>) -> ErrorKind {
    let words = words.to_ascii_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    let full =
        ["context length", "context window", "exceeds the available context", "exceeds maximum context"];
    match status {
        Some(401 | 403) => ErrorKind::UpstreamAuth,
        Some(402) => ErrorKind::QuotaExhausted,
        Some(429) if says(&["usage limit", "quota"]) => ErrorKind::QuotaExhausted,
        Some(429) => ErrorKind::RateLimited,
        Some(404) => ErrorKind::UpstreamNotFound,
        Some(408 | 504) => ErrorKind::Timeout,
        Some(413) => ErrorKind::PayloadTooLarge,
        Some(503) => ErrorKind::Overloaded,
        _ if says(&full) => ErrorKind::ContextLength,
        _ if says(&["server busy", "maximum pending requests"]) => ErrorKind::Overloaded,
        Some(400..500) if says(&["does not support"]) => ErrorKind::Unsupported,
        Some(400..500) => ErrorKind::InvalidRequest,
        None if says(&["unauthorized"]) => ErrorKind::UpstreamAuth,
        None if says(&["not found"]) => ErrorKind::UpstreamNotFound,
        _ => ErrorKind::UpstreamFailure,
    }
}

/// Whether the server's status says the same as the kind.
fn keeps(kind: ErrorKind, status: u16) -> bool {
    match kind {
        ErrorKind::UpstreamAuth => matches!(status, 401 | 403),
        ErrorKind::UpstreamFailure => (500..600).contains(&status),
        ErrorKind::Timeout => matches!(status, 408 | 504),
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => (400..500).contains(&status),
        _ => false,
    }
}

/// The status of an error: clients take 404 to mean that a model is not there, and may offer to fetch it.
pub(crate) fn status(error: &Error) -> u16 {
    error.status_with_unknown_model(404)
}

/// An error as the body of an answer.
pub(crate) fn body(error: &Error) -> Bytes {
    let mut object = ObjectWriter::new();
    object.member("error", error.message());
    object.finish().into()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn words_and_statuses_are_judged() {
        for (status, body, expected) in [
            (404, r#"{"error":"model 'x' not found"}"#, ErrorKind::UpstreamNotFound),
            (400, r#"{"error":"\"llama3\" does not support thinking"}"#, ErrorKind::Unsupported),
            (400, r#"{"error":"the input length exceeds the context length"}"#, ErrorKind::ContextLength),
            (400, r#"{"error":"invalid message content type: <nil>"}"#, ErrorKind::InvalidRequest),
            (401, r#"{"error":"unauthorized","signin_url":"https://ollama.com"}"#, ErrorKind::UpstreamAuth),
            (429, r#"{"error":"you have reached your hourly usage limit"}"#, ErrorKind::QuotaExhausted),
            (429, r#"{"error":"too many requests"}"#, ErrorKind::RateLimited),
            (500, r#"{"error":"model runner has unexpectedly stopped"}"#, ErrorKind::UpstreamFailure),
            (503, r#"{"error":"server busy, please try again"}"#, ErrorKind::Overloaded),
            (502, "<html>", ErrorKind::UpstreamFailure),
            (404, "404 page not found", ErrorKind::UpstreamNotFound),
        ] {
            let reply = WireResponse { status, headers: HeaderMap::new(), body: Bytes::from(body) };
            assert_eq!(classify(&reply).kind(), expected, "{status} {body}");
        }
        let error = in_answer(r#"{"message":"an error of another shape"}"#);
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::UpstreamFailure, "an error of another shape")
        );
    }

    #[test]
    fn a_model_that_is_not_there_is_told_by_its_status() {
        assert_eq!(status(&Error::new(ErrorKind::UnknownModel, "no")), 404);
        assert_eq!(status(&Error::invalid("no")), 400);
    }

    #[test]
    fn an_error_is_one_text() {
        assert_eq!(body(&Error::invalid("no \"model\"")), r#"{"error":"no \"model\""}"#);
    }
}
