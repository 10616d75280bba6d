//! Ids of tool calls, which vendors of this format take in at most 64 letters of `[a-zA-Z0-9_.:-]`.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

const LONGEST: usize = 64;

/// The id as vendors take it. An id that they would refuse becomes a digest of it: all that they do with it is to
/// compare it with the id of a result, and both come through here.
pub(crate) fn to_vendor(id: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-');
    if !id.is_empty() && id.len() <= LONGEST && id.bytes().all(plain) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("call_{:016x}{:016x}", digest(id, 1), digest(id, 2)))
}

fn digest(id: &str, salt: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    (salt, id).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ids_stay_and_others_become_their_digest() {
        assert_eq!(to_vendor("tooluse_a.b:c-1"), "tooluse_a.b:c-1");
        let long = "x".repeat(65);
        for odd in ["", "a b", "é", long.as_str()] {
            let id = to_vendor(odd).into_owned();
            assert!(id.len() <= LONGEST && to_vendor(&id) == id, "{odd}");
            assert_eq!(to_vendor(odd), id);
        }
        assert_ne!(to_vendor("a b"), to_vendor("a  b"));
    }
}
