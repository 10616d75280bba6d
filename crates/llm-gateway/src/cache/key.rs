//! The key of an entry: whose it is, and a hash of everything that decides the answer.

use std::hash::{BuildHasher, Hasher as _};

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;
use llm_core::essence;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::{LossPolicy, Result};
use llm_governance::{Principal, Scope};
use smallvec::SmallVec;

use super::CacheScope;
use crate::options::CallOptions;

type Around = SmallVec<[u8; 384]>;

/// Longer bodies are kept as their hash.
const LONGEST: usize = 16 << 10;

/// A request as it came: its body, and all that is around it. What is asked twice in the same bytes means the same.
pub(super) struct Asked {
    around: Around,
    body: Bytes,
}

/// An [`Asked`] that is kept, so that another one can be compared with it.
pub(super) struct Same {
    bytes: Box<[u8]>,
    /// Where the body begins.
    body: usize,
}

/// What a key must tell besides the request.
pub(super) struct About<'a> {
    /// Whose answers these are.
    pub(super) tenant: &'a str,
    /// What keys begin with.
    pub(super) namespace: Option<&'a str>,
    pub(super) options: &'a CallOptions,
}

/// Whose answers a caller may be given; `None`: nobody can say, so no answer is kept for it.
pub(super) fn tenant(scope: CacheScope, caller: Option<&Principal>) -> Option<String> {
    // Where nobody has keys everybody is the same.
    let Some(caller) = caller.filter(|_| scope != CacheScope::Everybody) else { return Some(String::new()) };
    let of = |scope: Scope| Some(format!("{} {}", scope.name(), caller.account(scope)?.subject.id));
    let organization = || (scope == CacheScope::Organization).then(|| of(Scope::Organization)).flatten();
    let team = || (scope != CacheScope::Key).then(|| of(Scope::Team)).flatten();
    let key = || caller.key().map(|key| format!("key {key}"));
    let user = || of(Scope::User);
    let master = || caller.is_admin().then(|| "master".to_owned());
    organization().or_else(team).or_else(key).or_else(user).or_else(master)
}

/// The key of a request.
///
/// # Errors
/// When the body is no request of its format.
pub(super) fn of(inbound: &Inbound, about: &About<'_>) -> Result<String> {
    let essence = match inbound.asked.operation {
        Operation::Embeddings => essence::of_embeddings(inbound.embedding_request()?),
        Operation::Rerank => essence::of_rerank(inbound.rerank_request()?),
        _ => essence::of_chat(inbound.decoded()?),
    };
    Ok(hashed(inbound, about, &essence))
}

impl Asked {
    /// The body with all that is around it, without reading it.
    pub(super) fn of(inbound: &Inbound, about: &About<'_>) -> Self {
        let mut words = Around::new();
        put(&mut words, inbound.dialect().name());
        let headers = inbound.ingress.forwarded_headers().iter();
        for value in headers.flat_map(|name| inbound.headers.get_all(*name)) {
            put(&mut words, value.to_str().unwrap_or_default());
        }
        around(&mut words, inbound, about);
        if inbound.body.len() <= LONGEST {
            return Self { around: words, body: inbound.body.clone() };
        }
        let hash = digest(&SHA256, &inbound.body);
        words.extend_from_slice(hash.as_ref());
        Self { around: words, body: Bytes::new() }
    }

    #[cfg(test)]
    pub(super) fn from_parts(around: &[u8], body: Bytes) -> Self {
        Self { around: around.into(), body }
    }

    pub(super) fn hash(&self, hasher: &impl BuildHasher) -> u64 {
        let mut hash = hasher.build_hasher();
        hash.write(&self.around);
        hash.write(&self.body);
        hash.finish()
    }

    /// The same, in as little memory as it takes.
    pub(super) fn kept(&self) -> Same {
        Same { bytes: [&*self.around, &*self.body].concat().into(), body: self.around.len() }
    }
}

impl Same {
    /// Whether it is asked again.
    pub(super) fn is(&self, asked: &Asked) -> bool {
        let (around, body) = self.bytes.split_at_checked(self.body).unwrap_or_default();
        *around == *asked.around && *body == *asked.body
    }

    /// Its bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The key of what these bytes stand for.
pub(super) fn hashed(inbound: &Inbound, about: &About<'_>, essence: &[u8]) -> String {
    let mut words = Around::new();
    around(&mut words, inbound, about);
    let mut hash = Context::new(&SHA256);
    hash.update(&words);
    hash.update(essence);
    let mut key = String::with_capacity(64 + about.namespace.map_or(0, |namespace| namespace.len() + 1));
    if let Some(namespace) = about.namespace {
        key.push_str(namespace);
        key.push(':');
    }
    hex(hash.finish().as_ref(), &mut key);
    key
}

fn put(around: &mut Around, text: &str) {
    around.extend_from_slice(&(text.len() as u64).to_le_bytes());
    around.extend_from_slice(text.as_bytes());
}

/// All that decides an answer besides what is asked, put into one place: a call of the hash for each word of it costs
/// more than hashing it.
fn around(words: &mut Around, inbound: &Inbound, about: &About<'_>) {
    let mut put = |text: &str| put(words, text);
    put(about.tenant);
    put(about.namespace.unwrap_or_default());
    put(inbound.asked.operation.name());
    let route = &about.options.route;
    put(&about.options.model);
    put(route.region.as_deref().unwrap_or_default());
    put(match route.policy {
        None => "",
        Some(LossPolicy::Default) => "default",
        Some(LossPolicy::Drop) => "drop",
        Some(LossPolicy::Reject) => "reject",
    });
    route.tags.iter().for_each(|tag| put(tag));
    put("");
    // What a format says in headers; which version of it a client speaks is no part of the question.
    for name in inbound.ingress.forwarded_headers().iter().filter(|name| !name.ends_with("-version")) {
        for value in inbound.headers.get_all(*name) {
            put(name);
            put(value.to_str().unwrap_or_default());
        }
    }
    put("");
}

fn hex(bytes: &[u8], out: &mut String) {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble });
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
}
