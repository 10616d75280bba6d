//! Paths of the operator's own that pass to an address of its choice: LiteLLM's `pass_through_endpoints`.

use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Method};
use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Result};

/// What clients put before the names of headers that are meant for the address, whatever else goes on.
const PASSED: &str = "x-pass-";

/// Headers that describe the request's body, and the answer that is wanted.
static OF_BODY: [HeaderName; 3] = [ACCEPT, CONTENT_ENCODING, CONTENT_TYPE];

/// What an operator says of such a path.
#[derive(Clone, Debug, Default)]
pub struct RelayEndpoint {
    /// Whether paths below it are meant, too; they go below the address.
    pub subpaths: bool,
    /// The methods that it takes; none: all of them.
    pub methods: Vec<Method>,
    /// Whether a key must be shown. Without one, credentials that clients show are meant for the address.
    pub needs_key: bool,
    /// Whether the client's headers go on. Otherwise those do that describe the body.
    pub forwards_headers: bool,
    /// The query of the address.
    pub query: String,
    /// Whether it stands beside the client's, whose parameters win. Otherwise it is used where the client has none.
    pub merges_query: bool,
    /// What a request costs that is answered well.
    pub cost: Option<NanoDollars>,
}

impl RelayEndpoint {
    /// Whether it takes a method.
    ///
    /// # Errors
    /// When it takes others.
    pub(super) fn takes(&self, method: &Method) -> Result<()> {
        if self.methods.is_empty() || self.methods.contains(method) {
            return Ok(());
        }
        let others: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        let message = format!("`{method}` is not possible here: send a {}", others.join(" or "));
        Err(Error::new(ErrorKind::MethodNotAllowed, message))
    }

    /// The client's headers that go on.
    pub(super) fn headers(&self, headers: &HeaderMap) -> HeaderMap {
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            match name.as_str().strip_prefix(PASSED) {
                Some(meant) => {
                    if let Ok(meant) = meant.parse::<HeaderName>() {
                        sent.append(meant, value.clone());
                    }
                }
                None if self.forwards_headers || OF_BODY.contains(name) => {
                    sent.append(name, value.clone());
                }
                None => {}
            }
        }
        sent
    }

    /// The query of a request whose client has this one.
    pub(super) fn query(&self, client: &str) -> String {
        if client.is_empty() {
            return self.query.clone();
        }
        if !self.merges_query {
            return client.to_owned();
        }
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        let own = self.query.split('&').filter(|pair| !pair.is_empty());
        let own = own.filter(|own| !client.split('&').any(|pair| name(pair) == name(own)));
        own.chain([client]).collect::<Vec<_>>().join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_stand_beside_each_other_or_replace() {
        let own =
            |merges_query| RelayEndpoint { query: "a=1&b=2".to_owned(), merges_query, ..Default::default() };
        assert_eq!((own(false).query(""), own(false).query("c=3")), ("a=1&b=2".to_owned(), "c=3".to_owned()));
        assert_eq!(own(true).query("b=3&c=4"), "a=1&b=3&c=4");
    }

    #[test]
    fn only_what_describes_the_body_goes_on_unless_more_is_wanted() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("content-type", "a/b"), ("x-own", "1"), ("x-pass-beta", "2")] {
            headers.insert(HeaderName::from_static(name), value.parse().expect("a value"));
        }
        let sent =
            |forwards_headers| RelayEndpoint { forwards_headers, ..Default::default() }.headers(&headers);
        assert_eq!(sent(false).keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-type", "beta"]);
        assert_eq!(sent(true).len(), 3);
    }
}
