//! Headers on their way to a vendor and back: what is sent is decided here, never by a client.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use llm_core::provider::Inbound;
use llm_core::{Error, Result, Secret};

use crate::vendor::Auth;

const AGENT: &str = concat!("llm-gateway/", env!("CARGO_PKG_VERSION"));
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const API_KEY: HeaderName = HeaderName::from_static("api-key");
const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");

/// Headers that belong to one connection or that the transport writes itself.
pub(crate) const CONNECTION: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of an answer that speak of the vendor's own site: its cookies, its scripts' rights, its addresses.
const SITE: [&str; 14] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "alt-svc",
    "date",
    "nel",
    "report-to",
    "server",
    "set-cookie",
    "strict-transport-security",
    "www-authenticate",
];

/// The headers of a deployment, the same on every request.
#[derive(Debug)]
pub(crate) struct Fixed(Vec<(HeaderName, HeaderValue)>);

impl Fixed {
    /// The gateway's name and the credentials.
    pub(crate) fn new(auth: Auth, key: Option<&Secret>) -> Result<Self> {
        let mut fixed = Self(vec![(USER_AGENT, HeaderValue::from_static(AGENT))]);
        // Keys from files come with line ends.
        let Some(key) = key.map(|key| key.expose().trim()).filter(|key| !key.is_empty()) else {
            return Ok(fixed);
        };
        if matches!(auth, Auth::Bearer | Auth::Both | Auth::AwsSigv4) {
            fixed.0.push((AUTHORIZATION, secret(&format!("Bearer {key}"))?));
        }
        if matches!(auth, Auth::XApiKey | Auth::Both) {
            fixed.0.push((X_API_KEY, secret(key)?));
        }
        if matches!(auth, Auth::ApiKey | Auth::Azure) {
            fixed.0.push((API_KEY, secret(key)?));
        }
        if matches!(auth, Auth::XGoogApiKey | Auth::Google) {
            fixed.0.push((X_GOOG_API_KEY, secret(key)?));
        }
        Ok(fixed)
    }

    /// Adds a header of the operator's; it replaces one of the same name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let shown: String = name.chars().take(64).collect();
        let parsed: HeaderName = name
            .parse()
            .map_err(|_| Error::invalid(format!("invalid header `{shown}`: its name is no header's name")))?;
        if CONNECTION.contains(&parsed.as_str()) {
            return Err(Error::invalid(format!("invalid header `{shown}`: the gateway sets it itself")));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            Error::invalid(format!("invalid header `{shown}`: its value has control characters"))
        })?;
        value.set_sensitive(true);
        self.0.retain(|(known, _)| *known != parsed);
        self.0.push((parsed, value));
        Ok(())
    }

    /// Puts them on a request, over what is there.
    pub(crate) fn put_on(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.insert(name.clone(), value.clone());
        }
    }
}

