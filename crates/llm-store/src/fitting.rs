//! Text that clients choose, as it can stand in an index.

use std::borrow::Cow;

/// Text that stands in an index is not longer: PostgreSQL takes no more than some 2,700 bytes for all columns of one.
const LONGEST: usize = 400;

/// Text as it can stand in an index. PostgreSQL takes no zero; what is too long is cut, and
/// told from others by a checksum.
pub(crate) fn fitting(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && !text.contains('\0') {
        return Cow::Borrowed(text);
    }
    let text = text.replace('\0', "");
    if text.len() <= LONGEST {
        return Cow::Owned(text);
    }
    let sum = crc32fast::hash(text.as_bytes());
    let begin = &text[..text.floor_char_boundary(LONGEST - 16)];
    Cow::Owned(format!("{begin}~{sum:08x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_clients_fits_into_an_index() {
        assert_eq!(fitting("a\0b"), "ab");
        assert_eq!(fitting("short"), "short");
        let (one, other) = ("ß".repeat(1_000), "ß".repeat(1_001));
        assert!(fitting(&one).len() <= LONGEST && fitting(&one) != fitting(&other));
    }
}
