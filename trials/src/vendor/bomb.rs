//! An answer that is small on the wire and does not fit into memory.

/// What it unpacks to, in bytes.
const UNPACKED: usize = 1 << 30;

/// The longest repetition that the format has.
const REPEATED: usize = 258;

/// A good answer, packed: a gibibyte of spaces in seven megabytes.
pub(super) fn answer() -> Vec<u8> {
    let body = packed();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// One block of fixed codes (RFC 1951, 3.2.6) in the frame of RFC 1952: a space, and "the same 258 times more" again and
/// again. Whoever unpacks it to the end finds a wrong sum; nobody should.
fn packed() -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], held: 0, count: 0 };
    bits.push(0b011, 3);
    bits.push_code(0x30 + u32::from(b' '), 8);
    for _ in 0..UNPACKED / REPEATED {
        // Length 258, distance 1.
        bits.push_code(0b1100_0101, 8);
        bits.push_code(0, 5);
    }
    bits.push_code(0, 7);
    let mut bytes = bits.finish();
    bytes.extend_from_slice(&[0; 8]);
    bytes
}

struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    /// Lowest bit first, as the format packs numbers.
    fn push(&mut self, value: u32, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push((self.held & 0xff) as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Highest bit first, as it packs codes.
    fn push_code(&mut self, code: u32, count: u32) {
        self.push(code.reverse_bits() >> (32 - count), count);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push((self.held & 0xff) as u8);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gibibyte_is_some_megabytes() {
        let packed = packed();
        assert!(packed.len() < 8 << 20, "{}", packed.len());
        assert_eq!(packed[..3], [0x1f, 0x8b, 8]);
    }
}
