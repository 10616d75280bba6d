//! Errors as vendors write them, and ours as clients read them.

use llm_core::Retry;

use super::*;

fn classified(status: u16, body: &str) -> Error {
    let body = Bytes::copy_from_slice(body.as_bytes());
    classify(&WireResponse { status, headers: http::HeaderMap::new(), body })
}

fn status(code: u16, word: &str, message: &str, details: &str) -> String {
    format!(r#"{{"error":{{"code":{code},"message":"{message}","status":"{word}","details":[{details}]}}}}"#)
}

#[test]
fn a_wrong_key_is_an_invalid_argument_by_status_only() {
    let detail = r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}"#;
    let error = classified(400, &status(400, "INVALID_ARGUMENT", "API key not valid.", detail));
    assert_eq!((error.kind(), error.code()), (ErrorKind::UpstreamAuth, Some("API_KEY_INVALID")));
    assert_eq!(error.retry(), Retry::Elsewhere);
}

#[test]
fn a_limit_says_when_to_come_back() {
    let details = r#"{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"PerMinute"}]},
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37.5s"}"#;
    let message = "You exceeded your current quota, please check your plan and billing details.";
    let error = classified(429, &status(429, "RESOURCE_EXHAUSTED", message, details));
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_millis(37_500)));
    assert_eq!(error.detail(), Some("quota PerMinute"));
    let daily = r#"{"@type":"x.QuotaFailure","violations":[{"quotaId":"RequestsPerDayPerProject"}]}"#;
    let error = classified(429, &status(429, "RESOURCE_EXHAUSTED", message, daily));
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
}

#[test]
fn words_and_statuses_decide_the_rest() {
    for (code, word, message, kind) in [
        (404, "NOT_FOUND", "models/x is not found", ErrorKind::UpstreamNotFound),
        (403, "PERMISSION_DENIED", "no", ErrorKind::UpstreamAuth),
        (503, "UNAVAILABLE", "The model is overloaded.", ErrorKind::Overloaded),
        (500, "INTERNAL", "oops", ErrorKind::UpstreamFailure),
        (504, "DEADLINE_EXCEEDED", "late", ErrorKind::Timeout),
        (400, "INVALID_ARGUMENT", "bad", ErrorKind::InvalidRequest),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).",
            ErrorKind::ContextLength,
        ),
    ] {
        assert_eq!(classified(code, &status(code, word, message, "")).kind(), kind, "{message}");
    }
    assert_eq!(classified(502, "<html>").kind(), ErrorKind::UpstreamFailure);
    assert_eq!(classified(200, "{}").kind(), ErrorKind::BadUpstreamAnswer);
}

#[test]
fn an_error_in_a_good_answer_counts_by_its_code_also_in_an_array() {
    let body = status(503, "UNAVAILABLE", "overloaded", "");
    for body in [body.clone(), format!("[{body}]")] {
        assert_eq!(classified(200, &body).kind(), ErrorKind::Overloaded);
        assert_eq!(classify_event(&body).kind(), ErrorKind::Overloaded);
    }
}

#[test]
fn our_errors_have_the_words_of_the_format() {
    let error = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(7));
    let expected = r#"{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}"#;
    assert_eq!(body(&error), expected);
    let unknown = body(&Error::new(ErrorKind::UnknownModel, "no"));
    assert_eq!(unknown, r#"{"error":{"code":400,"message":"no","status":"NOT_FOUND"}}"#);
}
