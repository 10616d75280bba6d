//! Ids of tool calls: this format allows only letters, digits, `_` and `-`; others are spelled out so that they
//! come back.

use std::borrow::Cow;
use std::fmt::Write as _;

const SPELLED: &str = "gwid-";

/// An id as this format allows it: as it is, or spelled out.
pub(crate) fn to_wire(id: &str) -> Cow<'_, str> {
    if !id.is_empty() && !id.starts_with(SPELLED) && id.bytes().all(is_plain) {
        return Cow::Borrowed(id);
    }
    let mut spelled = String::with_capacity(SPELLED.len() + id.len() + 8);
    spelled.push_str(SPELLED);
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            spelled.push(char::from(byte));
        } else {
            write!(spelled, "_{byte:02x}").expect("writing to a string does not fail");
        }
    }
    Cow::Owned(spelled)
}

/// Reads what [`to_wire`] wrote; any other id is itself.
pub(crate) fn from_wire(id: &str) -> String {
    id.strip_prefix(SPELLED).and_then(unspell).unwrap_or_else(|| id.to_owned())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn unspell(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('_') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(escaped.get(..2)?, 16).ok()?);
        rest = escaped.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_ids_stay_and_others_are_spelled_out() {
        assert_eq!(to_wire("toolu_01-A"), "toolu_01-A");
        assert_eq!(to_wire("functions.add:0"), "gwid-functions_2eadd_3a0");
        assert_eq!(to_wire(""), "gwid-");
    }

    proptest! {
        #[test]
        fn every_id_comes_back_and_fits_the_pattern(id in "\\PC{0,12}|gwid-[a-z_]{0,6}") {
            let wire = to_wire(&id).into_owned();
            prop_assert!(!wire.is_empty() && wire.bytes().all(is_plain));
            prop_assert_eq!(from_wire(&wire), id);
        }

        #[test]
        fn no_text_makes_reading_panic(id in "gwid-\\PC{0,12}") {
            from_wire(&id);
        }
    }
}
