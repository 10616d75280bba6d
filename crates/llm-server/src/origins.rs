//! Which web pages may call: the answers that browsers ask for before they let a page read anything.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, Uri};

/// Which web pages may call.
///
/// A browser sends a page's requests to any address, this machine's included, and only afterwards asks whether the
/// page may read the answer. So a gateway without a key must not even act for pages that it does not know: they
/// would spend its owner's money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages of this machine and our own. Requests of other pages are refused, and so is who asks for us by a public
    /// name: a page may let its own name point here and would then be of the same origin (DNS rebinding). Right for a
    /// gateway without a key.
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
    /// Somebody asks for us by a name that a stranger can own.
    Misnamed,
}

impl Origins {
    /// What the origin of a request means for it.
    pub(crate) fn judge(&self, uri: &Uri, headers: &HeaderMap) -> Verdict {
        let origin = headers.get(header::ORIGIN);
        let allowed = match (self, origin) {
            (Self::Any, Some(_)) => return Verdict::Allowed(HeaderValue::from_static("*")),
            (Self::Any, None) | (Self::Listed(_), None) => return Verdict::NoPage,
            (Self::Listed(listed), Some(origin)) => {
                listed.iter().any(|one| one.as_bytes() == origin.as_bytes())
            }
            (Self::Local, _) => {
                let asked = asked(uri, headers);
                if asked.is_some_and(|authority| !is_ours(host_of(authority))) {
                    return Verdict::Misnamed;
                }
                let Some(origin) = origin else { return Verdict::NoPage };
                is_local(origin) || (asked.is_some() && authority_of(origin) == asked)
            }
        };
        origin.filter(|_| allowed).map_or(Verdict::Refused, |origin| Verdict::Allowed(origin.clone()))
    }
}

/// Under which name and port we were asked. Programs of HTTP/1.0 do not say it.
fn asked<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let header = || Some(headers.get(header::HOST)?.to_str().unwrap_or("?.unreadable"));
    uri.authority().map(Authority::as_str).or_else(header)
}

fn authority_of(origin: &HeaderValue) -> Option<&str> {
    origin.to_str().ok()?.split_once("://").map(|(_, authority)| authority)
}

fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether nobody outside can own this host: an address, a name without dots, or one under a domain that the public
/// name system does not have (RFC 6761, RFC 6762, RFC 8375, and what clusters and routers use).
fn is_ours(host: &str) -> bool {
    const OWN: [&str; 7] = ["localhost", "local", "internal", "lan", "intranet", "test", "home.arpa"];
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let under = |domain: &&str| host.strip_suffix(*domain).is_some_and(|name| name.ends_with('.'));
    address || !host.contains('.') || OWN.iter().any(under)
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
        let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        origins.judge(&Uri::from_static("/v1/models"), &headers)
    }

    fn asked_by(host: &str, origin: Option<&str>) -> Verdict {
        let value = |text: &str| HeaderValue::from_str(text).expect("a header");
        let mut headers = HeaderMap::from_iter([(header::HOST, value(host))]);
        headers.extend(origin.map(|origin| (header::ORIGIN, value(origin))));
        Origins::Local.judge(&Uri::from_static("/v1/models"), &headers)
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
    fn a_gateway_without_a_key_answers_to_no_name_that_a_stranger_can_own() {
        for ours in
            ["localhost:4000", "gateway", "192.168.1.5:4000", "[fe80::1]:4000", "[::1]", "llm.home.arpa:80"]
        {
            assert_eq!(asked_by(ours, None), Verdict::NoPage, "{ours}");
        }
        for ours in
            ["llm.default.svc.cluster.local", "host.docker.internal:4000", "App.LocalHost.", "box.lan"]
        {
            assert_eq!(asked_by(ours, None), Verdict::NoPage, "{ours}");
        }
        for strange in
            ["evil.example:4000", "127.0.0.1.evil.example", "local.evil", "nolocalhost.com", "evil.com."]
        {
            assert_eq!(asked_by(strange, None), Verdict::Misnamed, "{strange}");
            let same = format!("http://{strange}");
            assert_eq!(asked_by(strange, Some(&same)), Verdict::Misnamed, "{strange}");
        }
        let absolute = Uri::from_static("http://evil.example/v1/models");
        assert_eq!(Origins::Local.judge(&absolute, &HeaderMap::new()), Verdict::Misnamed);
        assert_eq!(Origins::Any.judge(&absolute, &HeaderMap::new()), Verdict::NoPage);
    }

    #[test]
    fn our_own_pages_may_call_under_every_name_that_is_ours() {
        assert!(matches!(asked_by("10.0.0.2:4000", Some("http://10.0.0.2:4000")), Verdict::Allowed(_)));
        assert_eq!(asked_by("10.0.0.2:4000", Some("http://10.0.0.2:8080")), Verdict::Refused);
    }

    #[test]
    fn listed_pages_are_compared_whole() {
        let listed = Origins::Listed(vec!["https://app.example".to_owned()]);
        assert!(matches!(judged(&listed, "https://app.example"), Verdict::Allowed(_)));
        assert_eq!(judged(&listed, "https://app.example.evil"), Verdict::Refused);
    }

    #[test]
    fn programs_are_no_pages() {
        assert_eq!(Origins::Local.judge(&Uri::from_static("/"), &HeaderMap::new()), Verdict::NoPage);
    }
}
