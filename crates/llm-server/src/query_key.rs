//! Keys that clients of some dialects show in the query: from here on they are headers, as all others, and nothing that
//! is logged holds them.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use llm_core::Ingress;

/// Where the gateway looks for keys.
const HEADER: HeaderName = HeaderName::from_static("x-goog-api-key");

/// Takes the key out of the query, for dialects that have it there. A key in a header counts more.
pub(crate) fn take(ingress: &dyn Ingress, uri: &Uri, headers: &mut HeaderMap) {
    let Some(name) = ingress.key_in_query() else { return };
    let query = uri.query().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let shown = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back();
    let Some(Ok(mut value)) = shown.filter(|value| !value.is_empty()).map(HeaderValue::from_str) else {
        return;
    };
    value.set_sensitive(true);
    headers.entry(HEADER).or_insert(value);
}
