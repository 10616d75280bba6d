//! Who asks: the key that a client shows, wherever its SDK puts it.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use llm_core::{Error, ErrorKind, Result, Secret};
use subtle::ConstantTimeEq as _;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Whoever reaches the gateway: it has no master key.
    Anyone,
    /// The holder of the master key.
    Master,
}

/// Headers that SDKs put keys in, in the order in which they are looked at.
const KEY_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("x-litellm-api-key"),
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Finds out who asks.
///
/// # Errors
/// [`ErrorKind::Unauthenticated`] when a key is needed and none, or a wrong one, was shown.
pub(crate) fn identify(headers: &HeaderMap, master_key: Option<&Secret>) -> Result<Caller> {
    let Some(master) = master_key else { return Ok(Caller::Anyone) };
    let Some(shown) = shown_key(headers) else {
        return Err(refused("no api key passed in").with_type("auth_error"));
    };
    // The comparison takes the same time wherever the keys differ.
    if bool::from(shown.ct_eq(master.expose().as_bytes())) {
        return Ok(Caller::Master);
    }
    Err(refused("invalid API key provided").with_type("token_not_found_in_db").with_param("key"))
}

fn refused(what: &str) -> Error {
    let message = format!(
        "Authentication Error, {what}: send the key as `Authorization: Bearer <key>`, `x-api-key`, `api-key`, \
         `x-goog-api-key` or `x-litellm-api-key`"
    );
    Error::new(ErrorKind::Unauthenticated, message)
}

fn shown_key(headers: &HeaderMap) -> Option<&[u8]> {
    KEY_HEADERS.iter().find_map(|name| headers.get(name)).map(HeaderValue::as_bytes).map(without_scheme)
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
    fn the_master_key_is_found_wherever_sdks_put_it() {
        let master = Secret::new("sk-1234".to_owned());
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
            assert_eq!(identify(&headers(name, value), Some(&master)), Ok(Caller::Master), "{name}");
        }
    }

    #[test]
    fn wrong_and_missing_keys_are_told_apart_and_never_echoed() {
        let master = Secret::new("sk-1234".to_owned());
        let wrong = identify(&headers("authorization", "Bearer sk-9999"), Some(&master)).expect_err("wrong");
        assert!(wrong.message().contains("invalid API key") && !wrong.message().contains("9999"));
        let missing = identify(&HeaderMap::new(), Some(&master)).expect_err("missing");
        assert!(missing.message().contains("no api key"));
        let signed =
            "AWS4-HMAC-SHA256 Credential=sk-9999/20261121/us-east-1/bedrock/aws4_request, Signature=sk-1234";
        for key in ["sk-123", "sk-12345", "", signed, "AWS4-HMAC-SHA256 Credential=sk-1234"] {
            let value = HeaderValue::from_str(key).expect("ASCII");
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            assert!(identify(&headers, Some(&master)).is_err(), "{key}");
        }
    }

    #[test]
    fn without_a_master_key_anyone_may_ask() {
        assert_eq!(identify(&HeaderMap::new(), None), Ok(Caller::Anyone));
    }
}
