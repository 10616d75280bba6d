//! Bytes of a JSON text that end a plain run of a string: quotes, escapes, and control characters that must not be there.

use wide::u8x16;

/// Bytes that one step looks at first: nearly every key ends within. Longer strings go on in steps of four of these.
const BLOCK: usize = 16;

/// What a text is made of, found in one pass that costs a quarter of an instruction a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::envelope) struct Survey {
    /// Nothing but ASCII, which needs no check of its encoding.
    pub(in crate::envelope) ascii: bool,
    /// There are control characters, as line breaks between members are: strings must be searched for them.
    pub(in crate::envelope) controls: bool,
}

impl Survey {
    /// Looks at every byte of a text once.
    pub(in crate::envelope) fn of(text: &[u8]) -> Self {
        let (mut any, mut least) = (u8x16::splat(0), u8x16::splat(u8::MAX));
        let mut add = |block: &[u8; BLOCK]| {
            let block = u8x16::new(*block);
            any |= block;
            least = least.min(block);
        };
        let (large, rest) = text.as_chunks::<{ 4 * BLOCK }>();
        for four in large {
            four.as_chunks::<BLOCK>().0.iter().for_each(&mut add);
        }
        let (blocks, rest) = rest.as_chunks::<BLOCK>();
        blocks.iter().for_each(&mut add);
        match text.last_chunk::<BLOCK>() {
            // Some bytes a second time, which changes nothing.
            Some(last) => add(last),
            None => {
                let mut last = [b' '; BLOCK];
                last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
                add(&last);
            }
        }
        // Only bytes outside of ASCII have their highest bit set.
        Self { ascii: any.to_bitmask() == 0, controls: controls(least).to_bitmask() != 0 }
    }
}

/// Control characters: the smaller of a byte and 0x1f is the byte itself.
fn controls(bytes: u8x16) -> u8x16 {
    bytes.min(u8x16::splat(0x1f)).simd_eq(bytes)
}

/// Which of the next bytes do not stand for themselves in a JSON string, the first one in the lowest bit, and how many
/// bytes were looked at: none only at the end. `CONTROLS`: the text may have control characters.
#[inline]
pub(super) fn specials<const CONTROLS: bool>(text: &[u8], short: bool) -> (u64, usize) {
    // Written out, as a loop would not be unrolled.
    if !short
        && let Some(four) = text.first_chunk::<{ 4 * BLOCK }>()
        && let [one, two, three, four] = four.as_chunks::<BLOCK>().0
    {
        let low = specials_in::<CONTROLS>(one) | specials_in::<CONTROLS>(two) << BLOCK;
        let high = specials_in::<CONTROLS>(three) | specials_in::<CONTROLS>(four) << BLOCK;
        return (low | high << (2 * BLOCK), 4 * BLOCK);
    }
    match text.first_chunk::<BLOCK>() {
        Some(block) => (specials_in::<CONTROLS>(block), BLOCK),
        None => {
            let mut last = [b' '; BLOCK];
            last.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
            (specials_in::<CONTROLS>(&last), text.len())
        }
    }
}

#[inline]
fn specials_in<const CONTROLS: bool>(block: &[u8; BLOCK]) -> u64 {
    let bytes = u8x16::new(*block);
    let mut found = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'));
    if CONTROLS {
        found |= controls(bytes);
    }
    u64::from(found.to_bitmask())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_wherever_it_stands() {
        let special = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        for byte in 0..=u8::MAX {
            for at in 0..70 {
                let mut text = [b'x'; 70];
                text[at] = byte;
                for (text, short) in [(&text[..], false), (&text[..], true), (&text[..=at], false)] {
                    let (found, width) = specials::<true>(text, short);
                    let expected = if special(byte) && at < width { 1 << at } else { 0 };
                    assert_eq!(found, expected, "{byte:#x} at {at}");
                    if byte >= 0x20 {
                        assert_eq!(specials::<false>(text, short), (found, width));
                    }
                }
            }
        }
        assert_eq!(specials::<true>(b"", false), (0, 0));
    }

    #[test]
    fn one_byte_anywhere_is_surveyed() {
        for size in 0..150 {
            let plain = vec![b'x'; size];
            assert_eq!(Survey::of(&plain), Survey { ascii: true, controls: false });
            for at in 0..size {
                for byte in [0, b'\n', 0x1f, b' ', 0x7f, 0x80, 0xff] {
                    let mut text = plain.clone();
                    text[at] = byte;
                    let expected = Survey { ascii: byte < 0x80, controls: byte < b' ' };
                    assert_eq!(Survey::of(&text), expected, "{byte:#x} at {at} of {size}");
                }
            }
        }
    }
}
