//! A token as it is shown: three parts of base64 between dots (RFC 7515 §7.1, RFC 7519). Nothing of it is trusted yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use llm_core::Result;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::refused;

/// Tokens of identity providers with many groups have some kilobytes.
const MOST: usize = 32 * 1024;

/// A token that was taken apart, and not checked.
pub(super) struct Compact<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) claims: Map<String, Value>,
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that one must understand: none are.
    crit: Option<serde::de::IgnoredAny>,
}

/// Whether something looks like a token, and not like a key.
pub(crate) fn looks_like_a_token(shown: &[u8]) -> bool {
    !shown.starts_with(b"sk-") && shown.iter().filter(|byte| **byte == b'.').count() == 2
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    pub(super) fn read(token: &'a [u8]) -> Result<Self> {
        if token.len() > MOST {
            return Err(refused(&format!("the token is longer than {MOST} bytes")));
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refused("the token has not three parts"));
        };
        let signed = token.get(..header.len() + 1 + claims.len()).unwrap_or_default();
        let header: Header = part(header, "header")?;
        if header.crit.is_some() {
            return Err(refused("the token demands extensions (`crit`) that this gateway does not have"));
        }
        let Some(algorithm) = Algorithm::named(&header.alg) else {
            return Err(refused("the token's `alg` is not one that this gateway checks"));
        };
        let signature =
            URL_SAFE_NO_PAD.decode(signature).map_err(|_| refused("the signature is no base64"))?;
        Ok(Self { algorithm, key_id: header.kid, claims: part(claims, "claims")?, signed, signature })
    }
}

fn part<T: serde::de::DeserializeOwned>(encoded: &[u8], what: &str) -> Result<T> {
    let text =
        URL_SAFE_NO_PAD.decode(encoded).map_err(|_| refused(&format!("the token's {what} are no base64")))?;
    serde_json::from_slice(&text).map_err(|_| refused(&format!("the token's {what} cannot be read")))
}
