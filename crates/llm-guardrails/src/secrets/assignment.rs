//! Values that are said to be secret: `password = …`, `"api_key": "…"`, `--token …`, `Authorization: Bearer …`.

use super::format::{Anchor, Meaning};
use super::value::{is_password, is_placeholder, is_random, is_reference};
use crate::base64::decode;
use crate::bytes::{Class, at, before};

/// The longest value.
const LONGEST: usize = 200;

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// People choose it.
    Password,
    /// A machine drew it.
    Token,
    /// May be the name of anything.
    Key,
    AwsSecret,
    Basic,
    Bearer,
}

/// Numbers of the rules, after those of the formats.
const AWS: usize = 3;
const BASIC: usize = 4;
const BEARER: usize = 5;
const PASSWORD: usize = 6;
const SECRET: usize = 7;
const HIGH_ENTROPY: usize = 8;

const NAMES: [(&str, Name); 53] = [
    ("password", Name::Password),
    ("passwd", Name::Password),
    ("passphrase", Name::Password),
    ("pwd", Name::Password),
    ("passwort", Name::Password),
    ("kennwort", Name::Password),
    ("contraseña", Name::Password),
    ("senha", Name::Password),
    ("mot de passe", Name::Password),
    ("пароль", Name::Password),
    ("密码", Name::Password),
    ("密碼", Name::Password),
    ("口令", Name::Password),
    ("パスワード", Name::Password),
    ("비밀번호", Name::Password),
    ("secret", Name::Token),
    ("token", Name::Token),
    ("api_key", Name::Token),
    ("api-key", Name::Token),
    ("api key", Name::Token),
    ("apikey", Name::Token),
    ("secret_key", Name::Token),
    ("secret-key", Name::Token),
    ("secret key", Name::Token),
    ("secretkey", Name::Token),
    ("access_key", Name::Token),
    ("access-key", Name::Token),
    ("access key", Name::Token),
    ("accesskey", Name::Token),
    ("auth_key", Name::Token),
    ("authkey", Name::Token),
    ("private_key", Name::Token),
    ("privatekey", Name::Token),
    ("encryption_key", Name::Token),
    ("signing_key", Name::Token),
    ("master_key", Name::Token),
    ("credential", Name::Token),
    ("密钥", Name::Token),
    ("令牌", Name::Token),
    ("access token", Name::Token),
    ("bearer token", Name::Token),
    ("auth token", Name::Token),
    ("_key", Name::Key),
    ("subscription-key", Name::Token),
    ("aws_secret_access_key", Name::AwsSecret),
    ("aws_secret_key", Name::AwsSecret),
    ("secretaccesskey", Name::AwsSecret),
    ("secret_access_key", Name::AwsSecret),
    ("secret access key", Name::AwsSecret),
    ("aws secret", Name::AwsSecret),
    ("basic ", Name::Basic),
    ("bearer ", Name::Bearer),
    ("apitoken", Name::Token),
];

/// What makes of a name that of something else: `password_hash`, `token_count`.
const NOT_THE_VALUE: [&[u8]; 30] = [
    b"hash", b"count", b"id", b"url", b"uri", b"file", b"path", b"name", b"len", b"polic", b"type", b"limit",
    b"field", b"expir", b"ttl", b"size", b"input", b"label", b"hint", b"reset", b"manager", b"budget",
    b"max", b"min", b"usage", b"rate", b"format", b"regex", b"pattern", b"izer",
];

/// Words before a long hexadecimal number that say it is something else.
const SUMS: [&[u8]; 12] = [
    b"hash",
    b"commit",
    b"sha",
    b"md5",
    b"checksum",
    b"digest",
    b"uuid",
    b"fingerprint",
    b"version",
    b"build",
    b"public",
    b"etag",
];

pub(super) fn anchors() -> impl Iterator<Item = Anchor> {
    NAMES.iter().map(|(text, name)| Anchor::new(text, Meaning::Name(*name)))
}

