//! The key of an entry: whose it is, and a hash of everything that decides the answer.

use aws_lc_rs::digest::{Context, SHA256};
use llm_core::essence;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::{LossPolicy, Result};
use llm_governance::{Principal, Scope};
use smallvec::SmallVec;

use super::CacheScope;
use crate::options::CallOptions;

/// A body with all that is around it: the SHA-256 of both.
pub(super) type BodyName = [u8; 32];

type Around = SmallVec<[u8; 384]>;

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

/// A name for a body with all that is around it, without reading it.
pub(super) fn of_body(inbound: &Inbound, about: &About<'_>) -> BodyName {
    let mut around = Around::new();
    put(&mut around, inbound.dialect().name());
    let headers = inbound.ingress.forwarded_headers().iter();
    for value in headers.flat_map(|name| inbound.headers.get_all(*name)) {
        put(&mut around, value.to_str().unwrap_or_default());
    }
    finished(around, inbound, about, &inbound.body)
}

/// The key of what these bytes stand for.
pub(super) fn hashed(inbound: &Inbound, about: &About<'_>, essence: &[u8]) -> String {
    let name = finished(Around::new(), inbound, about, essence);
    let mut key = String::with_capacity(64 + about.namespace.map_or(0, |namespace| namespace.len() + 1));
    if let Some(namespace) = about.namespace {
        key.push_str(namespace);
        key.push(':');
    }
    hex(&name, &mut key);
    key
}

fn put(around: &mut Around, text: &str) {
    around.extend_from_slice(&(text.len() as u64).to_le_bytes());
    around.extend_from_slice(text.as_bytes());
}

/// What is hashed before the bytes themselves comes first into one place: a call of the hash for each word of it costs
/// more than hashing it.
fn finished(mut around: Around, inbound: &Inbound, about: &About<'_>, essence: &[u8]) -> BodyName {
    let mut put = |text: &str| put(&mut around, text);
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
    let mut hash = Context::new(&SHA256);
    hash.update(&around);
    hash.update(essence);
    let mut name = BodyName::default();
    let hash = hash.finish();
    name.iter_mut().zip(hash.as_ref()).for_each(|(place, byte)| *place = *byte);
    name
}

fn hex(bytes: &[u8], out: &mut String) {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble });
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
}
