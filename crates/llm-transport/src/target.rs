//! A vendor's base URL, taken apart once so that a request only adds its path.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use llm_core::{Error, Result};

/// Where requests go, and what each of them says about it.
#[derive(Debug)]
pub(crate) struct Target {
    /// The base URL, without a trailing slash.
    pub(crate) base_url: String,
    /// Host without brackets, for lookups and certificates.
    pub(crate) host: String,
    /// Port, the scheme's own when the URL names none.
    pub(crate) port: u16,
    /// Whether the connection is TLS.
    pub(crate) secure: bool,
    /// The `host` header.
    pub(crate) host_header: HeaderValue,
    /// The URL's origin, as proxies are matched by it.
    pub(crate) origin: Uri,
    authority: Authority,
    prefix: String,
    query: Option<String>,
}

impl Target {
    /// Takes a base URL apart.
    pub(crate) fn parse(base_url: &str) -> Result<Self> {
        let uri: Uri = base_url.trim().parse().map_err(|_| refused("it is no URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refused("it must begin with http:// or https://")),
        };
        let authority = uri.authority().cloned().ok_or_else(|| refused("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refused("a user name in it is not supported, set the credential apart"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(refused("it names no host"));
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => default_port(secure),
            Some(port) => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .ok_or_else(|| refused("its port is no number below 65536"))?,
            None => return Err(refused("its host is odd")),
        };
        let authority = without_default_port(&authority, port, secure)?;
        Ok(Self {
            base_url: base_url.trim().trim_end_matches('/').to_owned(),
            host,
            port,
            secure,
            host_header: HeaderValue::from_str(authority.as_str()).map_err(|_| refused("its host is odd"))?,
            origin: assemble(secure, &authority, PathAndQuery::from_static("/"))?,
            authority,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            query: uri.query().filter(|query| !query.is_empty()).map(str::to_owned),
        })
    }

    /// Path and query of a request: the base URL's path, then the request's, then both queries.
    pub(crate) fn path(&self, path: &str) -> Result<PathAndQuery> {
        if !(path.is_empty() || path.starts_with(['/', '?'])) {
            return Err(Error::internal("a request path must begin with a slash"));
        }
        let (own_path, own_query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let mut whole = String::with_capacity(self.prefix.len() + path.len() + 1);
        whole.push_str(&self.prefix);
        whole.push_str(own_path);
        if whole.is_empty() {
            whole.push('/');
        }
        let mut separator = '?';
        for query in [self.query.as_deref(), own_query].into_iter().flatten() {
            whole.push(separator);
            whole.push_str(query);
            separator = '&';
        }
        PathAndQuery::from_maybe_shared(Bytes::from(whole))
            .map_err(|_| Error::invalid("the request path holds characters that no URL may hold"))
    }

    /// Path and query of a request that is written from the host's root: nothing of the base URL is added.
    pub(crate) fn path_from_root(path: &str) -> Result<PathAndQuery> {
        if !path.starts_with('/') {
            return Err(Error::internal("a request path must begin with a slash"));
        }
        PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes()))
            .map_err(|_| Error::invalid("the request path holds characters that no URL may hold"))
    }

    /// The target as an HTTP/1 server wants it: path and query alone.
    pub(crate) fn origin_form(path: PathAndQuery) -> Uri {
        Uri::from(path)
    }

    /// The target as HTTP/2 and plain proxies want it: the whole URL.
    pub(crate) fn absolute_form(&self, path: PathAndQuery) -> Result<Uri> {
        assemble(self.secure, &self.authority, path)
    }
}

fn assemble(secure: bool, authority: &Authority, path: PathAndQuery) -> Result<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| Error::internal("the request's URL could not be put together"))
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Some vendors' routers compare the `host` header as text, so a port that says nothing is left out.
fn without_default_port(authority: &Authority, port: u16, secure: bool) -> Result<Authority> {
    if authority.port().is_none() || port != default_port(secure) {
        return Ok(authority.clone());
    }
    authority.host().parse().map_err(|_| refused("its host is odd"))
}

/// The URL itself stays out: its query may hold a key.
fn refused(why: &str) -> Error {
    Error::invalid(format!("the base url cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base_url: &str) -> Target {
        Target::parse(base_url).expect("a good base url")
    }

    fn path(base_url: &str, path: &str) -> String {
        target(base_url).path(path).expect("a good path").to_string()
    }

    #[test]
    fn prefix_and_queries_are_joined() {
        assert_eq!(path("https://a.example/v1", "/chat/completions"), "/v1/chat/completions");
        assert_eq!(path("https://a.example/v1/", "/chat"), "/v1/chat");
        assert_eq!(path("https://a.example", "/chat?beta=true"), "/chat?beta=true");
        assert_eq!(
            path("https://a.example/v1?api-version=1", "/chat?beta=true"),
            "/v1/chat?api-version=1&beta=true"
        );
        assert_eq!(path("https://a.example?key=1", ""), "/?key=1");
        assert_eq!(path("https://a.example/exact", ""), "/exact");
    }

    #[test]
    fn host_and_port_come_from_the_url() {
        let plain = target("http://a.example");
        assert_eq!((plain.host.as_str(), plain.port, plain.secure), ("a.example", 80, false));
        let ported = target("https://a.example:8443/x");
        assert_eq!((ported.port, ported.host_header.to_str().ok()), (8443, Some("a.example:8443")));
        assert_eq!(target("https://a.example:443").host_header, "a.example");
        let six = target("http://[::1]:8080");
        assert_eq!((six.host.as_str(), six.port), ("::1", 8080));
        assert_eq!(six.host_header, "[::1]:8080");
    }

    #[test]
    fn odd_base_urls_are_refused_without_being_shown() {
        for bad in [
            "",
            "a.example/v1",
            "ftp://a.example",
            "http://",
            "https://key:hidden@a.example",
            "http://a b",
            "http://a.example:99999",
            "http://a.example:",
        ] {
            let error = Target::parse(bad).expect_err(bad);
            assert!(!error.message().contains("hidden"), "{error}");
        }
    }

    #[test]
    fn a_path_cannot_break_out_of_its_line() {
        let target = target("https://a.example");
        for bad in ["/a\r\nx: y", "/a b", "/a\nb", "/\0", "chat", "@evil.example/"] {
            assert!(target.path(bad).is_err(), "{bad:?}");
        }
        for bad in ["/a\r\nx: y", "/a b", "chat", "@evil.example/", ""] {
            assert!(Target::path_from_root(bad).is_err(), "{bad:?}");
        }
        let evil = Target::origin_form(target.path("//evil.example/").expect("only a path"));
        assert_eq!((evil.host(), evil.path()), (None, "//evil.example/"));
    }
}
