//! Private keys in the armour of PEM, OpenSSH and PGP.

use crate::bytes::{Class, at};

/// The longest block that is found as a whole: an RSA key of 8,192 bits has 6,400 bytes.
pub(super) const LONGEST: usize = 8 << 10;

/// A block with fewer bytes of base64 is a word about keys, not a key.
const SHORTEST: usize = 48;

const LABEL: usize = 48;

/// The block whose first dashes stand at a place.
pub(super) fn find(text: &[u8], start: usize, label: usize) -> Option<(usize, usize)> {
    let body = label + is_private(text, label)?;
    let limit = (start + LONGEST).min(text.len());
    let within = text.get(body..limit)?;
    // The next dashes end it, or begin another: no byte is looked at for two blocks.
    let dashes = memchr::memmem::find(within, b"-----");
    let inside = within.get(..dashes.unwrap_or(within.len()))?;
    if let Some(end) =
        dashes.filter(|end| within.get(*end..).is_some_and(|rest| rest.starts_with(b"-----END ")))
    {
        let keys = inside.iter().filter(|byte| Class::BASE64.has(**byte)).count();
        let label = body + end + 9;
        let rest = text.get(label..(label + LABEL).min(text.len()))?;
        let dashes = memchr::memmem::find(rest, b"-----").map_or(0, |at| at + 5);
        return (keys >= SHORTEST).then_some((start, label + dashes));
    }
    // Cut off: as far as it looks like one.
    let belongs =
        |byte: &u8| Class::BASE64.has(*byte) || matches!(byte, b'\n' | b'\r' | b'\\' | b':' | b',' | b' ');
    let end = inside.iter().take_while(|byte| belongs(byte)).count();
    let lines = inside.get(..end)?.split(|byte| matches!(byte, b' ' | b'\n' | b'\\' | b'\r'));
    (lines.map(<[u8]>::len).max()? >= SHORTEST).then_some((start, body + end))
}

/// Where a block begins near the end of a text that has not come to its end.
pub(super) fn open(text: &[u8], reach: usize) -> Option<usize> {
    let from = text.len().saturating_sub(reach);
    let tail = text.get(from..)?;
    let start = memchr::memmem::rfind(tail, b"-----BEGIN ")?;
    let is_closed = || {
        let end = memchr::memmem::find(tail.get(start..)?, b"-----END ")?;
        memchr::memmem::find(tail.get(start + end + 9..)?, b"-----")
    };
    is_closed().is_none().then_some(from + start)
}

/// How long the label is with its dashes, when it is that of a private key.
fn is_private(text: &[u8], label: usize) -> Option<usize> {
    let rest = text.get(label..(label + LABEL).min(text.len()))?;
    let end = memchr::memmem::find(rest, b"-----")?;
    let name = rest.get(..end)?;
    let private = memchr::memmem::find(name, b"PRIVATE KEY").is_some();
    let is_label =
        name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ');
    (private && is_label && at(text, label + end) == b'-').then_some(end + 5)
}
