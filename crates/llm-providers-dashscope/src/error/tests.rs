//! Codes and texts of the vendor's page, and what they mean here.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use llm_core::Retry;

use super::*;

fn reply(status: u16, body: &str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

#[test]
fn documented_codes_are_told_apart() {
    for (status, code, message, kind) in [
        (401, "InvalidApiKey", "Invalid API-key provided.", ErrorKind::UpstreamAuth),
        (403, "AccessDenied.Unpurchased", "Access to model denied.", ErrorKind::UpstreamAuth),
        (403, "Model.AccessDenied", "Model access denied.", ErrorKind::UpstreamAuth),
        (400, "Arrearage", "Access denied, please make sure ...", ErrorKind::QuotaExhausted),
        (429, "Throttling", "Requests throttling triggered.", ErrorKind::RateLimited),
        (429, "Throttling.RateQuota", "Requests rate limit exceeded.", ErrorKind::RateLimited),
        (429, "Throttling.AllocationQuota", "Allocated quota exceeded.", ErrorKind::RateLimited),
        (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", ErrorKind::QuotaExhausted),
        (403, "AllocationQuota.FreeTierOnly", "The free tier ...", ErrorKind::QuotaExhausted),
        (400, "DataInspectionFailed", "Input data may contain ...", ErrorKind::ContentFilter),
        (400, "InvalidParameter.DataInspection", "The media format is ...", ErrorKind::InvalidRequest),
        (404, "ModelNotFound", "Model can not be found.", ErrorKind::UpstreamNotFound),
        (400, "InvalidParameter", "Model not exist.", ErrorKind::UpstreamNotFound),
        (400, "InvalidParameter", "Range of input length should be [1, 30720]", ErrorKind::ContextLength),
        (400, "InvalidParameter", "Temperature should be in [0.0, 2.0)", ErrorKind::InvalidRequest),
        (413, "BadRequest.TooLarge", "Payload Too Large", ErrorKind::PayloadTooLarge),
        (408, "RequestTimeOut", "Request timed out.", ErrorKind::Timeout),
        (500, "InternalError.Algo", "An internal error ...", ErrorKind::UpstreamFailure),
        (503, "ModelServingError", "Too many requests ...", ErrorKind::Overloaded),
        (418, "SomethingNew", "?", ErrorKind::InvalidRequest),
    ] {
        let error = classify(&reply(status, &format!(r#"{{"code":"{code}","message":"{message}"}}"#)));
        assert_eq!((error.kind(), error.message()), (kind, message), "{code}");
        assert_eq!(error.code(), Some(code));
    }
}

#[test]
fn an_error_with_a_good_status_is_one_and_an_empty_code_is_none() {
    let body = |text: &str| serde_json::from_str::<RawObject>(text).expect("an object");
    let error = in_place_of_answer(&body(r#"{"code":"Throttling","message":"slow down","output":{}}"#));
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::RateLimited));
    assert_eq!(in_place_of_answer(&body(r#"{"code":"","message":"","output":{"text":"hi"}}"#)), None);
}

#[test]
fn what_is_no_error_body_is_told_by_its_status() {
    let mut reply = reply(429, "<html>sk-12345678901234</html>");
    reply.headers.insert("retry-after", HeaderValue::from_static("3"));
    let error = classify(&reply);
    assert_eq!(error.message(), "the vendor answered with status 429 and no message");
    assert_eq!(error.retry(), Retry::Later { after: Some(Duration::from_secs(3)) });
}

#[test]
fn keys_are_not_repeated() {
    let error = classify(&reply(401, r#"{"code":"InvalidApiKey","message":"bad key sk-abcdefgh12345678"}"#));
    assert_eq!(error.message(), "bad key ***");
}
