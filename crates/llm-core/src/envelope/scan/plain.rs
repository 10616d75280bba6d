//! Where the plain run of a JSON string ends: at its quote, an escape, or a control character that must not be there.

use wide::u8x16;

/// Bytes that are looked at together: prompts have an escaped line break every few words, so a larger block would
/// nearly always end in a smaller step.
const BLOCK: usize = 16;

/// How many bytes from the start stand for themselves in a JSON string.
pub(super) fn length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        match first_special(block) {
            Some(place) => return at + place,
            None => at += BLOCK,
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..0x20)
}

/// The first byte of a block that does not stand for itself.
fn first_special(block: &[u8; BLOCK]) -> Option<usize> {
    let bytes = u8x16::new(*block);
    let quotes = bytes.simd_eq(u8x16::splat(b'"'));
    let escapes = bytes.simd_eq(u8x16::splat(b'\\'));
    // The smaller of a byte and 0x1f is the byte itself where it is a control character.
    let controls = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let found = (quotes | escapes | controls).to_bitmask();
    (found != 0).then(|| found.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_wherever_it_stands() {
        let special = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        for byte in 0..=u8::MAX {
            for at in 0..70 {
                let mut text = vec![b'x'; 70];
                text[at] = byte;
                let expected = if special(byte) { at } else { 70 };
                assert_eq!(length(&text), expected, "{byte:#x} at {at}");
                text.truncate(at + 1);
                assert_eq!(length(&text), expected.min(at + 1), "{byte:#x} last at {at}");
            }
        }
    }
}
