//! New keys and ids, from the system's generator of random numbers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use llm_governance::{KeyHash, Timestamp};

use crate::refused::Refused;

/// Random bytes of a key: 192 bits, so that nobody guesses one.
const RANDOM: usize = 24;

/// The fewest characters of a key that an administrator chose, without `sk-`.
const FEWEST: usize = 4;

/// The most characters of a key that an administrator chose.
const MOST: usize = 512;

/// A new key.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn new_key() -> Result<String, Refused> {
    let mut random = [0; RANDOM];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| {
        Refused::error(500, "internal_server_error", "the system gives no random numbers: no key was made")
    })?;
    Ok(format!("sk-{}", URL_SAFE_NO_PAD.encode(random)))
}

/// Checks a key that the caller chose.
///
/// # Errors
/// When it could not be sent in a header, or is too short.
pub(crate) fn chosen_key(key: String) -> Result<String, Refused> {
    let rest = key.strip_prefix("sk-").unwrap_or_default();
    let fits = (FEWEST..=MOST).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        let message = format!(
            "Invalid key format. LiteLLM Virtual Key must start with 'sk-' and go on with {FEWEST} to {MOST} visible \
             ASCII characters: choose another `key`, or leave it out"
        );
        return Err(Refused::bad(message).about("key"));
    }
    Ok(key)
}

/// Enough of a key to recognise it.
pub(crate) fn key_name(key: &str) -> String {
    let last = key.char_indices().nth_back(3).map_or(key, |(at, _)| key.get(at..).unwrap_or_default());
    format!("sk-...{last}")
}

/// The hash that is meant by a key, or by its hash in hexadecimal.
pub(crate) fn hash_of(shown: &str) -> KeyHash {
    let hash = (!shown.starts_with("sk-")).then(|| KeyHash::parse(shown)).flatten();
    hash.unwrap_or_else(|| KeyHash::of(shown.as_bytes()))
}

/// A new id that sorts by time.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The time now.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_random_and_recognised_by_their_end() {
        let (one, other) = (new_key().expect("random"), new_key().expect("random"));
        assert!(one != other && one.starts_with("sk-") && one.len() == 35, "{}", one.len());
        assert_eq!(key_name("sk-abcdefgh"), "sk-...efgh");
        assert_eq!(key_name("a€b"), "sk-...a€b");
    }

    #[test]
    fn a_key_and_its_hash_mean_the_same() {
        let hash = KeyHash::of(b"sk-1234");
        assert_eq!(hash_of("sk-1234"), hash);
        assert_eq!(hash_of(&hash.hex()), hash);
    }

    #[test]
    fn keys_that_no_header_carries_are_refused() {
        for key in ["", "sk-", "sk-abc", "pk-abcdef", "sk-with space", "sk-ümlaut", "sk-line\nbreak"] {
            chosen_key(key.to_owned()).expect_err(key);
        }
        assert_eq!(chosen_key("sk-1234".to_owned()).as_deref(), Ok("sk-1234"));
    }
}
