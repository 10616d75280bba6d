//! What errors mean: the service's own, and the container's inside of them.

use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Dialect, Error, ErrorKind, retry_hint};
use serde::Deserialize;

/// An error of the service; the container's own one is inside of a `ModelError`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
    #[serde(rename = "OriginalMessage")]
    original_message: Option<String>,
    #[serde(rename = "OriginalStatusCode")]
    original_status: Option<u16>,
}

/// What an answer with an error status means.
pub(crate) fn classify(inner: &dyn Dialect, reply: &WireResponse) -> Error {
    let report: Report = serde_json::from_slice(&reply.body).unwrap_or_default();
    let named = reply.headers.get("x-amzn-errortype").and_then(|name| name.to_str().ok());
    let name = bare(named.or(report.kind.as_deref()).unwrap_or_default()).to_owned();
    if let (Some(status), Some(message)) = (report.original_status, &report.original_message) {
        let body = message.clone().into();
        return inner.classify(&WireResponse { status, headers: reply.headers.clone(), body });
    }
    let message = report.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
    let message = message.map_or_else(|| format!("the vendor answered with status {}", reply.status), scrub);
    let error = Error::new(kind(&name, reply.status), message).with_code(scrub(&name));
    retry_hint::of_headers(&reply.headers).map_or(error.clone(), |wait| error.with_retry_after(wait))
}

/// What an exception in a stream means.
pub(crate) fn of_exception(name: &str, data: &str) -> Error {
    let report: Report = serde_json::from_str(data).unwrap_or_default();
    let message =
        report.message.map_or_else(|| "the container failed in the middle".to_owned(), |text| scrub(&text));
    Error::new(kind(name, 500), message).with_code(scrub(name))
}

fn bare(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default()
}

fn kind(name: &str, status: u16) -> ErrorKind {
    let says = |word: &str| name.contains(word);
    match status {
        _ if says("Throttl") => ErrorKind::RateLimited,
        _ if says("AccessDenied") || says("UnrecognizedClient") || says("Expired") || says("Signature") => {
            ErrorKind::UpstreamAuth
        }
        _ if says("ModelNotReady") || says("ServiceUnavailable") => ErrorKind::Overloaded,
        // The endpoint that the deployment names is none.
        _ if says("Validation") => ErrorKind::UpstreamNotFound,
        401 | 403 => ErrorKind::UpstreamAuth,
        404 => ErrorKind::UpstreamNotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        503 => ErrorKind::Overloaded,
        424 | 500..600 => ErrorKind::UpstreamFailure,
        _ => ErrorKind::InvalidRequest,
    }
}