/// The value after a name, the number of the rule, and its rank.
pub(super) fn find(text: &[u8], start: usize, end: usize, name: Name) -> Option<((usize, usize), usize, u8)> {
    match name {
        Name::Basic => Some((basic(text, start, end)?, BASIC, 2)),
        Name::Bearer => Some((bearer(text, start, end)?, BEARER, 2)),
        _ => {
            let Some((range, is_quoted)) = assigned(text, start, end) else {
                return Some((after_words(text, start, end, name)?, HIGH_ENTROPY, 4));
            };
            let value = text.get(range.0..range.1)?;
            let rule = rule(value, name, is_quoted)?;
            Some((range, rule, if rule == AWS { 1 } else { 3 }))
        }
    }
}

/// Which rule a value falls under.
fn rule(value: &[u8], name: Name, is_quoted: bool) -> Option<usize> {
    let is_aws =
        name == Name::AwsSecret && value.len() == 40 && value.iter().all(|byte| Class::BASE64.has(*byte));
    let good = match name {
        _ if is_aws => true,
        Name::Password => is_password(value),
        Name::Key => is_random(value, 20, 3.3),
        _ => is_random(value, 12, 2.9),
    };
    if !good || is_placeholder(value) || (is_reference(value) && !(is_quoted && name == Name::Password)) {
        return None;
    }
    Some(match name {
        _ if is_aws => AWS,
        Name::Password => PASSWORD,
        _ => SECRET,
    })
}

/// The value that is assigned to a name, and whether it stands in quotes.
fn assigned(text: &[u8], start: usize, name_end: usize) -> Option<((usize, usize), bool)> {
    let tail = Class::TOKEN.run(text, name_end, 24);
    let rest = text.get(name_end..name_end + tail)?.to_ascii_lowercase();
    if tail > 0 && NOT_THE_VALUE.iter().any(|word| memchr::memmem::find(&rest, word).is_some()) {
        return None;
    }
    let mut place = name_end + tail;
    while matches!(at(text, place), b'"' | b'\'' | b'`' | b']' | b'*' | b'\\') {
        place += 1;
    }
    let blank = Blank::after(text, place);
    place = separator(text, blank.end).or_else(|| {
        let is_option = blank.end > place && is_option(text, start);
        is_option.then_some(blank.end)
    })?;
    place = Blank::after(text, place).end;
    value(text, place)
}

/// Blanks of a line, at most eight.
struct Blank {
    end: usize,
}

impl Blank {
    fn after(text: &[u8], place: usize) -> Self {
        let run = text.get(place..).unwrap_or_default().iter().take(8);
        Self { end: place + run.take_while(|byte| matches!(byte, b' ' | b'\t' | b'*')).count() }
    }
}

/// What stands between a name and its value.
fn separator(text: &[u8], place: usize) -> Option<usize> {
    const SEPARATORS: [&[u8]; 21] = [
        b":=",
        b"=>",
        b"->",
        b"==",
        b"=",
        b":",
        b">",
        b"(",
        "：".as_bytes(),
        "＝".as_bytes(),
        b"is:",
        b"is ",
        b"was ",
        b"ist ",
        b"est ",
        b"es ",
        "é ".as_bytes(),
        "是".as_bytes(),
        "为".as_bytes(),
        "は".as_bytes(),
        b", ",
    ];
    let rest = text.get(place..)?;
    let found = SEPARATORS.iter().find(|separator| rest.starts_with(separator))?;
    let end = place + found.len();
    let needs_quote = matches!(*found, [b'('] | [b',', b' ']);
    let quote = matches!(at(text, end), b'"' | b'\'');
    (!needs_quote || quote).then_some(end)
}

