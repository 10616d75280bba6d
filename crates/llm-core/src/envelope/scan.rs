//! The scanner: checks the grammar of a JSON text without building anything of it.

use std::fmt;
use std::ops::Range;

use smallvec::SmallVec;

use super::Envelope;

/// Why a text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    what: &'static str,
    at: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}", self.what, self.at)
    }
}

/// A top-level member: where its key (without quotes) and its value stand, and the elements of an array.
pub(super) struct Found {
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) elements: usize,
}

type Members = SmallVec<[Found; 16]>;

pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Marks of all keys that went by below the top level.
    pub(super) nested: Keys,
    /// Elements of the outermost array of the value that was skipped last.
    elements: usize,
}

/// A set of keys that may say yes to one that is not in it, never no to one that is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keys(u64);

impl Keys {
    pub(super) fn may_have(self, key: &str) -> bool {
        self.0 & Self::mark(key.as_bytes()) != 0
    }

    /// One of 64 bits by length and outer letters: enough to tell the few keys that matter from the usual ones.
    fn mark(key: &[u8]) -> u64 {
        let letter = |at: Option<&u8>| usize::from(at.copied().unwrap_or(0));
        let mix = key.len() * 37 + letter(key.first()) * 11 + letter(key.last()) * 5;
        1 << (mix % 64)
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, nested: Keys::default(), elements: 0 }
    }

    /// The members of the one object that the text is, and where its brace closes.
    pub(super) fn object(&mut self) -> Result<(Members, usize), Fault> {
        self.space();
        if self.peek() != Some(b'{') {
            return Err(self.fault("expected a JSON object"));
        }
        self.at += 1;
        let mut members = Members::new();
        self.space();
        if self.peek() != Some(b'}') {
            loop {
                let (key, _) = self.key()?;
                let start = self.at;
                self.value()?;
                members.push(Found { key, value: start..self.at, elements: self.elements });
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.fault("expected `,` or `}`")),
                }
                self.space();
            }
        }
        let close = self.at;
        self.at += 1;
        self.space();
        if self.at < self.bytes.len() {
            return Err(self.fault("expected the end"));
        }
        Ok((members, close))
    }

    /// A key and its colon; the range is without the quotes. Says whether it has escapes.
    fn key(&mut self) -> Result<(Range<usize>, bool), Fault> {
        let start = self.at + 1;
        let escapes = self.string()?;
        let key = start..self.at - 1;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.fault("expected `:`"));
        }
        self.at += 1;
        self.space();
        Ok((key, escapes))
    }

    fn nested_key(&mut self) -> Result<(), Fault> {
        let (key, escapes) = self.key()?;
        // An escaped spelling may be any key.
        self.nested.0 |= if escapes { u64::MAX } else { Keys::mark(&self.bytes[key]) };
        Ok(())
    }

    /// Skips one value. Open arrays and objects are bits of a word, so that no input can exhaust the stack.
    fn value(&mut self) -> Result<(), Fault> {
        let mut open: u128 = 0;
        let mut depth = 0;
        self.elements = 0;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(bracket @ (b'{' | b'[')) => {
                    // The top-level object is one level, and the word holds the rest.
                    if depth + 2 > Envelope::MAX_DEPTH {
                        return Err(self.fault("nested too deep"));
                    }
                    self.at += 1;
                    self.space();
                    let object = bracket == b'{';
                    if self.peek() != Some(if object { b'}' } else { b']' }) {
                        open = (open << 1) | u128::from(object);
                        depth += 1;
                        if object {
                            self.nested_key()?;
                        } else if depth == 1 {
                            self.elements = 1;
                        }
                        continue;
                    }
                    self.at += 1;
                }
                Some(_) => self.scalar()?,
                None => return Err(self.fault("unexpected end")),
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                self.space();
                let object = open & 1 == 1;
                match (self.peek(), object) {
                    (Some(b','), _) => {
                        self.at += 1;
                        self.space();
                        if object {
                            self.nested_key()?;
                        } else if depth == 1 {
                            self.elements += 1;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        open >>= 1;
                        depth -= 1;
                    }
                    (_, true) => return Err(self.fault("expected `,` or `}`")),
                    (_, false) => return Err(self.fault("expected `,` or `]`")),
                }
            }
        }
    }

    /// Skips a string; says whether it has escapes.
    fn string(&mut self) -> Result<bool, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a string"));
        }
        self.at += 1;
        let mut escapes = false;
        loop {
            let rest = &self.bytes[self.at..];
            let plain = plain_length(rest);
            self.at += plain;
            match rest.get(plain) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escapes);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                    escapes = true;
                }
                Some(_) => return Err(self.fault("control character in a string")),
                None => return Err(self.fault("unterminated string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.fault("broken escape sequence"));
                }
                self.at += 5;
            }
            _ => return Err(self.fault("broken escape sequence")),
        }
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), Fault> {
        for literal in ["true", "false", "null"] {
            if self.bytes[self.at..].starts_with(literal.as_bytes()) {
                self.at += literal.len();
                return Ok(());
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.fault("expected a value")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.digits();
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { what, at: self.at }
    }
}

/// How many bytes from the start stand for themselves in a JSON string. Long runs are checked in blocks without a
/// branch in them, so that the compiler can use vectors; where a run ends is found a word at a time, because prompts
/// have a line break every few words.
fn plain_length(text: &[u8]) -> usize {
    const BLOCK: usize = 64;
    const WORD: usize = 8;
    let mut at = 0;
    // Keys and short values end within the first two words.
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<WORD>) {
        match first_special(u64::from_le_bytes(*word)) {
            Some(place) => return at + place,
            None => at += WORD,
        }
        if at == 2 * WORD {
            at += plain_blocks::<BLOCK>(text.get(at..).unwrap_or_default());
        }
    }
    let special = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < 0x20;
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// The bytes of whole blocks from the start that stand for themselves.
fn plain_blocks<const BLOCK: usize>(text: &[u8]) -> usize {
    let is_plain = |block: &&[u8]| {
        let found = block.iter().fold(0, |found, byte| {
            found | u8::from(*byte == b'"') | u8::from(*byte == b'\\') | u8::from(*byte < 0x20)
        });
        found == 0
    };
    text.chunks_exact(BLOCK).take_while(is_plain).count() * BLOCK
}

/// The lowest byte of a word that does not stand for itself. The usual trick of subtracting from each byte and
/// looking at its highest bit may also mark bytes above a true one, never below it.
fn first_special(word: u64) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let is = |byte: u8| {
        let difference = word ^ (ONES * u64::from(byte));
        difference.wrapping_sub(ONES) & !difference
    };
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let found = (is(b'"') | is(b'\\') | control) & HIGH;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}
