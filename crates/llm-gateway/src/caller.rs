//! The key that a client shows, wherever its SDK puts it.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// Headers that SDKs put keys in, in the order in which they are looked at.
static KEY_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("x-litellm-api-key"),
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// The key, without what stands around it. The operator's own header counts more than those of SDKs.
pub(crate) fn shown_key<'a>(headers: &'a HeaderMap, own: Option<&HeaderName>) -> Option<&'a [u8]> {
    let shown = own.and_then(|own| headers.get(own)).or_else(|| of_sdk(headers));
    shown.map(HeaderValue::as_bytes).map(without_scheme)
}

/// The strongest of the headers that SDKs put keys in. One look at the few headers that there are, not a hash for each
/// name that could be.
fn of_sdk(headers: &HeaderMap) -> Option<&HeaderValue> {
    let strength = |name| KEY_HEADERS.iter().position(|known| known == name);
    let shown = headers.iter().filter_map(|(name, value)| Some((strength(name)?, value)));
    shown.min_by_key(|(strength, _)| *strength).map(|(_, value)| value)
}

/// What AWS's SDKs begin `authorization` with when they sign: `… Credential=<key>/<date>/<region>/<service>/aws4_request`.
const SIGNED: &[u8] = b"AWS4-HMAC-SHA256 ";

/// The key without `Bearer `, in any spelling. Of a signed request it is the access key's id, by convention: an SDK of
/// AWS is given the gateway's key as that. The signature itself proves nothing more and is not checked.
fn without_scheme(value: &[u8]) -> &[u8] {
    if let Some(key) = value.strip_prefix(SIGNED).and_then(access_key) {
        return key;
    }
    match value.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii(),
        _ => value.trim_ascii(),
    }
}

fn access_key(fields: &[u8]) -> Option<&[u8]> {
    let mut fields = fields.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let credential = fields.find_map(|field| field.strip_prefix(b"Credential="))?;
    // The key itself may have slashes; the scope has four parts.
    let mut parts = credential.rsplitn(5, |byte| *byte == b'/');
    parts.nth(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn the_key_is_found_wherever_sdks_put_it() {
        for (name, value) in [
            ("authorization", "Bearer sk-1234"),
            ("authorization", "bearer sk-1234"),
            ("x-api-key", "sk-1234"),
            ("api-key", "sk-1234"),
            ("x-goog-api-key", "sk-1234"),
            ("x-litellm-api-key", "Bearer sk-1234"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=sk-1234/20261121/us-east-1/bedrock/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=0123",
            ),
        ] {
            assert_eq!(shown_key(&headers(name, value), None), Some(b"sk-1234".as_slice()), "{name}");
        }
        assert_eq!(shown_key(&HeaderMap::new(), None), None);
    }

    #[test]
    fn the_operators_header_goes_first() {
        let own = HeaderName::from_static("x-our-key");
        let mut both = headers("authorization", "Bearer sk-vendor");
        assert_eq!(shown_key(&both, Some(&own)), Some(b"sk-vendor".as_slice()));
        both.insert(own.clone(), HeaderValue::from_static("Bearer sk-1234"));
        assert_eq!(shown_key(&both, Some(&own)), Some(b"sk-1234".as_slice()));
        assert_eq!(shown_key(&both, None), Some(b"sk-vendor".as_slice()));
    }

    #[test]
    fn a_signature_is_no_key() {
        let signed =
            "AWS4-HMAC-SHA256 Credential=sk-9999/20261121/us-east-1/bedrock/aws4_request, Signature=sk-1234";
        assert_eq!(shown_key(&headers("authorization", signed), None), Some(b"sk-9999".as_slice()));
        let broken = "AWS4-HMAC-SHA256 Credential=sk-1234";
        assert_ne!(shown_key(&headers("authorization", broken), None), Some(b"sk-1234".as_slice()));
    }
}
