//! The scanner: checks the grammar of a JSON text without building anything of it.

mod plain;

pub(super) use plain::Survey;

use std::fmt;
use std::ops::Range;

use super::{Envelope, Member};

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

/// Members that a list has room for from the start: nearly all bodies have fewer.
const USUAL: usize = 16;

pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Marks of all keys that went by below the top level.
    pub(super) nested: Keys,
    /// The same of the top level.
    pub(super) top: Keys,
    /// Whether two keys of the top level have the same spelling.
    pub(super) repeats: bool,
    /// Whether one has escapes, so that it may be the same as another all the same.
    pub(super) has_escapes: bool,
    /// Elements of the outermost array of the value that was skipped last.
    elements: usize,
    /// Whether strings must be searched for control characters.
    controls: bool,
}

/// A set of keys that may say yes to one that is not in it, never no to one that is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keys(u64);

impl Keys {
    pub(super) fn may_have(self, key: &str) -> bool {
        self.0 & Self::mark(key.as_bytes()) != 0
    }

    /// Adds a key; `true`: it may have been there before.
    fn add(&mut self, key: &[u8]) -> bool {
        let mark = Self::mark(key);
        let known = self.0 & mark != 0;
        self.0 |= mark;
        known
    }

    /// One of 64 bits by length and outer letters: enough to tell the few keys that matter from the usual ones.
    fn mark(key: &[u8]) -> u64 {
        let letter = |at: Option<&u8>| usize::from(at.copied().unwrap_or(0));
        let mix = key.len() * 37 + letter(key.first()) * 11 + letter(key.last()) * 5;
        1 << (mix % 64)
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], controls: bool) -> Self {
        let (nested, top) = (Keys::default(), Keys::default());
        Self { bytes, at: 0, nested, top, repeats: false, has_escapes: false, elements: 0, controls }
    }

    /// The members of the one object that the text is, and where its brace closes.
    pub(super) fn object(&mut self) -> Result<(Vec<Member>, usize), Fault> {
        self.space();
        if self.peek() != Some(b'{') {
            return Err(self.fault("expected a JSON object"));
        }
        self.at += 1;
        let mut members: Vec<Member> = Vec::with_capacity(USUAL);
        self.space();
        if self.peek() != Some(b'}') {
            loop {
                let (key, escapes) = self.key()?;
                let name = &self.bytes[key.clone()];
                self.has_escapes |= escapes;
                if self.top.add(name) {
                    self.repeats |=
                        members.iter().any(|known| self.bytes.get(known.key.clone()) == Some(name));
                }
                let start = self.at;
                self.value()?;
                let value = start..self.at;
                members.push(Member { key, unescaped: None, value, elements: self.elements });
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
        if self.controls { self.rest_of_string::<true>() } else { self.rest_of_string::<false>() }
    }

    fn rest_of_string<const CONTROLS: bool>(&mut self) -> Result<bool, Fault> {
        let (mut escapes, mut short) = (false, true);
        loop {
            let from = self.at;
            let rest = self.bytes.get(from..).unwrap_or_default();
            let (mut found, width) = plain::specials::<CONTROLS>(rest, std::mem::take(&mut short));
            if width == 0 {
                return Err(self.fault("unterminated string"));
            }
            while found != 0 {
                self.at = from + found.trailing_zeros() as usize;
                match self.peek() {
                    Some(b'"') => {
                        self.at += 1;
                        return Ok(escapes);
                    }
                    Some(b'\\') => {
                        self.at += 1;
                        self.escape()?;
                        escapes = true;
                    }
                    _ => return Err(self.fault("control character in a string")),
                }
                // What the escape took is behind us.
                let behind = u32::try_from(self.at - from).unwrap_or(u32::MAX);
                found &= u64::MAX.checked_shl(behind).unwrap_or(0);
            }
            self.at = self.at.max(from + width);
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
        let literal: &[u8] = match self.peek() {
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            _ => return self.number(),
        };
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(literal)) {
            return Err(self.fault("expected a value"));
        }
        self.at += literal.len();
        Ok(())
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

    /// Skips white space; compact texts have none, so the usual case is one comparison.
    #[inline]
    fn space(&mut self) {
        while let Some(byte) = self.peek()
            && byte <= b' '
            && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
        {
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
