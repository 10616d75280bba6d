//! What vendors' errors mean, and ours in this format's words. After "Common errors" and the errors of `Converse` in
//! the API reference (read November 2026).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, retry_hint};

use crate::wire::{Members, ObjectWriter};

/// The header that names an error.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// What prompts that are too long are told with, by the makers of the models.
const TOO_LONG: &[&str] = &[
    "input is too long",
    "prompt is too long",
    "too many input tokens",
    "maximum context length",
    "context length",
    "context window",
    "exceed context limit",
    "input tokens exceed",
    "exceeds the maximum number of input tokens",
    "too many tokens in the prompt",
    "prompt contains more tokens",
];

/// What says that the deployment, not the request, names the wrong model.
const NO_SUCH_MODEL: &[&str] = &[
    "model identifier is invalid",
    "on-demand throughput isn",
    "end of its life",
    "could not resolve the foundation model",
    "is marked by provider as legacy",
];

/// Whether a body with a good status holds an error in place of an answer.
pub(crate) fn is_error(text: &str) -> bool {
    let Ok(body) = Members::parse(text) else { return false };
    let named =
        body.raw("__type").is_some() || body.raw("message").is_some() || body.raw("Message").is_some();
    named && body.raw("output").is_none()
}

/// What an answer with an error status means.
pub(crate) fn classify(reply: &WireResponse) -> Error {
    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
    let named = reply.headers.get(ERROR_TYPE).and_then(|name| name.to_str().ok());
    let report = Report::of(text, named);
    let kind = report.kind(reply.status);
    let error = report.error(kind, reply.status);
    let error = match kept_status(kind, reply.status) {
        Some(status) => error.with_status(status),
        None => error,
    };
    let error = match retry_hint::of_headers(&reply.headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    };
    match reply.headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok()) {
        Some(id) => error.with_detail(format!("status {}, request id {}", reply.status, scrub(id))),
        None => error,
    }
}

/// What an error in place of a whole answer means.
pub(crate) fn of_body(text: &str) -> Error {
    let report = Report::of(text, None);
    report.error(report.kind(200), 200)
}

/// What an exception in a stream means.
pub(crate) fn of_exception(name: &str, data: &str) -> Error {
    let report = Report::of(data, Some(name));
    report.error(report.kind(200), 200)
}

/// An error as a vendor tells it.
struct Report {
    name: Option<String>,
    message: Option<String>,
}

impl Report {
    fn of(text: &str, named: Option<&str>) -> Self {
        let body = Members::parse(text).unwrap_or_default();
        let text = |name| body.text(name).ok().flatten();
        let told = text("__type").or_else(|| text("code"));
        let name = named.map(str::to_owned).or(told).map(|name| bare(&name).to_owned());
        let message = text("message").or_else(|| text("Message")).or_else(|| text("originalMessage"));
        Self { name: name.filter(|name| !name.is_empty()), message }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let named = self.name.as_deref().and_then(kind_of_name);
        match named.unwrap_or_else(|| kind_of_status(status)) {
            ErrorKind::InvalidRequest if says(TOO_LONG) => ErrorKind::ContextLength,
            ErrorKind::InvalidRequest if says(NO_SUCH_MODEL) => ErrorKind::UpstreamNotFound,
            ErrorKind::InvalidRequest if says(&["content filtering policy"]) => ErrorKind::ContentFilter,
            kind => kind,
        }
    }

    fn error(&self, kind: ErrorKind, status: u16) -> Error {
        let message = self.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
        let message = message.map_or_else(
            || match &self.name {
                Some(name) => format!("the vendor answered {} and no message", scrub(name)),
                None => format!("the vendor answered with status {status} and no message"),
            },
            scrub,
        );
        let error = Error::new(kind, message);
        match &self.name {
            Some(name) => error.with_code(scrub(name)),
            None => error,
        }
    }
}

/// The name without its namespace before it and the address behind it.
fn bare(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

fn kind_of_name(name: &str) -> Option<ErrorKind> {
    let lower = name.to_ascii_lowercase();
    Some(match lower.strip_suffix("exception").unwrap_or(&lower) {
        "validation" | "conflict" | "serialization" => ErrorKind::InvalidRequest,
        "throttling" | "toomanyrequests" | "requestlimitexceeded" => ErrorKind::RateLimited,
        "servicequotaexceeded" => ErrorKind::QuotaExhausted,
        "accessdenied"
        | "unrecognizedclient"
        | "expiredtoken"
        | "invalidsignature"
        | "incompletesignature"
        | "missingauthenticationtoken"
        | "invalidclienttokenid"
        | "signaturedoesnotmatch"
        | "optinrequired" => ErrorKind::UpstreamAuth,
        "resourcenotfound" | "unknownoperation" => ErrorKind::UpstreamNotFound,
        "modeltimeout" | "requesttimeout" => ErrorKind::Timeout,
        "modelnotready" | "serviceunavailable" => ErrorKind::Overloaded,
        "modelerror" | "modelstreamerror" | "internalserver" | "internalfailure" | "internalservererror" => {
            ErrorKind::UpstreamFailure
        }
        _ => return None,
    })
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::UpstreamAuth,
        404 => ErrorKind::UpstreamNotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        503 => ErrorKind::Overloaded,
        400..500 => ErrorKind::InvalidRequest,
        200 | 500..600 => ErrorKind::UpstreamFailure,
        _ => ErrorKind::BadUpstreamAnswer,
    }
}

