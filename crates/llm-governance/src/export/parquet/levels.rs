//! Bits of a column: which rows have a value, and flags.

use super::thrift::varint;

/// Bits in a row, eight in a byte, the lowest first.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    length: usize,
    set: usize,
}

impl Bits {
    pub(super) fn push(&mut self, bit: bool) {
        if self.length.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.length % 8);
        }
        self.length += 1;
        self.set += usize::from(bit);
    }

    /// Flags as they are written plainly.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many are not set.
    pub(super) fn unset(&self) -> usize {
        self.length - self.set
    }

    /// Definition levels of a column that is not nested, as runs: one that repeats where all are the same, or all bits as
    /// they are. Their length in bytes comes before them.
    pub(super) fn levels(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; 4]);
        if self.set == 0 || self.unset() == 0 {
            varint((self.length as u64) << 1, out);
            out.push(u8::from(self.set > 0));
        } else {
            // In groups of eight; the head of a page says how many there are in truth.
            varint((self.bytes.len() as u64) << 1 | 1, out);
            out.extend(&self.bytes);
        }
        let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn levels(bits: &[bool]) -> Vec<u8> {
        let mut all = Bits::default();
        bits.iter().for_each(|bit| all.push(*bit));
        let mut out = Vec::new();
        all.levels(&mut out);
        out
    }

    /// Reads runs as Encodings.md of Parquet says, for levels of one bit.
    fn read(mut bytes: &[u8], count: usize) -> Vec<bool> {
        let mut next = || {
            let (first, rest) = bytes.split_first().expect("a byte");
            bytes = rest;
            *first
        };
        let length = u32::from_le_bytes([next(), next(), next(), next()]);
        let (mut head, mut shift, mut of_head) = (0, 0, 0);
        loop {
            let byte = next();
            head |= usize::from(byte & 0x7f) << shift;
            (shift, of_head) = (shift + 7, of_head + 1);
            if byte < 0x80 {
                break;
            }
        }
        let mut bits = Vec::new();
        if head & 1 == 0 {
            bits.resize(head >> 1, next() == 1);
            assert_eq!((length, bits.len()), (of_head + 1, count));
        } else {
            for _ in 0..head >> 1 {
                let byte = next();
                bits.extend((0..8).map(|place| byte >> place & 1 == 1));
            }
            assert!(bits.len() - count < 8);
            bits.truncate(count);
        }
        assert!(bytes.is_empty());
        bits
    }

    #[test]
    fn bits_that_are_the_same_are_one_run() {
        assert_eq!(levels(&[true; 3]), b"\x02\0\0\0\x06\x01");
        assert_eq!(levels(&[false; 64]), b"\x03\0\0\0\x80\x01\x00");
        assert_eq!(levels(&[true, false, true]), b"\x02\0\0\0\x03\x05");
    }

    proptest! {
        #[test]
        fn levels_are_read_as_they_were(bits in prop::collection::vec(any::<bool>(), 1..2_000)) {
            prop_assert_eq!(read(&levels(&bits), bits.len()), bits);
        }
    }
}
