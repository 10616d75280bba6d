//! JSON web tokens: three parts in base64 of which the first is a header that names an algorithm.

use crate::base64::decode;
use crate::bytes::{Class, at, begins_word};

/// The longest part of a token that is looked at.
const LONGEST_PART: usize = 3000;

/// The token whose header begins at a place.
pub(super) fn find(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let rest = text.get(start..)?;
    if !rest.starts_with(b"eyJ") || !begins_word(text, start) {
        return None;
    }
    let header = Class::TOKEN.run(text, start, 1024);
    if header < 16 || !names_an_algorithm(text.get(start..start + header)?) {
        return None;
    }
    let mut end = start + header;
    let mut parts = 1;
    while parts < 5 && at(text, end) == b'.' {
        let part = Class::TOKEN.run(text, end + 1, LONGEST_PART);
        if part == 0 && parts != 2 && parts != 1 {
            break;
        }
        end += 1 + part;
        parts += 1;
    }
    // The point after the last part may be that of a sentence, or of a token without a signature.
    (parts >= 3 || (parts == 2 && end - start > header + 8)).then_some((start, end))
}

fn names_an_algorithm(header: &[u8]) -> bool {
    let json = decode(header);
    let has = |word: &[u8]| memchr::memmem::find(&json, word).is_some();
    json.starts_with(b"{\"") && (has(b"\"alg\"") || has(b"\"typ\""))
}
