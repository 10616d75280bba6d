//! Which web pages may call: the answers that browsers ask for before they let a page read anything.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};

/// Which web pages may call.
///
/// A browser sends a page's requests to any address, this machine's included, and only afterwards asks whether the
/// page may read the answer. So a gateway without a key must not even act for pages that it does not know: they
/// would spend its owner's money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages of this machine. Requests of other pages are refused. Right for a gateway without a key.
    #[default]
    Local,
    /// All pages. Right for a gateway with a key: a page has to show it, and browsers never add it by themselves.
    Any,
    /// These (`https://app.example`), as browsers write them.
    Listed(Vec<String>),
}

/// What the origin of a request means for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No page is asking.
    NoPage,
    /// A page that may.
    Allowed(HeaderValue),
    /// A page that may not.
    Refused,
}

impl Origins {
    /// What the origin of a request means for it.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Verdict {
        let Some(origin) = headers.get(header::ORIGIN) else { return Verdict::NoPage };
        let allowed = match self {
            Self::Any => return Verdict::Allowed(HeaderValue::from_static("*")),
            Self::Local => is_local(origin),
            Self::Listed(listed) => listed.iter().any(|one| one.as_bytes() == origin.as_bytes()),
        };
        if allowed { Verdict::Allowed(origin.clone()) } else { Verdict::Refused }
    }
}

fn is_local(origin: &HeaderValue) -> bool {
    let uri = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

/// Whether a browser asks beforehand what it may send.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && request.headers().contains_key(header::ORIGIN)
}

/// The answer to a browser that asks beforehand.
pub(crate) fn preflight<T: Default>(asked: &HeaderMap, origin: HeaderValue) -> Response<T> {
    let mut answer = Response::new(T::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    allow(headers, origin);
    let mut set = |name: HeaderName, value| headers.insert(name, value);
    set(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    set(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    // A `*` would not cover `authorization`.
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        set(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    answer
}

/// Lets a page read an answer with all its headers.
pub(crate) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    if origin != "*" {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(origins: &Origins, origin: &'static str) -> Verdict {
        origins.judge(&HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]))
    }

    #[test]
    fn only_local_pages_may_use_a_gateway_without_a_key() {
        for local in ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:80", "http://app.localhost"]
        {
            assert!(matches!(judged(&Origins::Local, local), Verdict::Allowed(_)), "{local}");
        }
        for foreign in ["https://evil.example", "null", "", "http://localhost.evil.example", "file://"] {
            assert_eq!(judged(&Origins::Local, foreign), Verdict::Refused, "{foreign}");
        }
    }

    #[test]
    fn listed_pages_are_compared_whole() {
        let listed = Origins::Listed(vec!["https://app.example".to_owned()]);
        assert!(matches!(judged(&listed, "https://app.example"), Verdict::Allowed(_)));
        assert_eq!(judged(&listed, "https://app.example.evil"), Verdict::Refused);
    }

    #[test]
    fn programs_are_no_pages() {
        assert_eq!(Origins::Local.judge(&HeaderMap::new()), Verdict::NoPage);
    }
}
