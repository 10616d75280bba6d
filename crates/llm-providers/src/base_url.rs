//! Base URLs however a user writes them.
//!
//! The rule, in this order:
//! 1. Without a scheme, addresses of this machine get `http://`, all others `https://`.
//! 2. Slashes at the end do not count. The query is kept; it goes with every request.
//! 3. A path that ends with an endpoint (`/chat/completions`, `/messages` …) loses it, and what is left is taken
//!    as it is: who writes the whole path knows it.
//! 4. A path that the vendor's row names in `paths` (on the vendor's own host, or on any where the row names none)
//!    becomes what the row says.
//! 5. A path that ends with a version segment (`/v1`, `/v4`, `/v1beta`) is kept.
//! 6. No path, or on the vendor's own host the first part of its row's path: the row's path (`/v1` when the row
//!    has no address).
//! 7. Any other path is kept, except for dialects whose clients leave the version out of a base URL by
//!    convention: there `/v1` is added, unless the row's own address has parameters in it.

use llm_core::{Error, Result};

use crate::vendor::Vendor;

/// How a dialect's clients write base URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlRules {
    /// Endpoints that users leave at the end, longest first.
    pub endpoints: &'static [&'static str],
    /// Whether `/v1` follows every base path that has no version, by convention.
    pub version_follows: bool,
}

/// A base URL in its one form: no slash at the end, the query apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// Scheme, host and path.
    pub url: String,
    /// The query, without its question mark.
    pub query: Option<String>,
}

const DEFAULT_PATH: &str = "/v1";

impl BaseUrl {
    /// Reads what a user wrote for a vendor, by the rule of this module.
    ///
    /// # Errors
    /// When it is no http or https address, or carries a user name, a password or a fragment.
    pub fn normalise(written: &str, vendor: &Vendor, rules: UrlRules) -> Result<Self> {
        let parts = Parts::read(written.trim())?;
        let path = path(&parts, vendor, rules);
        Ok(parts.with_path(&path))
    }

    /// Reads an address and leaves its path as it is.
    ///
    /// # Errors
    /// As [`BaseUrl::normalise`].
    pub fn as_written(written: &str) -> Result<Self> {
        let parts = Parts::read(written.trim())?;
        Ok(parts.with_path(parts.path))
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        self.url.get(..self.path_start()).unwrap_or_default()
    }

    /// The host, without its port.
    pub fn host(&self) -> &str {
        host(&self.url).unwrap_or_default()
    }

    /// The path, without a slash at its end.
    pub fn path(&self) -> &str {
        self.url.get(self.path_start()..).unwrap_or_default()
    }

    fn path_start(&self) -> usize {
        let authority = self.url.find("://").map_or(0, |at| at + 3);
        let path = self.url.get(authority..).and_then(|rest| rest.find('/'));
        path.map_or(self.url.len(), |at| authority + at)
    }
}

/// The host of an address, without its port.
pub(crate) fn host(written: &str) -> Option<&str> {
    Parts::read(written.trim()).ok().map(|parts| parts.host())
}

/// Scheme and host of an address in its one form, and its path.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(host..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| host + at);
    url.split_at_checked(path).unwrap_or((url, ""))
}

/// A path without what a vendor's clients add themselves: the path of the vendor's row, or a version segment.
pub(crate) fn without_version<'a>(path: &'a str, vendor: &Vendor) -> &'a str {
    let row = row_path(vendor);
    if let Some(rest) = path.strip_suffix(row.as_str()).filter(|_| !row.is_empty()) {
        return rest;
    }
    if ends_with_version(path) { path.rsplit_once('/').map_or("", |(rest, _)| rest) } else { path }
}

#[derive(Debug)]
struct Parts<'a> {
    scheme: &'static str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn read(written: &'a str) -> Result<Self> {
        let (scheme, rest) = match written.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some(_) => return Err(invalid("it must begin with `https://` or `http://`")),
            None => (if is_local(written) { "http" } else { "https" }, written),
        };
        if rest.contains('#') {
            return Err(invalid("it must have no `#` part"));
        }
        let (address, query) = rest.split_once('?').map_or((rest, None), |(a, q)| (a, Some(q)));
        let at = address.find('/').unwrap_or(address.len());
        let (authority, path) = address.split_at(at);
        check_authority(authority)?;
        let target = format!("{scheme}://{authority}{path}?{}", query.unwrap_or_default());
        target.parse::<http::Uri>().map_err(|_| invalid("it is no valid address"))?;
        Ok(Self { scheme, authority, path: path.trim_end_matches('/'), query })
    }

    fn with_path(&self, path: &str) -> BaseUrl {
        BaseUrl {
            url: format!("{}://{}{path}", self.scheme, self.authority),
            query: self.query.filter(|query| !query.is_empty()).map(str::to_owned),
        }
    }

    fn host(&self) -> &'a str {
        let end = match self.authority.rfind(':') {
            Some(at) if !self.authority.ends_with(']') => at,
            _ => self.authority.len(),
        };
        self.authority.get(..end).unwrap_or_default()
    }
}

