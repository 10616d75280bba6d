//! Classes of bytes and what surrounds a place in a text: the small steps that all matchers take.

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(pub(crate) u16);

impl Class {
    pub(crate) const DIGIT: Self = Self(1);
    pub(crate) const LOWER_HEX: Self = Self(1 | 2);
    pub(crate) const HEX: Self = Self(1 | 2 | 4);
    pub(crate) const LOWER: Self = Self(1 | 2 | 8);
    pub(crate) const UPPER: Self = Self(1 | 4 | 16);
    pub(crate) const ALNUM: Self = Self(1 | 2 | 4 | 8 | 16);
    pub(crate) const WORD: Self = Self(Self::ALNUM.0 | 32);
    pub(crate) const TOKEN: Self = Self(Self::WORD.0 | 64);
    pub(crate) const POINTED: Self = Self(Self::TOKEN.0 | 128);
    pub(crate) const TILDED: Self = Self(Self::POINTED.0 | 256);
    pub(crate) const EQUALED: Self = Self(Self::TOKEN.0 | 512);
    pub(crate) const BASE64: Self = Self(Self::TOKEN.0 | 512 | 1024);
    pub(crate) const ENCODED: Self = Self(Self::BASE64.0 | 2048);

    pub(crate) const fn has(self, byte: u8) -> bool {
        BITS[byte as usize] & self.0 != 0
    }

    /// How many bytes of the class stand from a place on, at most so many.
    pub(crate) fn run(self, text: &[u8], from: usize, most: usize) -> usize {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter().take(most).take_while(|byte| self.has(**byte)).count()
    }

    /// How many bytes of the class stand before a place, at most so many.
    pub(crate) fn run_before(self, text: &[u8], to: usize, most: usize) -> usize {
        let before = text.get(..to).unwrap_or_default();
        before.iter().rev().take(most).take_while(|byte| self.has(**byte)).count()
    }
}

const BITS: [u16; 256] = bits();

const fn bits() -> [u16; 256] {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bits[byte] = match byte as u8 {
            b'0'..=b'9' => 1,
            b'a'..=b'f' => 2,
            b'A'..=b'F' => 4,
            b'g'..=b'z' => 8,
            b'G'..=b'Z' => 16,
            b'_' => 32,
            b'-' => 64,
            b'.' => 128,
            b'~' => 256,
            b'=' => 512,
            b'+' | b'/' => 1024,
            b'%' => 2048,
            _ => 0,
        };
        byte += 1;
    }
    bits
}

/// The byte at a place; 0 beyond the text.
pub(crate) fn at(text: &[u8], place: usize) -> u8 {
    text.get(place).copied().unwrap_or(0)
}

/// The byte before a place; 0 before the text.
pub(crate) fn before(text: &[u8], place: usize) -> u8 {
    place.checked_sub(1).map_or(0, |place| at(text, place))
}

/// Whether a word may begin at a place: no letter or digit stands before it, or only that of an escape (`\n`).
pub(crate) fn begins_word(text: &[u8], place: usize) -> bool {
    let last = before(text, place);
    !last.is_ascii_alphanumeric()
        || (matches!(last, b'n' | b'r' | b't') && place >= 2 && at(text, place - 2) == b'\\')
}

/// How many different bytes there are.
pub(crate) fn variety(text: &[u8]) -> usize {
    let mut seen = [0u64; 4];
    for byte in text {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|bits| bits.count_ones() as usize).sum()
}

/// Bits of information in a byte of a text, after how often each byte occurs (Shannon).
pub(crate) fn entropy(text: &[u8]) -> f32 {
    let mut counts = [0u16; 256];
    for byte in text {
        counts[usize::from(*byte)] = counts[usize::from(*byte)].saturating_add(1);
    }
    let all = text.len().max(1) as f32;
    let share = |count: &u16| f32::from(*count) / all;
    // Not the system's logarithm: it would be the only function of a library that every start maps.
    -counts.iter().filter(|count| **count > 0).map(share).map(|share| share * libm::log2f(share)).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_grow() {
        assert!(Class::HEX.has(b'F') && !Class::LOWER_HEX.has(b'F') && !Class::HEX.has(b'g'));
        assert!(Class::BASE64.has(b'/') && !Class::TOKEN.has(b'/'));
        assert_eq!(Class::DIGIT.run(b"a123b", 1, 9), 3);
        assert_eq!(Class::DIGIT.run(b"a123b", 1, 2), 2);
        assert_eq!(Class::DIGIT.run_before(b"a123b", 4, 9), 3);
    }

    #[test]
    fn words_begin_after_escapes_too() {
        assert!(begins_word(br"\nabc", 2));
        assert!(!begins_word(b"nabc", 1));
        assert!(begins_word(b"abc", 0));
    }

    #[test]
    fn entropy_tells_random_from_repeated() {
        assert!(entropy(b"aaaaaaaa") < 0.1);
        assert!(entropy(b"abcdefgh") > 2.9);
        assert_eq!(variety(b"abab\xff"), 3);
    }
}
