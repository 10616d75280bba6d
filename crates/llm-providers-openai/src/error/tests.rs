//! Error bodies after the vendors' documentation and the shapes that their servers are known to send.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, Retry};

use super::{body, classify, classify_value};

fn reply(status: u16, body: &'static str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
}

/// Status and body of a vendor, and what they mean: the kind, and the status for the client.
const CASES: &[(u16, &str, ErrorKind, u16)] = &[
    // https://platform.openai.com/docs/guides/error-codes
    (
        429,
        r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        ErrorKind::QuotaExhausted,
        429,
    ),
    (
        429,
        r#"{"error":{"message":"Rate limit reached for gpt-x in organization org-1 on tokens per min","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        ErrorKind::RateLimited,
        429,
    ),
    (
        400,
        r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ErrorKind::ContextLength,
        400,
    ),
    (
        400,
        r#"{"error":{"message":"Unsupported parameter: 'max_tokens'","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
        ErrorKind::Unsupported,
        400,
    ),
    (
        401,
        r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        ErrorKind::UpstreamAuth,
        401,
    ),
    (
        404,
        r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        ErrorKind::UpstreamNotFound,
        404,
    ),
    (
        500,
        r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
        ErrorKind::UpstreamFailure,
        500,
    ),
    (
        503,
        r#"{"error":{"message":"The engine is currently overloaded","type":"server_error"}}"#,
        ErrorKind::Overloaded,
        503,
    ),
    (529, "", ErrorKind::Overloaded, 529),
    // https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter
    (
        400,
        r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        ErrorKind::ContentFilter,
        400,
    ),
    (404, r#"{"error":{"code":"404","message":"Resource not found"}}"#, ErrorKind::UpstreamNotFound, 404),
    (
        429,
        r#"{"error":{"code":"RateLimitReached","message":"Please wait","details":"Please wait"}}"#,
        ErrorKind::RateLimited,
        429,
    ),
    (401, r#"{"detail":"Unauthorized here"}"#, ErrorKind::UpstreamAuth, 401),
    (
        400,
        r#"{"object":"error","message":"Invalid model: nope","type":"invalid_model","param":null,"code":"1500","raw_status_code":400}"#,
        ErrorKind::UpstreamNotFound,
        400,
    ),
    (
        422,
        r#"{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"missing"}]}"#,
        ErrorKind::InvalidRequest,
        422,
    ),
    (
        400,
        r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xy"}"#,
        ErrorKind::UpstreamAuth,
        401,
    ),
    (
        402,
        r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
        ErrorKind::QuotaExhausted,
        402,
    ),
    (
        401,
        r#"{"error":{"message":"Authentication Fails","type":"authentication_error","code":"invalid_request_error"}}"#,
        ErrorKind::UpstreamAuth,
        401,
    ),
    (
        400,
        r#"{"error":{"code":"data_inspection_failed","message":"Input data may contain inappropriate content.","type":"data_inspection_failed"}}"#,
        ErrorKind::ContentFilter,
        400,
    ),
    (
        500,
        r#"{"error":{"code":500,"message":"the request exceeds the available context size","type":"server_error"}}"#,
        ErrorKind::ContextLength,
        400,
    ),
    (
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
        ErrorKind::UpstreamAuth,
        401,
    ),
    (
        400,
        r#"{"error":{"message":"x/y is not a valid model ID","code":400}}"#,
        ErrorKind::UpstreamNotFound,
        400,
    ),
    (502, "<html><head><title>502 Bad Gateway</title></head></html>", ErrorKind::UpstreamFailure, 502),
    (504, "<html>timeout</html>", ErrorKind::Timeout, 504),
    (404, "Not Found", ErrorKind::UpstreamNotFound, 404),
    (200, "<html>sign in</html>", ErrorKind::BadUpstreamAnswer, 502),
    (200, "", ErrorKind::BadUpstreamAnswer, 502),
    (200, r#"{"error":{"message":"Internal","code":502}}"#, ErrorKind::UpstreamFailure, 502),
    (200, r#"{"error":{"message":"slow down","code":"429"}}"#, ErrorKind::RateLimited, 429),
    (302, "", ErrorKind::BadUpstreamAnswer, 502),
];

#[test]
fn the_kind_is_told_by_the_body_before_the_status() {
    for &(status, text, kind, client_status) in CASES {
        let error = classify(&reply(status, text));
        assert_eq!((error.kind(), error.status()), (kind, client_status), "{status} {text}");
        assert!(!error.message().is_empty(), "{text}");
    }
}

#[test]
fn message_code_param_and_type_are_kept() {
    let error = classify(&reply(
        400,
        r#"{"error":{"message":"bad","type":"invalid_request_error","param":"messages[0]","code":"invalid_value"}}"#,
    ));
    assert_eq!(error.message(), "bad");
    assert_eq!(error.code(), Some("invalid_value"));
    assert_eq!(error.param(), Some("messages[0]"));
    assert_eq!(error.error_type(), Some("invalid_request_error"));
}

#[test]
fn a_resellers_message_names_the_vendors_behind_it() {
    let error = classify(&reply(
        429,
        r#"{"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"model m is rate-limited upstream"}}}"#,
    ));
    assert_eq!(error.message(), "Provider returned error: model m is rate-limited upstream");
}

#[test]
fn no_key_is_repeated() {
    let error = classify(&reply(401, r#"{"error":{"message":"bad key sk-live-0123456789abcdef"}}"#));
    assert_eq!(error.message(), "bad key ***");
}

#[test]
fn a_hint_makes_the_retry_wait() {
    let mut limited = reply(429, r#"{"error":{"message":"slow"}}"#);
    limited.headers.insert("retry-after", HeaderValue::from_static("3"));
    assert_eq!(classify(&limited).retry(), Retry::Later { after: Some(Duration::from_secs(3)) });
    limited.headers.insert("x-should-retry", HeaderValue::from_static("false"));
    assert_eq!(classify(&limited).retry(), Retry::Elsewhere);
}

#[test]
fn errors_inside_streams_are_judged_alike() {
    let error = classify_value(
        r#"{"message":"Tool choice is required","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"secret prompt","status_code":400}"#,
    );
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidRequest, Some("tool_use_failed")));
    assert!(!format!("{error:?}").contains("secret prompt"));
    assert_eq!(classify_value(r#""overloaded""#).kind(), ErrorKind::UpstreamFailure);
    assert_eq!(classify_value(r#"{"error":{"code":503,"message":"no"}}"#).kind(), ErrorKind::Overloaded);
}

#[test]
fn no_body_makes_it_panic() {
    let deep = "[".repeat(100_000);
    for text in [
        "[",
        "[]",
        "[[[]]]",
        "null",
        "7",
        "{}",
        r#"{"error":[]}"#,
        r#"{"error":{"message":{"message":{}}}}"#,
        &deep,
    ] {
        let reply = WireResponse { status: 400, headers: HeaderMap::new(), body: text.to_owned().into() };
        assert_eq!(classify(&reply).kind(), ErrorKind::InvalidRequest, "{:.20}", text);
    }
}

#[test]
fn clients_get_the_documented_shape() {
    let error = Error::invalid("no `messages`").with_param("messages");
    assert_eq!(
        body(&error),
        r#"{"error":{"message":"no `messages`","type":"invalid_request_error","param":"messages","code":"400"}}"#
    );
    let error = Error::new(ErrorKind::QuotaExhausted, "no money").with_code("insufficient_quota");
    assert_eq!(
        body(&error),
        r#"{"error":{"message":"no money","type":"rate_limit_error","param":null,"code":"insufficient_quota"}}"#
    );
}
