//! Words before a number that say what it is.

use super::Seen;
use crate::bytes::lower_before;

/// How far before a number a word may stand, in bytes.
const FAR: usize = 64;

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
        let window = lower_before(self.text, place, FAR);
        words.iter().any(|word| stands_in(&window, word.as_bytes()))
    }
}

fn stands_in(window: &[u8], word: &[u8]) -> bool {
    let alone = word.len() <= 5 && word.is_ascii();
    memchr::memmem::find_iter(window, word).any(|at| {
        let left = at.checked_sub(1).and_then(|at| window.get(at));
        let right = window.get(at + word.len());
        let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
        !alone || (!letter(left) && !letter(right))
    })
}
