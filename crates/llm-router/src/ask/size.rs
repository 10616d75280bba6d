//! Tokens of a prompt by the size of its body: text by its bytes, a picture or a file by the piece.

use memchr::memchr_iter;

/// Bytes to a token of text.
const BYTES: u64 = 4;

/// Tokens that a picture or a file is taken for; vendors charge from 85 to some 1,600 for a picture.
const MEDIUM: u64 = 1_000;

/// Bodies below this hold no picture that would matter.
const SMALL: usize = 16 * 1024;

/// Strings from here on may be a picture.
const LONG: usize = 4 * 1024;

/// As much of a long string is looked at.
const LOOKED_AT: usize = 256;

/// Tokens of a body. Base64 is no text: a picture of a megabyte is not three hundred thousand tokens.
pub fn of_body(body: &[u8]) -> u64 {
    let (mut text, mut media, mut from) = (body.len(), 0, 0);
    if body.len() >= SMALL {
        // An escaped quote cuts a text in two, which changes nothing: only what lies between is looked at.
        for quote in memchr_iter(b'"', body) {
            let string = body.get(from..quote).unwrap_or_default();
            if string.len() >= LONG && is_base64(string) {
                text -= string.len();
                media += MEDIUM;
            }
            from = quote + 1;
        }
    }
    (text as u64).div_ceil(BYTES) + media
}

/// Whether a string is base64 by its beginning, with or without `data:image/png;base64,` before it.
fn is_base64(string: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=:;,.".contains(byte);
    string.get(..LOOKED_AT).is_some_and(|start| start.iter().all(letter))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn text_counts_by_its_bytes_and_a_picture_as_a_piece() {
        let picture = "iVBORw0KGgo/".repeat(100_000);
        let words = "many words and ".repeat(4_000);
        let body = |content: &str| {
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{content}"}}]}}"#)
        };
        let empty = of_body(body("").as_bytes());
        assert!((15_000..=15_001).contains(&(of_body(body(&words).as_bytes()) - empty)));
        assert_eq!(of_body(body(&picture).as_bytes()), empty + MEDIUM);
        let address = format!("data:image/png;base64,{picture}");
        assert_eq!(of_body(body(&address).as_bytes()), empty + MEDIUM);
        let chinese = "你好".repeat(4_000);
        assert_eq!(of_body(body(&chinese).as_bytes()) - empty, 6_000, "no picture");
    }
}