/// The vendor's status where clients of this format know it and it says the same as the kind.
fn kept_status(kind: ErrorKind, status: u16) -> Option<u16> {
    let kept = match kind {
        ErrorKind::UpstreamAuth => matches!(status, 401 | 403),
        ErrorKind::UpstreamFailure => status == 424 || (500..600).contains(&status),
        ErrorKind::Overloaded => matches!(status, 429 | 503),
        ErrorKind::InvalidRequest => (400..500).contains(&status),
        _ => false,
    };
    kept.then_some(status)
}

/// The documented name of an error.
fn name(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted | ErrorKind::BudgetExceeded => {
            "ThrottlingException"
        }
        ErrorKind::Unauthenticated | ErrorKind::UpstreamAuth | ErrorKind::PermissionDenied => {
            "AccessDeniedException"
        }
        ErrorKind::UnknownModel | ErrorKind::NotFound | ErrorKind::UpstreamNotFound => {
            "ResourceNotFoundException"
        }
        ErrorKind::Timeout => "ModelTimeoutException",
        ErrorKind::Overloaded => "ServiceUnavailableException",
        ErrorKind::UpstreamFailure
        | ErrorKind::Connection
        | ErrorKind::BadUpstreamAnswer
        | ErrorKind::Truncated => "ModelErrorException",
        ErrorKind::Internal => "InternalServerException",
        _ => "ValidationException",
    }
}

/// An error as the body of an answer.
pub(crate) fn body(error: &Error) -> Bytes {
    let mut object = ObjectWriter::new();
    object.member("__type", name(error)).member("message", error.message());
    object.finish().into()
}

/// The headers of an answer that is an error.
pub(crate) fn headers(error: &Error) -> HeaderMap {
    HeaderMap::from_iter([(ERROR_TYPE, HeaderValue::from_static(name(error)))])
}

/// The exception that tells an error in a stream: there are five.
pub(crate) fn exception(error: &Error) -> &'static str {
    match name(error) {
        "ThrottlingException" => "throttlingException",
        "ServiceUnavailableException" => "serviceUnavailableException",
        "ModelErrorException" | "ModelTimeoutException" => "modelStreamErrorException",
        "InternalServerException" => "internalServerException",
        _ => "validationException",
    }
}

#[cfg(test)]
mod tests {
    use llm_core::Retry;

    use super::*;

    fn classified(status: u16, name: Option<&'static str>, body: &'static str) -> Error {
        let header = name.map(|name| (ERROR_TYPE, HeaderValue::from_static(name)));
        let headers = header.into_iter().collect();
        classify(&WireResponse { status, headers, body: Bytes::from_static(body.as_bytes()) })
    }

    #[test]
    fn each_name_is_what_it_means() {
        let coral = "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/";
        for (status, name, body, kind) in [
            (429, Some("ThrottlingException"), r#"{"message":"Too many tokens"}"#, ErrorKind::RateLimited),
            (429, Some("ModelNotReadyException"), "{}", ErrorKind::Overloaded),
            (403, Some("AccessDeniedException"), r#"{"Message":"no"}"#, ErrorKind::UpstreamAuth),
            (
                403,
                None,
                r#"{"message":"The security token included in the request is expired"}"#,
                ErrorKind::UpstreamAuth,
            ),
            (400, Some(coral), r#"{"message":"malformed"}"#, ErrorKind::InvalidRequest),
            (
                400,
                Some(coral),
                r#"{"message":"Input is too long for requested model."}"#,
                ErrorKind::ContextLength,
            ),
            (
                400,
                Some(coral),
                r#"{"message":"The provided model identifier is invalid."}"#,
                ErrorKind::UpstreamNotFound,
            ),
            (
                400,
                None,
                r#"{"__type":"com.amazon.x#ServiceQuotaExceededException"}"#,
                ErrorKind::QuotaExhausted,
            ),
            (404, Some("ResourceNotFoundException"), "{}", ErrorKind::UpstreamNotFound),
            (408, Some("ModelTimeoutException"), "{}", ErrorKind::Timeout),
            (424, Some("ModelErrorException"), "{}", ErrorKind::UpstreamFailure),
            (500, None, "<html>", ErrorKind::UpstreamFailure),
            (503, Some("ServiceUnavailableException"), "{}", ErrorKind::Overloaded),
        ] {
            assert_eq!(classified(status, name, body).kind(), kind, "{status} {name:?} {body}");
        }
        let throttled = classified(429, Some("ThrottlingException"), r#"{"message":"slow down"}"#);
        assert!(matches!(throttled.retry(), Retry::Later { .. }));
        assert_eq!((throttled.message(), throttled.code()), ("slow down", Some("ThrottlingException")));
    }

    #[test]
    fn errors_for_clients_have_the_documented_names() {
        let error = Error::new(ErrorKind::RateLimited, "slow \"down\"");
        assert_eq!(body(&error), r#"{"__type":"ThrottlingException","message":"slow \"down\""}"#);
        assert_eq!(
            headers(&error).get(ERROR_TYPE).map(HeaderValue::as_bytes),
            Some(&b"ThrottlingException"[..])
        );
        assert_eq!(exception(&Error::new(ErrorKind::Truncated, "x")), "modelStreamErrorException");
    }
}