fn check_authority(authority: &str) -> Result<()> {
    if authority.contains('@') {
        return Err(invalid("it must hold no user name or password: use `api_key`"));
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(invalid("it names no host"));
    }
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(invalid("its port is no number"));
    }
    Ok(())
}

/// The message never repeats the address: users paste keys into it.
fn invalid(what: &str) -> Error {
    Error::invalid(format!("invalid `api_base`: {what}")).with_param("api_base")
}

fn is_local(written: &str) -> bool {
    let end = written.find(['/', '?']).unwrap_or(written.len());
    let authority = written.get(..end).unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.eq_ignore_ascii_case("localhost") || host.starts_with("127.") || matches!(host, "0.0.0.0" | "[::1]")
}

fn path(parts: &Parts<'_>, vendor: &Vendor, rules: UrlRules) -> String {
    if let Some(rest) = rules.endpoints.iter().find_map(|endpoint| parts.path.strip_suffix(endpoint)) {
        return rest.trim_end_matches('/').to_owned();
    }
    let own_host = vendor.has_host(parts.host());
    if let Some(meant) = vendor.paths.get(parts.path).filter(|_| own_host || vendor.hosts.is_empty()) {
        return meant.clone();
    }
    if ends_with_version(parts.path) {
        return parts.path.to_owned();
    }
    let row = row_path(vendor);
    let begins_row = own_host && row.strip_prefix(parts.path).is_some_and(|rest| rest.starts_with('/'));
    if parts.path.is_empty() || begins_row {
        return row;
    }
    // An address with parameters in it has its version in the middle.
    let templated = vendor.base_url.as_deref().is_some_and(|url| url.contains('{'));
    let version = if rules.version_follows && !templated { DEFAULT_PATH } else { "" };
    format!("{}{version}", parts.path)
}

fn row_path(vendor: &Vendor) -> String {
    // Parameters may stand in its host.
    let Some(url) = vendor.base_url.as_deref() else { return DEFAULT_PATH.to_owned() };
    let url = url.replace(['{', '}'], "");
    Parts::read(&url).map_or_else(|_| DEFAULT_PATH.to_owned(), |parts| parts.path.to_owned())
}

