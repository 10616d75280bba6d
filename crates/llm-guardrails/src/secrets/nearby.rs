//! Keys without a prefix that stand a few words after the name of whom they are for.

use crate::bytes::{at, begins_word};

/// How far after the name a key may begin.
const FAR: usize = 64;

/// The first place after a name where a key stands.
pub(super) fn find(
    text: &[u8],
    name_end: usize,
    key_at: impl Fn(&[u8], usize) -> Option<(usize, usize)>,
) -> Option<(usize, usize)> {
    let last = (name_end + FAR).min(text.len());
    (name_end..last)
        .filter(|place| at(text, *place).is_ascii_alphanumeric() && begins_word(text, *place))
        .find_map(|place| key_at(text, place))
}
