//! Passwords in addresses: `scheme://user:password@host`.

use super::value::is_placeholder;
use crate::bytes::Class;

/// The longest user with password.
const LONGEST: usize = 256;

/// The password of the address whose `://` stands at a place.
pub(super) fn find(text: &[u8], start: usize, after: usize) -> Option<(usize, usize)> {
    if Class::POINTED.run_before(text, start, 2) < 2 {
        return None;
    }
    let rest = text.get(after..(after + LONGEST).min(text.len()))?;
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || byte.is_ascii_control()
            || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'<' | b'>' | b'`' | b'\\')
    };
    let authority = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    let host = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', authority.get(..host)?)?;
    let password = authority.get(colon + 1..host)?;
    let templated = password.iter().any(|byte| matches!(byte, b'{' | b'$' | b'[' | b'*' | b'('))
        && password.len() < 40
        && is_placeholder(password);
    let is_password = password.len() >= 3 && !templated && !is_placeholder(password);
    is_password.then_some((after + colon + 1, after + host))
}
