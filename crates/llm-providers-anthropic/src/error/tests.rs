//! Errors after <https://platform.claude.com/docs/en/api/errors>; the texts are those of recorded answers.

use std::time::Duration;

use http::HeaderValue;

use super::*;

fn reply(status: u16, body: &str, headers: &[(&'static str, &'static str)]) -> WireResponse {
    let headers = headers
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
    WireResponse { status, headers: headers.collect(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

fn documented(error_type: &str, message: &str) -> String {
    format!(
        r#"{{"type":"error","error":{{"type":"{error_type}","message":"{message}"}},"request_id":"req_1"}}"#
    )
}

#[test]
fn documented_errors_have_their_kinds() {
    for (status, error_type, message, kind) in [
        (400, "invalid_request_error", "max_tokens: field required", ErrorKind::InvalidRequest),
        (400, "invalid_request_error", "Your credit balance is too low to access", ErrorKind::QuotaExhausted),
        (
            400,
            "invalid_request_error",
            "prompt is too long: 210000 tokens > 200000",
            ErrorKind::ContextLength,
        ),
        (
            400,
            "invalid_request_error",
            "Output blocked by content filtering policy",
            ErrorKind::ContentFilter,
        ),
        (401, "authentication_error", "invalid x-api-key", ErrorKind::UpstreamAuth),
        (402, "billing_error", "pay", ErrorKind::QuotaExhausted),
        (403, "permission_error", "no", ErrorKind::UpstreamAuth),
        (404, "not_found_error", "model: x", ErrorKind::UpstreamNotFound),
        (413, "request_too_large", "Request exceeds the maximum size", ErrorKind::PayloadTooLarge),
        (429, "rate_limit_error", "slow down", ErrorKind::RateLimited),
        (500, "api_error", "Internal server error", ErrorKind::UpstreamFailure),
        (504, "timeout_error", "late", ErrorKind::Timeout),
        (529, "overloaded_error", "Overloaded", ErrorKind::Overloaded),
        (529, "brand_new_error", "Overloaded", ErrorKind::Overloaded),
    ] {
        let error = classify(&reply(status, &documented(error_type, message), &[]));
        assert_eq!(error.kind(), kind, "{error_type}: {message}");
        assert_eq!(error.message(), message);
        assert_eq!(error.detail(), Some(format!("status {status}, request id req_1").as_str()));
    }
}

#[test]
fn bodies_that_are_no_errors_of_this_format_still_tell_by_status() {
    for (status, body, kind, message) in [
        (
            502,
            "<html>bad gateway</html>",
            ErrorKind::UpstreamFailure,
            "the vendor answered with status 502 and no message",
        ),
        (401, "", ErrorKind::UpstreamAuth, "the vendor answered with status 401 and no message"),
        (429, r#"{"error":"quota"}"#, ErrorKind::RateLimited, "quota"),
        (400, r#"{"detail":"wrong"}"#, ErrorKind::InvalidRequest, "wrong"),
        (200, "[]", ErrorKind::BadUpstreamAnswer, "the vendor reported an error without a message"),
    ] {
        let error = classify(&reply(status, body, &[]));
        assert_eq!((error.kind(), error.message()), (kind, message), "{body}");
    }
}

#[test]
fn hints_are_kept() {
    let body = documented("rate_limit_error", "slow down");
    let error = classify(&reply(429, &body, &[("retry-after", "7")]));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let error = classify(&reply(429, &body, &[("retry-after-ms", "250"), ("retry-after", "1")]));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(250)));
    let error = classify(&reply(529, &body, &[("x-should-retry", "false"), ("retry-after", "-1")]));
    assert_eq!((error.retry(), error.retry_after()), (Retry::Elsewhere, None));
}

#[test]
fn keys_in_messages_are_not_passed_on() {
    let body = documented("authentication_error", "invalid key sk-ant-api03-secretsecret");
    let error = classify(&reply(401, &body, &[]));
    assert_eq!(error.message(), "invalid key ***");
}

#[test]
fn our_errors_have_documented_types() {
    for (kind, expected) in [
        (ErrorKind::InvalidRequest, "invalid_request_error"),
        (ErrorKind::Unsupported, "invalid_request_error"),
        (ErrorKind::Unauthenticated, "authentication_error"),
        (ErrorKind::PermissionDenied, "permission_error"),
        (ErrorKind::UnknownModel, "not_found_error"),
        (ErrorKind::PayloadTooLarge, "request_too_large"),
        (ErrorKind::RateLimited, "rate_limit_error"),
        (ErrorKind::Timeout, "timeout_error"),
        (ErrorKind::Truncated, "api_error"),
        (ErrorKind::Overloaded, "overloaded_error"),
    ] {
        let body = body(&Error::new(kind, "it \"broke\""));
        let expected =
            format!(r#"{{"type":"error","error":{{"type":"{expected}","message":"it \"broke\""}}}}"#);
        assert_eq!(body, expected.as_bytes());
    }
}

#[test]
fn types_of_other_formats_are_not_shown() {
    let error = Error::new(ErrorKind::RateLimited, "no").with_type("insufficient_quota");
    assert_eq!(error_type(&error), "rate_limit_error");
}
