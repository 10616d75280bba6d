//! Whether a value that is said to be secret is one, or stands for one.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::bytes::{entropy, variety};

/// Words that stand where a secret would: in documentation, templates and code.
const STAND_INS: [&[u8]; 30] = [
    b"your",
    b"my-",
    b"my_",
    b"xxxx",
    b"****",
    b"....",
    b"example",
    b"placeholder",
    b"changeme",
    b"change_me",
    b"change-me",
    b"redacted",
    b"insert",
    b"replace",
    b"dummy",
    b"sample",
    b"<",
    b"${",
    b"{{",
    b"%(",
    b"$(",
    b"process.env",
    b"os.environ",
    b"getenv",
    b"env.",
    b"config.",
    b"settings.",
    b"undefined",
    b"secrets.",
    b"todo",
];

/// Whole values that are words of a language, not secrets.
const WORDS: [&[u8]; 16] = [
    b"password",
    b"passwd",
    b"secret",
    b"token",
    b"string",
    b"none",
    b"null",
    b"true",
    b"false",
    b"required",
    b"optional",
    b"hidden",
    b"pass",
    b"pwd",
    b"mypassword",
    b"password_here",
];

static STANDS_IN: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let builder = &mut AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
    builder.build(STAND_INS).expect("some dozen words fit")
});

/// Whether a value only stands for a secret.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let first = value.first().copied().unwrap_or(0);
    let closes = |byte: &u8| matches!(byte, b'>' | b'}' | b']' | b')' | b'_') || byte.is_ascii_alphabetic();
    let is_bracketed = matches!(first, b'<' | b'{' | b'[' | b'$' | b'%' | b'(') && value.iter().any(closes);
    let begins = |word: &[u8]| value.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let is_counted = value.len() < 12 && (begins(b"12345678") || begins(b"abcdefgh"));
    is_bracketed
        || is_counted
        || variety(value) <= 2
        || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || STANDS_IN.is_match(value)
}

/// Whether a value looks like code or a place rather than a value: `get_password()`, `./file`, `https://…`.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let first = value.first().copied().unwrap_or(0);
    let has = |word: &[u8]| memchr::memmem::find(value, word).is_some();
    matches!(first, b'/' | b'.' | b'~' | b'&' | b'@' | b'*' | b'(') && !has(b"!")
        || has(b"(")
        || has(b"://")
        || has(b"[")
        || has(b"->")
        || (has(b".") && value.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_')))
}

/// Whether a value may be a password: long enough, and more than a word.
pub(super) fn is_password(value: &[u8]) -> bool {
    let symbols =
        |byte: &u8| byte.is_ascii_punctuation() && !matches!(byte, b'_' | b'-' | b'.' | b',' | b'\'');
    let digit = value.iter().any(u8::is_ascii_digit);
    let letter = value.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let symbol = value.iter().any(symbols);
    value.len() >= 6
        && (letter && (digit || symbol)
            || (digit && symbol)
            || (digit && value.len() >= 8 && variety(value) >= 5 && !letter && value.len() <= 10))
        && variety(value) >= 4
        && !is_date(value)
}

/// Whether a value looks drawn at random.
pub(super) fn is_random(value: &[u8], least: usize, bits: f32) -> bool {
    value.len() >= least
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
        && variety(value) >= 8.min(least)
        && entropy(value) >= bits
        && !is_date(value)
        && !is_words(value)
}

fn is_date(value: &[u8]) -> bool {
    value.len() >= 8
        && value.iter().all(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'-' | b'/' | b':' | b'T' | b'Z' | b'.' | b'+')
        })
        && value.iter().filter(|byte| matches!(byte, b'-' | b'/')).count() == 2
}

/// Words and numbers with hyphens between them (`model-name-v2`, `us-east-1`): names, which people give.
fn is_words(value: &[u8]) -> bool {
    let parts: Vec<&[u8]> = value.split(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/')).collect();
    let is_word = |part: &&[u8]| {
        let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
        let letters = part.iter().filter(|byte| byte.is_ascii_lowercase()).count();
        part.len() <= 12
            && (digits == 0 || letters == 0 || (letters <= 3 && digits <= 2))
            && (digits <= 4)
            && part.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    parts.len() >= 3 && parts.iter().all(is_word)
}
