//! Words before a number that say what it is.

use super::Seen;

/// How far before a number a word may stand, in bytes: what memchr searches without preparing anything.
const FAR: usize = 63;

/// Words that make a number that of an order, a version or a thing, not of a person.
pub(super) const THINGS: [&str; 26] = [
    "order",
    "invoice",
    "tracking",
    "ticket",
    "version",
    "sku",
    "serial",
    "isbn",
    "imei",
    "part no",
    "part number",
    "model",
    "build",
    "commit",
    "transaction",
    "batch",
    "receipt",
    "timestamp",
    "订单",
    "流水",
    "编号",
    "单号",
    "shipment",
    "trace",
    "request",
    "reference",
];

impl Seen<'_> {
    /// Whether one of the words stands shortly before a place. Short words of ASCII must stand by themselves.
    pub(super) fn says(&self, place: usize, words: &[&str]) -> bool {
        let mut window = [0; FAR];
        let before = self.text.get(place.saturating_sub(FAR)..place).unwrap_or_default();
        let window = window.get_mut(..before.len()).unwrap_or_default();
        // Which bytes there are at all: most words are out at once.
        let mut there = [false; 256];
        for (slot, byte) in window.iter_mut().zip(before) {
            *slot = byte.to_ascii_lowercase();
            there[usize::from(*slot)] = true;
        }
        let may_stand = |word: &[u8]| {
            let has = |byte: Option<&u8>| byte.is_some_and(|byte| there[usize::from(*byte)]);
            has(word.first()) && has(word.last()) && has(word.get(word.len() / 2))
        };
        words.iter().map(|word| word.as_bytes()).any(|word| may_stand(word) && stands_in(window, word))
    }
}

fn stands_in(window: &[u8], word: &[u8]) -> bool {
    let alone = word.len() <= 5 && word.is_ascii();
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(window.get(from..).unwrap_or_default(), word) {
        let at = from + at;
        let left = at.checked_sub(1).and_then(|at| window.get(at));
        if !alone || (!letter(left) && !letter(window.get(at + word.len()))) {
            return true;
        }
        from = at + 1;
    }
    false
}