/// Whether the name is that of an option of a command: `--db-password …`.
fn is_option(text: &[u8], start: usize) -> bool {
    let run = Class::TOKEN.run_before(text, start, 32);
    text.get(start - run..start).is_some_and(|name| name.starts_with(b"--"))
}

fn value(text: &[u8], place: usize) -> Option<((usize, usize), bool)> {
    let opened = place
        + usize::from(
            matches!(at(text, place), b'b' | b'r' | b'f' | b'\\')
                && matches!(at(text, place + 1), b'"' | b'\''),
        );
    let quote = at(text, opened);
    if matches!(quote, b'"' | b'\'' | b'`') {
        let from = opened + 1;
        let rest = text.get(from..(from + LONGEST).min(text.len()))?;
        let end = rest.iter().position(|byte| *byte == quote || matches!(byte, b'\n' | b'\r'))?;
        let end = end - usize::from(before(rest, end) == b'\\');
        let value = rest.get(..end)?;
        let is_one = !value.is_empty() && value.iter().filter(|byte| **byte == b' ').count() <= 6;
        return is_one.then_some(((from, from + end), true));
    }
    let rest = text.get(place..(place + LONGEST).min(text.len()))?;
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || byte.is_ascii_control()
            || matches!(byte, b'"' | b'\'' | b'`' | b';' | b'<' | b'>' | b'|' | b',' | b'\\' | b'}' | b'&')
            || *byte >= 0xe0
    };
    let mut end = rest.iter().position(ends).unwrap_or(rest.len());
    while matches!(before(rest, end), b'.' | b')' | b'?' | b':' | b'*') {
        end -= 1;
    }
    (end > 0).then_some(((place, place + end), false))
}

/// A value with high entropy, at most some words after the name.
fn after_words(text: &[u8], start: usize, end: usize, name: Name) -> Option<(usize, usize)> {
    const FAR: usize = 48;
    if !matches!(name, Name::Token | Name::AwsSecret) || before(text, start).is_ascii_alphanumeric() {
        return None;
    }
    let rest = text.get(end..(end + FAR).min(text.len()))?;
    let line = rest.split(|byte| *byte == b'\n').next()?;
    let mut place = 0;
    while place < line.len() {
        let run = Class::BASE64.run(text, end + place, LONGEST);
        if run >= 20 {
            let between = line.get(..place)?.to_ascii_lowercase();
            let value = text.get(end + place..end + place + run)?;
            let is_sum = SUMS.iter().any(|word| memchr::memmem::find(&between, word).is_some());
            let hexadecimal = value.iter().all(|byte| Class::HEX.has(*byte));
            let cases = value.iter().any(u8::is_ascii_lowercase) && value.iter().any(u8::is_ascii_uppercase);
            let random =
                if hexadecimal { is_random(value, 32, 3.0) } else { cases && is_random(value, 20, 3.6) };
            let good = random && !is_sum && !is_placeholder(value) && !is_reference(value);
            return good.then_some((end + place, end + place + run));
        }
        place += run.max(1);
    }
    None
}

/// `Basic` and the base64 of a name and a password.
fn basic(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    if before(text, start).is_ascii_alphanumeric() {
        return None;
    }
    let run = Class::BASE64.run(text, end, 600);
    let decoded = decode(text.get(end..end + run)?);
    let colon = memchr::memchr(b':', &decoded)?;
    let readable = decoded.iter().all(|byte| (32..127).contains(byte));
    (run >= 8 && readable && colon + 1 < decoded.len()).then_some((end, end + run))
}

/// `Bearer` and a token.
fn bearer(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    if before(text, start).is_ascii_alphanumeric() {
        return None;
    }
    let run = text
        .get(end..)?
        .iter()
        .take(2000)
        .take_while(|byte| Class(Class::ENCODED.0 | 128 | 256).has(**byte))
        .count();
    let value = text.get(end..end + run)?;
    let good = is_random(value, 16, 3.0) && !is_placeholder(value);
    good.then_some((end, end + run))
}
