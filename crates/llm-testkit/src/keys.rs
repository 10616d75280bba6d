//! Virtual keys as a store has them. What else a test wants of one it says in front of `..`.

use llm_governance::entity::{KeyKind, VirtualKey};
use llm_governance::{KeyHash, Terms, Timestamp};

/// How many characters of a key are enough to recognise it.
const ENOUGH: usize = 4;

/// A key of nobody with these terms, made when time began; `shown` is what its holder shows.
pub fn key(shown: &str, terms: Terms) -> VirtualKey {
    VirtualKey {
        hash: KeyHash::of(shown.as_bytes()),
        name: format!("sk-...{}", end_of(shown)),
        alias: None,
        user_id: None,
        team_id: None,
        organization_id: None,
        kind: KeyKind::Default,
        service_account: false,
        expires: None,
        replaced: None,
        former: Vec::new(),
        terms,
        created_by: None,
        created_at: Timestamp(0),
        updated_by: None,
        updated_at: Timestamp(0),
    }
}

fn end_of(shown: &str) -> &str {
    let secret = shown.strip_prefix("sk-").unwrap_or(shown);
    let last = secret.char_indices().rev().nth(ENOUGH - 1);
    last.map_or(secret, |(at, _)| secret.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_by_its_end() {
        assert_eq!(["sk-one", "sk-0000001234", "k", "sk-abcdé"].map(end_of), ["one", "1234", "k", "bcdé"]);
        assert_eq!(key("sk-one", Terms::default()).hash, KeyHash::of(b"sk-one"));
    }
}
