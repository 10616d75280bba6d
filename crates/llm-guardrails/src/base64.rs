//! Base64 of either alphabet, decoded as far as it goes: what stands in texts is often cut or wrapped.

/// The bytes behind base64 of either alphabet; as far as it goes.
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_as_far_as_it_goes() {
        assert_eq!(decode(b"aGVsbG8="), b"hello");
        assert_eq!(decode(b"eyJhbGciOiJub25lIn0"), br#"{"alg":"none"}"#);
        assert_eq!(decode(b"!"), b"");
    }
}
