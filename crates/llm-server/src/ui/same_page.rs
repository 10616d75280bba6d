//! Whether a request comes from the dashboard's own page, and not from another one that the browser has open.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use llm_core::{Error, ErrorKind, Result};

/// A header that the dashboard sends with each request. Other pages cannot: a browser asks us first, and sends no
/// cookies to whom we allow it.
pub(crate) const OWN: &str = "x-llm-session";

/// What browsers say of where a request comes from.
const SITE: &str = "sec-fetch-site";

/// Lets the dashboard's own requests through.
///
/// # Errors
/// For requests of other pages.
pub(crate) fn of_own_page(headers: &HeaderMap) -> Result<()> {
    let is_ours = headers.contains_key(OWN)
        && match headers.get(SITE) {
            Some(site) => site == "same-origin",
            // Browsers say it to hosts that they trust alone: those of this machine, and those with TLS.
            None => same_host(headers),
        };
    if is_ours {
        return Ok(());
    }
    let message =
        "this path is for the dashboard's own page: other programs show a key, on the path behind `/ui/api`";
    Err(Error::new(ErrorKind::PermissionDenied, message))
}

/// Whether the page is of the host that was asked; programs have no page.
fn same_host(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let text = |value: &http::HeaderValue| value.to_str().map(str::to_ascii_lowercase).ok();
    let (Some(origin), Some(host)) = (text(origin), headers.get(HOST).and_then(text)) else { return false };
    origin.split_once("://").is_some_and(|(_, asking)| asking == host)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn may(pairs: &[(&'static str, &'static str)]) -> bool {
        let named = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        of_own_page(&pairs.iter().map(named).collect()).is_ok()
    }

    #[test]
    fn only_our_page_sends_the_header_from_our_host() {
        let (ours, host) = ((OWN, "1"), ("host", "gateway:4000"));
        assert!(may(&[ours, host]));
        assert!(may(&[ours, host, ("sec-fetch-site", "same-origin")]));
        assert!(may(&[ours, host, ("origin", "http://gateway:4000")]));
        // A proxy with another name for us: the browser knows better.
        assert!(may(&[ours, host, ("origin", "https://llm.example"), ("sec-fetch-site", "same-origin")]));
        assert!(!may(&[host]));
        assert!(!may(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(!may(&[ours, host, ("origin", "https://evil.example")]));
        assert!(!may(&[ours, host, ("origin", "null")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!may(&[ours, host, ("sec-fetch-site", site)]), "{site}");
        }
    }
}
