//! What the vendor's errors mean.
//!
//! After <https://www.alibabacloud.com/help/en/model-studio/error-code> (read 2026-11-21): the code tells, the status
//! often not (an account without money is a 400).

use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, RawObject, retry_hint};

use crate::wire::read;

/// What an answer with an error status, or an error in place of an answer, means.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let body: RawObject = serde_json::from_slice(&reply.body).unwrap_or_default();
    let report = Report::of(&body);
    let mut error = report.error(reply.status);
    let id = report.request_id.as_deref();
    let id = id.or_else(|| reply.headers.get("x-request-id").and_then(|value| value.to_str().ok()));
    if let Some(id) = id {
        error = error.with_detail(format!("status {}, request id {}", reply.status, scrub(id)));
    }
    match retry_hint::of_headers(&reply.headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// The error that a body with a good status, or an event of a stream, holds in place of an answer.
pub(crate) fn in_place_of_answer(body: &RawObject) -> Option<Error> {
    let report = Report::of(body);
    let output: Option<RawObject> = read(body, "output");
    (report.code.is_some() && output.is_none_or(|output| output.is_empty())).then(|| report.error(200))
}

/// What a task that failed says of itself.
pub(crate) fn of_task(output: &RawObject) -> Error {
    Report::of(output).error(200)
}

/// What an `error` event says.
pub(crate) fn of_event(data: &str) -> Error {
    let body: RawObject = serde_json::from_str(data).unwrap_or_default();
    Report::of(&body).error(200)
}

/// `{"code","message","request_id"}`; some failures in front of the services write another service's
/// `{"error":{"code","message"}}`.
#[derive(Debug, Default)]
struct Report {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Report {
    fn of(body: &RawObject) -> Self {
        let inner: RawObject = read(body, "error").unwrap_or_default();
        let text = |key: &str| {
            let said: Option<String> = read(body, key).or_else(|| read(&inner, key));
            said.filter(|text| !text.trim().is_empty())
        };
        Self { code: text("code"), message: text("message"), request_id: text("request_id") }
    }

    fn error(&self, status: u16) -> Error {
        let kind = self.kind(status);
        let mut error = Error::new(kind, self.message_or(status));
        if (400..600).contains(&status) && keeps_status(kind, status) {
            error = error.with_status(status);
        }
        if let Some(code) = &self.code {
            error = error.with_code(scrub(code));
        }
        error
    }

    fn message_or(&self, status: u16) -> String {
        match (&self.message, &self.code) {
            (Some(message), _) => scrub(message.trim()),
            (None, Some(code)) => format!("the vendor answered {}", scrub(code)),
            (None, None) => format!("the vendor answered with status {status} and no message"),
        }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        let code = self.code.as_deref().unwrap_or_default();
        let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match kind_of_code(code).unwrap_or_else(|| kind_of_status(status)) {
            ErrorKind::InvalidRequest if says(&["range of input length", "maximum context length"]) => {
                ErrorKind::ContextLength
            }
            ErrorKind::InvalidRequest if says(&["model not exist", "model does not exist"]) => {
                ErrorKind::UpstreamNotFound
            }
            ErrorKind::RateLimited | ErrorKind::UpstreamAuth
                if says(&["exceeded your current quota", "free tier", "free allocated quota"]) =>
            {
                ErrorKind::QuotaExhausted
            }
            kind => kind,
        }
    }
}

/// By the code, the more particular ones first; families share what stands before the first dot.
fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "AllocationQuota.FreeTierOnly" | "insufficient_quota" => ErrorKind::QuotaExhausted,
        "BadRequest.TooLarge" => ErrorKind::PayloadTooLarge,
        "InternalError.Timeout" => ErrorKind::Timeout,
        _ => match code.split('.').next().unwrap_or_default() {
            "InvalidApiKey" | "invalid_api_key" | "AccessDenied" | "access_denied" | "Model"
            | "Workspace" | "Forbidden" => ErrorKind::UpstreamAuth,
            "Arrearage" | "CommodityNotPurchased" | "PrepaidBillOverdue" | "PostpaidBillOverdue" => {
                ErrorKind::QuotaExhausted
            }
            "Throttling" | "LimitRequests" | "limit_requests" => ErrorKind::RateLimited,
            "DataInspectionFailed" | "data_inspection_failed" | "IPInfringementSuspect" => {
                ErrorKind::ContentFilter
            }
            "ModelNotFound" | "model_not_found" => ErrorKind::UpstreamNotFound,
            "InvalidParameter"
            | "invalid_parameter_error"
            | "BadRequest"
            | "InvalidURL"
            | "UnsupportedOperation"
            | "InvalidRequest" => ErrorKind::InvalidRequest,
            "RequestTimeOut" | "ResponseTimeout" => ErrorKind::Timeout,
            "ServiceUnavailable" | "ModelServingError" | "ModelUnavailable" => ErrorKind::Overloaded,
            "InternalError" | "internal_error" | "SystemError" => ErrorKind::UpstreamFailure,
            _ => return None,
        },
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
        // A stream's events have the status of the stream.
        _ => ErrorKind::UpstreamFailure,
    }
}

/// The vendor's status where it says the same as the kind.
fn keeps_status(kind: ErrorKind, status: u16) -> bool {
    match kind {
        ErrorKind::UpstreamAuth => matches!(status, 401 | 403),
        ErrorKind::UpstreamFailure => status >= 500,
        ErrorKind::Timeout => matches!(status, 408 | 504),
        ErrorKind::InvalidRequest => (400..429).contains(&status),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
