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
        window.iter_mut().zip(before).for_each(|(slot, byte)| *slot = byte.to_ascii_lowercase());
        let pairs = Pairs::of(window);
        words.iter().map(|word| word.as_bytes()).any(|word| pairs.may_have(word) && stands_in(window, word))
    }
}

/// Which pairs of bytes follow on each other in a text, or others that look like them: most words are out at once.
struct Pairs([u64; Self::WORDS]);

impl Pairs {
    const WORDS: usize = 64;

    fn of(text: &[u8]) -> Self {
        let mut pairs = Self([0; Self::WORDS]);
        for pair in text.windows(2) {
            let (word, bit) = Self::place(pair);
            pairs.0[word] |= bit;
        }
        pairs
    }

    fn place(pair: &[u8]) -> (usize, u64) {
        let byte = |place: usize| pair.get(place).copied().map_or(0, usize::from);
        let hash = (byte(0) << 5) ^ byte(1);
        ((hash >> 6) % Self::WORDS, 1 << (hash & 63))
    }

    fn has(&self, pair: &[u8]) -> bool {
        let (word, bit) = Self::place(pair);
        self.0[word] & bit != 0
    }

    /// Whether a word may stand in the text, by its first, last and middle pair.
    fn may_have(&self, word: &[u8]) -> bool {
        let Some(last) = word.len().checked_sub(2) else { return true };
        [0, last, last / 2]
            .into_iter()
            .all(|from| word.get(from..from + 2).is_some_and(|pair| self.has(pair)))
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
