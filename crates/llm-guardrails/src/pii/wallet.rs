//! Wallets: Bitcoin and its kin by their checksums, Ethereum by its form.

use super::entities::Entity;
use super::{Found, Seen};
use crate::bytes::{Class, before};

/// A wallet that is this word.
pub(super) fn find(seen: &Seen<'_>, start: usize, end: usize) -> Found {
    let word = seen.text.get(start..end)?;
    if matches!(before(seen.text, start), b'/' | b'+' | b'=') && word.len() < 40 && !word.starts_with(b"bc1")
    {
        return None;
    }
    let good = match word {
        [b'0', b'x', digits @ ..] => digits.len() == 40 && digits.iter().all(|byte| Class::HEX.has(*byte)),
        [b'b', b'c', b'1', ..] | [b'l', b't', b'c', b'1', ..] | [b't', b'b', b'1', ..] => is_bech32(word),
        [b'1' | b'3' | b'L' | b'M' | b'D' | b'T' | b'X', ..] if (26..=35).contains(&word.len()) => {
            is_base58(word)
        }
        _ => false,
    };
    good.then_some((Entity::Crypto, start, end))
}

/// BIP 173 and 350.
fn is_bech32(word: &[u8]) -> bool {
    const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(one) = memchr::memchr(b'1', word) else { return false };
    let (human, data) = word.split_at(one);
    let step = |sum: u32, value: u32| {
        let mixed = ((sum & 0x1ff_ffff) << 5) ^ value;
        (0..5)
            .filter(|bit| (sum >> 25 >> bit) & 1 == 1)
            .fold(mixed, |mixed, bit| mixed ^ GENERATOR[bit as usize])
    };
    let head = human
        .iter()
        .map(|byte| u32::from(byte >> 5))
        .chain([0])
        .chain(human.iter().map(|byte| u32::from(byte & 31)));
    let mut sum = head.fold(1, step);
    for byte in data.iter().skip(1) {
        let Some(value) = memchr::memchr(*byte, LETTERS) else { return false };
        sum = step(sum, value as u32);
    }
    data.len() > 30 && (sum == 1 || sum == 0x2bc8_30a3)
}

/// Base58Check: 21 bytes and four of the hash of its hash.
fn is_base58(word: &[u8]) -> bool {
    const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0u8; 25];
    for letter in word {
        let Some(value) = memchr::memchr(*letter, LETTERS) else { return false };
        let mut carry = value as u32;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let (payload, check) = bytes.split_at(21);
    crate::sha256::digest(&crate::sha256::digest(payload)).starts_with(check)
}
