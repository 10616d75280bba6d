//! An identity provider for tests: it signs what it is asked to, and its keys can be fetched.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use llm_governance::token::KeySource;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What a provider signs with.
pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Vec<u8>),
}

/// An identity provider.
#[derive(Default)]
pub(crate) struct Provider {
    /// What stands at each address.
    pub(crate) documents: Mutex<Vec<(String, Value)>>,
    pub(crate) fetched: AtomicUsize,
}

impl Provider {
    /// Whose keys are at `https://id.example/keys`.
    pub(crate) fn of(keys: &[Value]) -> Arc<Self> {
        let provider = Self::default();
        provider.has("https://id.example/keys", json!({ "keys": keys }));
        Arc::new(provider)
    }

    /// What stands at an address from now on.
    pub(crate) fn has(&self, address: &str, document: Value) {
        let mut documents = self.documents.lock();
        documents.retain(|(known, _)| known != address);
        documents.push((address.to_owned(), document));
    }
}

impl KeySource for Provider {
    fn fetch<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            self.fetched.fetch_add(1, SeqCst);
            tokio::task::yield_now().await;
            let documents = self.documents.lock();
            let found = documents.iter().find(|(known, _)| known == address);
            found.map(|(_, document)| document.to_string().into_bytes()).ok_or("nothing is there".to_owned())
        })
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"))
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("a key"))
    }

    /// The public key as a provider shows it.
    pub(crate) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let (n, e) = numbers(key.public_key().as_ref());
                json!({ "kty": "RSA", "kid": id, "use": "sig", "n": encode(n), "e": encode(e) })
            }
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "alg": "ES256", "x": x, "y": y })
            }
            Self::Ed25519(key) => {
                let x = encode(key.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": x })
            }
            Self::Secret(secret) => json!({ "kty": "oct", "kid": id, "k": encode(secret) }),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
            Self::Secret(_) => "HS256",
        }
    }

    /// A token with these claims.
    pub(crate) fn token(&self, id: &str, claims: &Value) -> String {
        self.token_with(&json!({ "typ": "JWT", "alg": self.algorithm(), "kid": id }), claims)
    }

    /// A token with this header.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        format!("{signed}.{}", encode(self.sign(signed.as_bytes())))
    }

    fn sign(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&signature::RSA_PKCS1_SHA256, &random, signed, &mut signature).expect("signed");
                signature
            }
            Self::P256(key) => key.sign(&random, signed).expect("signed").as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(signed).as_ref().to_vec(),
            Self::Secret(secret) => {
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
                aws_lc_rs::hmac::sign(&key, signed).as_ref().to_vec()
            }
        }
    }
}

/// The modulus and the exponent of a key in DER (RFC 8017 appendix A.1.1), as long as those of 2048 bits are.
fn numbers(der: &[u8]) -> (&[u8], &[u8]) {
    let (modulus, exponent) = der[4..].split_at(4 + 257);
    (&modulus[5..], &exponent[2..])
}
