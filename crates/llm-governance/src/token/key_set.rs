//! The public keys of an identity provider: a JWKS document (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use llm_core::Result;
use serde::Deserialize;

use super::algorithm::{Algorithm, ProvingKey};
use super::refused;

/// Providers have two or three keys, and some dozens when they serve many tenants.
const MOST: usize = 256;

/// The keys of an identity provider.
#[derive(Default)]
pub(super) struct KeySet {
    keys: Vec<(Option<String>, Option<Algorithm>, ProvingKey)>,
}

/// What an address of keys says: the keys, or where they are.
pub(super) enum Document {
    Keys(KeySet),
    /// The metadata of a provider (OpenID Connect Discovery 1.0 §4.2).
    Elsewhere(String),
}

#[derive(Deserialize)]
struct Read {
    keys: Option<Vec<serde_json::Value>>,
    jwks_uri: Option<String>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads what an address of keys says.
    pub(super) fn read(document: &[u8]) -> Result<Document, String> {
        let read: Read = serde_json::from_slice(document).map_err(|_| "it is no JWKS document".to_owned())?;
        match (read.keys, read.jwks_uri) {
            (Some(keys), _) => Ok(Document::Keys(Self::of(keys))),
            (None, Some(address)) => Ok(Document::Elsewhere(address)),
            (None, None) => Err("it has neither `keys` nor `jwks_uri`".to_owned()),
        }
    }

    /// A single secret that both sides know.
    pub(super) fn secret(secret: &str) -> Self {
        Self { keys: vec![(None, None, ProvingKey::Secret(secret.as_bytes().to_vec()))] }
    }

    /// Keys for other purposes, and of kinds that nobody knows, are passed over.
    fn of(keys: Vec<serde_json::Value>) -> Self {
        let jwks = keys.into_iter().take(MOST).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let signing = jwks.filter(|jwk| jwk.r#use.as_deref().is_none_or(|purpose| purpose == "sig"));
        let keys = signing.filter_map(|jwk| {
            let key = jwk.key()?;
            let algorithm = match &jwk.alg {
                Some(name) => Some(Algorithm::named(name)?),
                None => None,
            };
            Some((jwk.kid, algorithm, key))
        });
        Self { keys: keys.collect() }
    }

    /// Whether there is a key of this id.
    pub(super) fn has(&self, key_id: Option<&str>) -> bool {
        key_id.is_none_or(|id| self.keys.iter().any(|(known, ..)| known.as_deref() == Some(id)))
    }

    /// Checks a signature by the key of this id, or by any where the token names none.
    pub(super) fn check(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        let named =
            |known: &Option<String>| key_id.is_none_or(|id| known.as_deref().is_none_or(|it| it == id));
        let mut fitting = self
            .keys
            .iter()
            .filter(|(id, of, key)| named(id) && of.is_none_or(|of| of == algorithm) && key.fits(algorithm));
        if fitting.clone().next().is_none() {
            return Err(refused("its identity provider has no such key (`kid` and `alg` of the header)"));
        }
        if fitting.any(|(.., key)| key.proves(algorithm, signed, signature)) {
            return Ok(());
        }
        Err(refused("its signature is wrong"))
    }
}

impl Jwk {
    fn key(&self) -> Option<ProvingKey> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let point = || {
            let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
            Some([&[4], &*x, &*y].concat())
        };
        Some(match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => ProvingKey::Rsa { modulus: bytes(&self.n)?, exponent: bytes(&self.e)? },
            ("EC", Some("P-256")) => ProvingKey::P256(point().filter(|point| point.len() == 65)?),
            ("EC", Some("P-384")) => ProvingKey::P384(point().filter(|point| point.len() == 97)?),
            ("OKP", Some("Ed25519")) => ProvingKey::Ed25519(bytes(&self.x)?),
            _ => return None,
        })
    }
}
