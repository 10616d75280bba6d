//! Errors of this family of formats: what a vendor's error body means, and our errors as bodies for clients.

mod hint;
mod kind;
mod report;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, Retry};
use serde::Serialize;

use self::report::Report;

/// What an answer with an error in it means, whatever shape the vendor gave it.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let report = Report::read(&reply.body, reply.status);
    let status = if reply.status >= 400 { Some(reply.status) } else { report.status };
    let error = judged(&report, status);
    let error = match hint::retry_after(&reply.headers, &report, error.kind()) {
        Some(after) => error.with_retry_after(after),
        None => error,
    };
    follow_advice(error, &reply.headers)
}

/// What an error that stands inside an answer or a stream means: the whole frame, the error object, or its text,
/// as JSON.
pub(crate) fn classify_value(json: &str) -> Error {
    let report = Report::read(json.as_bytes(), 200);
    let error = judged(&report, report.status);
    match hint::from_report(&report, error.kind()) {
        Some(after) => error.with_retry_after(after),
        None => error,
    }
}

fn judged(report: &Report, status: Option<u16>) -> Error {
    let kind = kind::kind(report, status);
    let mut error = Error::new(kind, report.message.clone()).with_status(client_status(kind, status));
    if let Some(code) = &report.code {
        error = error.with_code(code.clone());
    }
    if let Some(error_type) = &report.error_type {
        error = error.with_type(error_type.clone());
    }
    if let Some(param) = &report.param {
        error = error.with_param(param.clone());
    }
    match &report.detail {
        Some(detail) => error.with_detail(detail.clone()),
        None => error,
    }
}

/// The vendor's own status where it says the same as the kind; the kind's where the vendor's misleads (a bad key as
/// 400, a full context window as 500).
fn client_status(kind: ErrorKind, status: Option<u16>) -> u16 {
    let usual = kind.status();
    let Some(status) = status else { return usual };
    let fits = match kind {
        ErrorKind::UpstreamAuth => matches!(status, 401 | 403),
        ErrorKind::RateLimited => status == 429,
        ErrorKind::QuotaExhausted => matches!(status, 402 | 429),
        ErrorKind::Timeout => matches!(status, 408 | 504 | 524),
        _ => status / 100 == usual / 100,
    };
    if fits { status } else { usual }
}

/// Some vendors say outright whether the same request should be sent again.
fn follow_advice(error: Error, headers: &HeaderMap) -> Error {
    let advice = headers.get("x-should-retry").map(http::HeaderValue::as_bytes);
    match (advice, error.retry()) {
        (Some(b"false"), Retry::Later { .. }) => error.with_retry(Retry::Elsewhere),
        (Some(b"true"), Retry::Elsewhere) => {
            let after = error.retry_after();
            error.with_retry(Retry::Later { after })
        }
        _ => error,
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: BodyError<'a>,
}

#[derive(Serialize)]
struct BodyError<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: &'a str,
}

/// An error as the body of an answer to a client: `{"error":{"message","type","param","code"}}`. Without a code of
/// the vendor's, `code` is the status in letters.
pub(crate) fn body(error: &Error) -> Bytes {
    let status = error.status().to_string();
    let body = Body {
        error: BodyError {
            message: error.message(),
            r#type: error.error_type().unwrap_or_else(|| usual_type(error.status())),
            param: error.param(),
            code: error.code().unwrap_or(&status),
        },
    };
    serde_json::to_vec(&body).expect("strings are always valid JSON").into()
}

fn usual_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "internal_server_error",
    }
}

#[cfg(test)]
mod tests;