fn secret(value: &str) -> Result<HeaderValue> {
    // The message must not repeat the key.
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Error::invalid("invalid `api_key`: it has letters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Takes over the client's headers that belong to its dialect, for a vendor that speaks the same.
pub(crate) fn forward(inbound: &Inbound, headers: &mut HeaderMap) {
    for name in inbound.ingress.forwarded_headers() {
        let mut values = inbound.headers.get_all(*name).iter();
        if let Some(first) = values.next() {
            headers.insert(HeaderName::from_static(name), first.clone());
            for value in values {
                headers.append(HeaderName::from_static(name), value.clone());
            }
        }
    }
}

/// Which headers of clients go on to a vendor, besides those that belong to its format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// Those that begin with `x-`, and `anthropic-beta`: LiteLLM's `forward_client_headers_to_llm_api`. Never what shows a
    /// credential, speaks to the gateway or tells of the way to it.
    pub own: bool,
    /// Others of them that do not: in which clients show their key to the gateway.
    pub withheld: Vec<HeaderName>,
    /// Those in which the gateway says who asks: LiteLLM's `add_user_information_to_llm_headers`.
    pub caller: bool,
}

/// What headers begin with that say who asks. Clients cannot send them: the gateway takes them off.
const CALLER: &str = "x-litellm-user_api_key_";

/// Beginnings of headers that speak to the gateway, tell of the way to it, or that a vendor's own SDK writes.
const TO_US: [&str; 7] =
    ["x-amz-", "x-forwarded", "x-litellm-", "x-llm-", "x-pass-", "x-real-ip", "x-stainless"];

/// Words in names of headers that show credentials.
const SECRETS: [&str; 8] =
    ["api-key", "apikey", "auth", "cookie", "credential", "password", "secret", "token"];

impl Forwarding {
    /// Whether any go on.
    pub(crate) fn is_any(&self) -> bool {
        self.own || self.caller
    }

    /// Takes over the client's headers that go on, where there is none of the name yet.
    pub(crate) fn forward(&self, from: &HeaderMap, to: &mut HeaderMap) {
        let names = from.keys().filter(|name| self.goes_on(name) && !to.contains_key(*name));
        let names: smallvec::SmallVec<[&HeaderName; 8]> = names.collect();
        for name in names {
            for value in from.get_all(name) {
                to.append(name.clone(), value.clone());
            }
        }
    }

    fn goes_on(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        if text.starts_with(CALLER) {
            return self.caller;
        }
        let is_meant = text == "anthropic-beta" || text.starts_with("x-");
        let is_ours = TO_US.iter().any(|begin| text.starts_with(begin)) || self.withheld.contains(name);
        self.own && is_meant && !is_ours && !SECRETS.iter().any(|word| text.contains(word))
    }
}

/// W3C's trace context (<https://www.w3.org/TR/trace-context/>).
static TRACE: [HeaderName; 2] =
    [HeaderName::from_static("traceparent"), HeaderName::from_static("tracestate")];

/// Takes over the trace that the client's request is part of. A trace of more than one `traceparent` is none.
pub(crate) fn forward_trace(from: &HeaderMap, to: &mut HeaderMap) {
    let mut parents = from.get_all(&TRACE[0]).iter();
    if parents.next().is_none() || parents.next().is_some() {
        return;
    }
    for name in &TRACE {
        for value in from.get_all(name) {
            to.append(name.clone(), value.clone());
        }
    }
}

/// What of a vendor's headers goes on to the client. `native`: the bytes that they describe go on too.
pub(crate) fn for_client(mut headers: HeaderMap, native: bool) -> HeaderMap {
    // By the few that came, not by the many that might: each removal by text parses a name.
    let stays = |name: &&HeaderName| CONNECTION.contains(&name.as_str()) || SITE.contains(&name.as_str());
    let staying: smallvec::SmallVec<[HeaderName; 8]> = headers.keys().filter(stays).cloned().collect();
    for name in staying {
        headers.remove(name);
    }
    if !native {
        headers.remove(http::header::CONTENT_TYPE);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_whole_or_not_at_all() {
        let forwarded = |pairs: &[(&'static str, &'static str)]| {
            let (mut from, mut to) = (HeaderMap::new(), HeaderMap::new());
            for (name, value) in pairs {
                from.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            forward_trace(&from, &mut to);
            to.len()
        };
        assert_eq!(forwarded(&[("traceparent", "00-a-b-01"), ("tracestate", "x=1"), ("cookie", "c")]), 2);
        assert_eq!(forwarded(&[("tracestate", "x=1")]), 0);
        assert_eq!(forwarded(&[("traceparent", "00-a-b-01"), ("traceparent", "00-c-d-01")]), 0);
    }

    #[test]
    fn what_goes_on_shows_no_credential_and_speaks_to_nobody_else() {
        let names = [
            "x-tenant",
            "x-request-id",
            "anthropic-beta",
            "x-stainless-lang",
            "x-api-key",
            "x-auth-request-user",
            "x-litellm-tags",
            "x-forwarded-for",
            "x-our-own",
            "authorization",
            "cookie",
            "content-type",
            "x-litellm-user_api_key_user_id",
        ];
        let mut from = HeaderMap::new();
        for name in names {
            from.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let sent = |own, caller| {
            let mut to = HeaderMap::new();
            let withheld = vec![HeaderName::from_static("x-our-own")];
            Forwarding { own, withheld, caller }.forward(&from, &mut to);
            let mut sent: Vec<String> = to.keys().map(ToString::to_string).collect();
            sent.sort_unstable();
            sent
        };
        assert_eq!(sent(true, false), ["anthropic-beta", "x-request-id", "x-tenant"]);
        assert_eq!(sent(false, true), ["x-litellm-user_api_key_user_id"]);
        assert!(!Forwarding::default().is_any() && sent(false, false).is_empty());
    }

    fn shown(fixed: &Fixed) -> HeaderMap {
        let mut headers = HeaderMap::new();
        fixed.put_on(&mut headers);
        headers
    }

    #[test]
    fn each_way_of_showing_a_key_has_its_headers() {
        let key = Secret::new(" sk-1\n".to_owned());
        for (auth, expected) in [
            (Auth::Bearer, vec![("authorization", "Bearer sk-1")]),
            (Auth::XApiKey, vec![("x-api-key", "sk-1")]),
            (Auth::ApiKey, vec![("api-key", "sk-1")]),
            (Auth::XGoogApiKey, vec![("x-goog-api-key", "sk-1")]),
            (Auth::Azure, vec![("api-key", "sk-1")]),
            (Auth::Both, vec![("authorization", "Bearer sk-1"), ("x-api-key", "sk-1")]),
            (Auth::AwsSigv4, vec![("authorization", "Bearer sk-1")]),
            (Auth::None, vec![]),
        ] {
            let headers = shown(&Fixed::new(auth, Some(&key)).expect("a plain key"));
            assert_eq!(headers.len(), expected.len() + 1, "{auth:?}");
            for (name, value) in expected {
                assert_eq!(headers.get(name).map(HeaderValue::as_bytes), Some(value.as_bytes()));
                assert!(headers.get(name).is_some_and(HeaderValue::is_sensitive));
            }
        }
    }

    #[test]
    fn no_key_is_printed_and_none_breaks_a_head() {
        let key = Secret::new("sk-live\r\nx: y".to_owned());
        let error = Fixed::new(Auth::Bearer, Some(&key)).expect_err("no header can carry it");
        assert!(!format!("{error:?}").contains("sk-live"));
        let fixed = Fixed::new(Auth::Bearer, Some(&Secret::new("sk-live".to_owned()))).expect("a plain key");
        assert!(!format!("{fixed:?}").contains("sk-live"));
    }

    #[test]
    fn the_operators_headers_replace_and_cannot_break_the_connection() {
        let mut fixed = Fixed::new(Auth::Bearer, Some(&Secret::new("sk-1".to_owned()))).expect("a plain key");
        fixed.set("Authorization", "Basic abc").expect("allowed");
        fixed.set("x-team", "blue").expect("allowed");
        assert_eq!(shown(&fixed).get("authorization").map(HeaderValue::as_bytes), Some(&b"Basic abc"[..]));
        for (name, value) in [("host", "evil"), ("Content-Length", "1"), ("bad name", "x"), ("x-a", "a\nb")] {
            assert!(fixed.set(name, value).is_err(), "{name}");
        }
    }

    #[test]
    fn a_vendors_cookies_and_connection_do_not_reach_the_client() {
        let mut headers = HeaderMap::new();
        for name in CONNECTION.iter().chain(&SITE).chain(&["x-request-id", "content-type", "retry-after"]) {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let native: Vec<String> = for_client(headers.clone(), true).keys().map(ToString::to_string).collect();
        assert_eq!(native.len(), 3, "{native:?}");
        assert!(for_client(headers, false).get("content-type").is_none());
    }

    #[test]
    fn no_dialect_forwards_credentials() {
        for ingress in crate::dialects::ingresses() {
            for name in ingress.forwarded_headers() {
                let secret =
                    ["authorization", "x-api-key", "api-key", "cookie", "x-goog-api-key"].contains(name);
                assert!(!secret && !CONNECTION.contains(name), "{}: {name}", ingress.id());
            }
        }
    }
}
