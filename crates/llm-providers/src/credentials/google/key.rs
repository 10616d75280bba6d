//! A service account's key, and what it signs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use llm_core::{Error, Result};

/// Reads a key in PEM, as credentials files hold it.
///
/// # Errors
/// When it is none; the message does not repeat it.
pub(super) fn read(pem: &str) -> Result<RsaKeyPair> {
    let wrong = || Error::invalid("invalid `vertex_credentials`: `private_key` is no RSA key in PEM");
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body.replace("\\n", "")).map_err(|_| wrong())?;
    RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)).map_err(|_| wrong())
}

/// A signed JSON web token (RS256) of these claims.
///
/// # Errors
/// When signing fails.
pub(super) fn signed(key: &RsaKeyPair, key_id: Option<&str>, claims: &serde_json::Value) -> Result<String> {
    let mut header = serde_json::json!({"alg": "RS256", "typ": "JWT"});
    if let Some(key_id) = key_id {
        header["kid"] = key_id.into();
    }
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(&header), encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .map_err(|_| super::refused("the service account's key does not sign"))?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
