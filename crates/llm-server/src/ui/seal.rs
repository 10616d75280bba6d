//! Sessions as sealed text: what a browser holds says who signed in and until when, and only the gateway can read it.
//!
//! They are sealed and not listed, so that several gateways under one master key know each other's sessions and a restart
//! ends none. Another master key ends all of them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use llm_core::Secret;

/// What sessions are sealed for: nothing else that is sealed can be passed off as one.
const PURPOSE: &[u8] = b"llm-gateway dashboard session 1";

/// The length of the key, in bytes.
const KEY: usize = 32;

/// Bytes of the time in a session.
const TIME: usize = 8;

/// What tells a session from all others.
pub(crate) type SessionId = [u8; NONCE_LEN];

/// A session that was sealed, opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// What tells it from others.
    pub id: SessionId,
    /// Seconds since 1970 at which it ends.
    pub until: u64,
    /// The key of whoever signed in; `None`: the master key.
    pub key: Option<Secret>,
}

/// Seals and opens sessions.
pub(crate) struct Seal(RandomizedNonceKey);

impl Seal {
    /// Under a key that is derived from the master key.
    pub(crate) fn new(master: &Secret) -> Self {
        let mut key = [0; KEY];
        let root = Salt::new(HKDF_SHA256, PURPOSE).extract(master.expose().as_bytes());
        let info = [b"key".as_slice()];
        root.expand(&info, HKDF_SHA256)
            .and_then(|key_of| key_of.fill(&mut key))
            .expect("32 bytes are one block");
        Self(RandomizedNonceKey::new(&AES_256_GCM, &key).expect("the length is that of the cipher"))
    }

    /// A session as text; `None` when the system gives no random bytes.
    pub(crate) fn seal(&self, until: u64, key: Option<&[u8]>) -> Option<String> {
        let mut bytes = until.to_le_bytes().to_vec();
        bytes.extend_from_slice(key.unwrap_or_default());
        let nonce = self.0.seal_in_place_append_tag(Aad::from(PURPOSE), &mut bytes).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &bytes].concat()))
    }

    /// The session that a text is, if it was sealed here and is not over at `now`.
    pub(crate) fn open(&self, text: &str, now: u64) -> Option<Opened> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, body) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let id: SessionId = (&*nonce).try_into().ok()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(PURPOSE), body).ok()?;
        let (until, key) = plain.split_first_chunk::<TIME>()?;
        let until = u64::from_le_bytes(*until);
        let key = std::str::from_utf8(key).ok()?;
        let key = (!key.is_empty()).then(|| Secret::new(key.to_owned()));
        (now < until).then_some(Opened { id, until, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(master: &str) -> Seal {
        Seal::new(&Secret::new(master.to_owned()))
    }

    #[test]
    fn what_was_sealed_is_opened_until_it_is_over() {
        let seal = seal("sk-master");
        let text = seal.seal(100, Some(b"sk-key")).expect("random bytes");
        assert!(!text.contains("sk-key"));
        let opened = seal.open(&text, 99).expect("good");
        assert_eq!((opened.until, opened.key.expect("a key").expose().as_str()), (100, "sk-key"));
        assert!(seal.open(&text, 100).is_none());
        let master = seal.open(&seal.seal(100, None).expect("random bytes"), 0).expect("good");
        assert!(master.key.is_none());
        assert_ne!(opened.id, master.id);
    }

    #[test]
    fn nobody_else_makes_or_changes_one() {
        let text = seal("sk-master").seal(100, None).expect("random bytes");
        assert!(seal("sk-other").open(&text, 0).is_none());
        let mut other = text.clone().into_bytes();
        other[20] ^= 1;
        assert!(seal("sk-master").open(std::str::from_utf8(&other).expect("text"), 0).is_none());
        for bad in ["", "x", "====", &text[..10], &format!("{text}A")] {
            assert!(seal("sk-master").open(bad, 0).is_none(), "{bad}");
        }
    }
}
