//! Seeds changed at random, for where there is no fuzzer: a few minutes of it find what is near to honest input.
//!
//! Everything follows from one number, so that a finding can be repeated.

use crate::sample::Draws;

/// No longer than what the fuzzer is let make.
pub(crate) const LONGEST: usize = 16 << 10;

/// Words of the formats, one in each line that is no comment, quoted as libFuzzer's dictionaries are.
pub fn words() -> Vec<Vec<u8>> {
    let lines = include_str!("../words.dict").lines().filter(|line| line.starts_with('"'));
    lines.map(|line| unquoted(line.trim().trim_matches('"'))).collect()
}

fn unquoted(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, others @ ..] = rest {
        (bytes, rest) = match (first, others) {
            (b'\\', [b'x', high, low, others @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                (bytes, others)
            }
            (b'\\', [escaped, others @ ..]) => {
                bytes.push(*escaped);
                (bytes, others)
            }
            (byte, others) => {
                bytes.push(*byte);
                (bytes, others)
            }
        };
    }
    bytes
}

/// A seed with some changes, pieces of other seeds among them.
///
/// # Panics
/// When there are no seeds or no words.
pub fn mutated(seeds: &[Vec<u8>], words: &[Vec<u8>], draws: &mut Draws) -> Vec<u8> {
    let mut data = draws.one(seeds).clone();
    for _ in 0..=draws.below(6) {
        let at = draws.below(data.len() + 1);
        let end = data.len().min(at + draws.below(24));
        match draws.below(6) {
            0 => drop(data.drain(at..end)),
            1 => data.truncate(at),
            2 => drop(data.splice(at..at, draws.one(words).iter().copied())),
            3 => drop(data.splice(at..end, draws.one(words).iter().copied())),
            4 => {
                let other = draws.one(seeds);
                let from = draws.below(other.len() + 1);
                let to = other.len().min(from + draws.below(200));
                drop(data.splice(at..at, other[from..to].iter().copied()));
            }
            _ => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << draws.below(8);
                }
            }
        }
    }
    data.truncate(LONGEST);
    data
}