/// `v` and digits, maybe with a word such as `beta` after them.
fn ends_with_version(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let Some(rest) = last.strip_prefix('v') else { return false };
    let word = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    word.len() < rest.len() && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: UrlRules =
        UrlRules { endpoints: &["/chat/completions", "/completions"], version_follows: false };
    const MESSAGES: UrlRules =
        UrlRules { endpoints: &["/messages/count_tokens", "/messages"], version_follows: true };

    fn vendor(base_url: Option<&str>, hosts: &[&str]) -> Vendor {
        let row = serde_json::json!({"name": "acme", "base_url": base_url, "hosts": hosts});
        serde_json::from_value(row).expect("a valid row")
    }

    fn url(written: &str, vendor: &Vendor, rules: UrlRules) -> String {
        BaseUrl::normalise(written, vendor, rules).expect("a valid address").url
    }

    #[test]
    fn every_spelling_of_a_plain_vendor_is_one_address() {
        let deep = vendor(Some("https://api.deepseek.com/v1"), &["api.deepseek.com"]);
        for written in [
            "https://api.deepseek.com",
            "https://api.deepseek.com/",
            "https://api.deepseek.com/v1",
            "https://api.deepseek.com/v1//",
            " https://api.deepseek.com/v1/chat/completions ",
            "https://api.deepseek.com/v1/chat/completions/",
            "HTTPS://api.deepseek.com/v1",
            "api.deepseek.com/v1",
            "api.deepseek.com",
        ] {
            assert_eq!(url(written, &deep, CHAT), "https://api.deepseek.com/v1", "{written}");
        }
        assert_eq!(url("https://api.deepseek.com/beta", &deep, CHAT), "https://api.deepseek.com/beta");
    }

    #[test]
    fn the_rows_path_completes_its_own_host() {
        let router = vendor(Some("https://openrouter.ai/api/v1"), &["openrouter.ai"]);
        for written in ["https://openrouter.ai", "https://openrouter.ai/api", "https://openrouter.ai/api/v1/"]
        {
            assert_eq!(url(written, &router, CHAT), "https://openrouter.ai/api/v1", "{written}");
        }
        assert_eq!(url("https://proxy.example/api", &router, CHAT), "https://proxy.example/api");
        let four = vendor(Some("https://api.z.ai/api/paas/v4"), &["api.z.ai"]);
        assert_eq!(url("https://api.z.ai/api/paas/v4", &four, CHAT), "https://api.z.ai/api/paas/v4");
        assert_eq!(url("https://api.z.ai", &four, CHAT), "https://api.z.ai/api/paas/v4");
        assert_eq!(
            url("https://api.z.ai/api/coding/paas/v4", &four, CHAT),
            "https://api.z.ai/api/coding/paas/v4"
        );
        let rootless = vendor(Some("https://api.perplexity.ai"), &["api.perplexity.ai"]);
        assert_eq!(url("https://api.perplexity.ai/", &rootless, CHAT), "https://api.perplexity.ai");
    }

    #[test]
    fn addresses_of_ones_own_get_the_default_version() {
        let own = vendor(None, &[]);
        for (written, expected) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
            ("localhost:1234/v1", "http://localhost:1234/v1"),
            ("[::1]:1234", "http://[::1]:1234/v1"),
            ("https://host/custom/path", "https://host/custom/path"),
            ("https://host/custom/path/chat/completions", "https://host/custom/path"),
            ("https://host/chat/completions", "https://host"),
            ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
            ("https://host/version", "https://host/version"),
        ] {
            assert_eq!(url(written, &own, CHAT), expected, "{written}");
        }
    }

    #[test]
    fn clients_that_leave_the_version_out_get_it() {
        let own = vendor(Some("https://api.anthropic.com/v1"), &["api.anthropic.com"]);
        for (written, expected) in [
            ("https://api.anthropic.com", "https://api.anthropic.com/v1"),
            ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1"),
            ("https://api.anthropic.com/v1/messages/count_tokens", "https://api.anthropic.com/v1"),
            ("https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1"),
            ("https://api.deepseek.com/anthropic/v1", "https://api.deepseek.com/anthropic/v1"),
            ("https://host/anthropic/messages", "https://host/anthropic"),
        ] {
            assert_eq!(url(written, &own, MESSAGES), expected, "{written}");
        }
    }

    #[test]
    fn a_row_with_parameters_in_its_address_has_its_version_in_the_middle() {
        let own = vendor(Some("https://acme.ai/v1/projects/{project}/models"), &[]);
        let written = "https://acme.ai/v1/projects/p/models";
        assert_eq!(url(written, &own, MESSAGES), written);
    }

    #[test]
    fn a_path_of_the_dialects_own_may_be_written_or_left_out() {
        let rules = UrlRules { endpoints: &["/api/chat", "/api"], version_follows: false };
        let own = vendor(Some("http://127.0.0.1:11434"), &[]);
        for written in
            ["gpu.example:11434", "https://gpu.example:11434/api/", "https://gpu.example:11434/api/chat"]
        {
            assert_eq!(url(written, &own, rules), "https://gpu.example:11434", "{written}");
        }
        assert_eq!(url("https://host/models/api", &own, rules), "https://host/models");
        assert_eq!(url("https://host/models", &own, rules), "https://host/models");
    }

    #[test]
    fn a_path_that_the_row_names_is_what_the_row_says() {
        let row = serde_json::json!({
            "name": "acme", "base_url": "https://acme.ai/compatible/v1", "hosts": ["acme.ai"],
            "paths": {"/api/v1": "/compatible/v1"},
        });
        let vendor: Vendor = serde_json::from_value(row).expect("a valid row");
        assert_eq!(url("https://acme.ai/api/v1/", &vendor, CHAT), "https://acme.ai/compatible/v1");
        assert_eq!(url("https://proxy/api/v1", &vendor, CHAT), "https://proxy/api/v1");
    }

    #[test]
    fn the_query_is_kept_apart() {
        let base =
            BaseUrl::normalise("https://host/v1/chat/completions?api-version=1&x=", &vendor(None, &[]), CHAT)
                .expect("a valid address");
        assert_eq!(base.url, "https://host/v1");
        assert_eq!(base.query.as_deref(), Some("api-version=1&x="));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        let own = vendor(None, &[]);
        for written in [
            "",
            "https://",
            "ftp://host/v1",
            "https://user:sk-live-1@host/v1",
            "https://host/v1#sk-live-1",
            "https://ho st/sk-live-1",
            "https://:80/sk-live-1",
            "https://host:port/sk-live-1",
        ] {
            let error = BaseUrl::normalise(written, &own, CHAT).expect_err(written);
            assert_eq!(error.param(), Some("api_base"));
            assert!(!error.message().contains("sk-live-1"), "{error}");
        }
    }
}
