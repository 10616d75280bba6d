//! Secrets encrypted at rest: credentials of vendors and the parameters of stored models.
//!
//! AES-256-GCM under a key derived from the operator's. What is sealed is bound to what it belongs to, so that a row
//! cannot be passed off as another one.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use llm_core::{Error, Result, Secret};

/// What sealed text begins with: the version of what follows.
const VERSION: &str = "sealed:1:";

/// The length of a derived key, in bytes.
const KEY: usize = 32;

/// How many bytes of it tell keys apart.
const FINGERPRINT: usize = 4;

/// Seals and opens secrets under one key.
pub struct Seal {
    key: RandomizedNonceKey,
    fingerprint: String,
}

impl Seal {
    /// Seals under a key that is derived from this one: `LITELLM_SALT_KEY`, or the master key where there is none.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(secret: &Secret) -> Result<Self> {
        if secret.expose().is_empty() {
            return Err(Error::invalid(
                "there is no key to encrypt stored secrets with: set LITELLM_SALT_KEY, or a master key",
            ));
        }
        let root = Salt::new(HKDF_SHA256, b"llm-gateway secrets at rest").extract(secret.expose().as_bytes());
        let key = RandomizedNonceKey::new(&AES_256_GCM, &derived(&root, b"key")?).map_err(|_| broken())?;
        let fingerprint = derived(&root, b"fingerprint")?;
        let fingerprint = fingerprint.iter().take(FINGERPRINT).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { key, fingerprint })
    }

    /// Encrypts a secret of something: `model:<id>`. Each time the text is another one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(&self, belongs_to: &str, secret: &Secret) -> Result<String> {
        let mut bytes = secret.expose().as_bytes().to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(belongs_to), &mut bytes);
        let nonce = nonce.map_err(|_| broken())?;
        let whole = [nonce.as_ref().as_slice(), &bytes].concat();
        Ok(format!("{VERSION}{}:{}", self.fingerprint, URL_SAFE_NO_PAD.encode(whole)))
    }

    /// Decrypts what was sealed for the same thing.
    ///
    /// # Errors
    /// When it was sealed under another key, for another thing, or is damaged.
    pub fn open(&self, belongs_to: &str, sealed: &str) -> Result<Secret> {
        let damaged =
            || Error::internal(format!("the stored secret of `{belongs_to}` is damaged: store it again"));
        let rest = sealed.strip_prefix(VERSION).ok_or_else(damaged)?;
        let (fingerprint, text) = rest.split_once(':').ok_or_else(damaged)?;
        if fingerprint != self.fingerprint {
            return Err(Error::internal(format!(
                "the stored secret of `{belongs_to}` was encrypted under another key: set LITELLM_SALT_KEY (or the \
                 master key, where there is none) to what it was then, or store the secret again"
            )));
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        let (nonce, body) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let plain = self.key.open_in_place(nonce, Aad::from(belongs_to), body).map_err(|_| damaged())?;
        String::from_utf8(plain.to_vec()).map(Secret::new).map_err(|_| damaged())
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seal(***)")
    }
}

fn derived(root: &Prk, purpose: &[u8]) -> Result<[u8; KEY]> {
    let mut key = [0; KEY];
    let purpose = [purpose];
    let expanded = root.expand(&purpose, HKDF_SHA256).map_err(|_| broken())?;
    expanded.fill(&mut key).map_err(|_| broken())?;
    Ok(key)
}

fn broken() -> Error {
    Error::internal("the system cannot encrypt: it gives no random numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: &str) -> Seal {
        Seal::new(&Secret::new(key.to_owned())).expect("a key")
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_same_key_for_the_same_thing() {
        let one = seal("sk-master");
        let sealed = one.seal("model:a", &secret("sk-vendor-1234")).expect("sealed");
        assert!(sealed.starts_with("sealed:1:") && !sealed.contains("vendor"), "{sealed}");
        assert_ne!(sealed, one.seal("model:a", &secret("sk-vendor-1234")).expect("sealed"));
        let opened = seal("sk-master").open("model:a", &sealed).expect("the same key");
        assert_eq!(opened.expose(), "sk-vendor-1234");
        assert!(one.open("model:b", &sealed).is_err(), "it belongs to another row");
    }

    #[test]
    fn another_key_is_named_as_the_reason() {
        let sealed = seal("sk-master").seal("model:a", &secret("sk-vendor-1234")).expect("sealed");
        let error = seal("sk-other").open("model:a", &sealed).expect_err("another key");
        assert!(error.message().contains("LITELLM_SALT_KEY"), "{error}");
        assert!(Seal::new(&secret("")).is_err());
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let one = seal("sk-master");
        let sealed = one.seal("model:a", &secret("sk-vendor-1234")).expect("sealed");
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ascii");
            assert!(one.open("model:a", &changed).is_err(), "changed at {at}");
            assert!(one.open("model:a", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", seal("sk-master")), "Seal(***)");
    }
}
