//! Reads the members of a row.

use std::borrow::Cow;

use llm_core::money::NanoDollars;
use smallvec::SmallVec;

use super::super::Ending;
use super::super::row_ref::{Amounts, ChargeRef, IdRef};
use super::{BITS, LENGTH, MIXED, VERSION};
use crate::duration::Period;
use crate::hash::KeyHash;
use crate::subject::Scope;
use crate::time::Timestamp;

pub(super) struct Unpacker<'a> {
    /// The numbers that were not read yet; where each text follows its length, the texts, too.
    rest: &'a [u8],
    /// The texts that were not read yet, where they stand by themselves.
    texts: Option<&'a str>,
    bits: u64,
    /// The bit of the next member.
    next: u64,
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (bits, rest) = rest.split_first_chunk::<BITS>()?;
        let bits = u64::from_le_bytes(*bits);
        if *version == MIXED {
            return Some(Self { rest, texts: None, bits, next: 1 });
        }
        let (length, rest) = rest.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (texts, numbers) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
        let texts = std::str::from_utf8(texts).ok().filter(|_| *version == VERSION)?;
        Some(Self { rest: numbers, texts: Some(texts), bits, next: 1 })
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty() && self.texts.is_none_or(str::is_empty) && self.bits < self.next
    }

    fn is(&mut self) -> bool {
        let there = self.bits & self.next != 0;
        self.next <<= 1;
        there
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn take(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn take_signed(&mut self) -> Option<i64> {
        let number = self.take()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn take_text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.take()?).ok()?;
        if let Some(texts) = self.texts {
            let (text, rest) = texts.split_at_checked(length)?;
            self.texts = Some(rest);
            return Some(text);
        }
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn take_hash(&mut self) -> Option<KeyHash> {
        let (hash, rest) = self.rest.split_first_chunk::<32>()?;
        self.rest = rest;
        Some(KeyHash(*hash))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        if self.is() { self.take_text() } else { Some("") }
    }

    pub(super) fn option(&mut self) -> Option<Option<&'a str>> {
        if self.is() { self.take_text().map(Some) } else { Some(None) }
    }

    pub(super) fn json(&mut self) -> Option<Cow<'a, str>> {
        self.text().map(Cow::Borrowed)
    }

    pub(super) fn maybe_json(&mut self) -> Option<Option<Cow<'a, str>>> {
        self.option().map(|text| text.map(Cow::Borrowed))
    }

    pub(super) fn hash(&mut self) -> Option<Option<KeyHash>> {
        if self.is() { self.take_hash().map(Some) } else { Some(None) }
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        if self.is() { self.take() } else { Some(0) }
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn status(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    pub(super) fn maybe(&mut self) -> Option<Option<u64>> {
        if self.is() { self.take().map(Some) } else { Some(None) }
    }

    pub(super) fn money(&mut self) -> Option<NanoDollars> {
        if self.is() { self.take_signed().map(NanoDollars) } else { Some(NanoDollars(0)) }
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        if self.is() { self.take_signed().map(Timestamp) } else { Some(Timestamp(0)) }
    }

    pub(super) fn truth(&mut self) -> Option<bool> {
        Some(self.is())
    }

    pub(super) fn ending(&mut self) -> Option<Ending> {
        Ending::ALL.get(usize::try_from(self.number()?).ok()?).copied()
    }

    pub(super) fn texts(&mut self) -> Option<SmallVec<[&'a str; 4]>> {
        if !self.is() {
            return Some(SmallVec::new());
        }
        (0..self.take()?).map(|_| self.take_text()).collect()
    }

    pub(super) fn amounts(&mut self) -> Option<Amounts<'a>> {
        if !self.is() {
            return Some(Amounts::default());
        }
        match self.take()? {
            0 => self.take_text().map(|text| Amounts::Json(Cow::Borrowed(text))),
            count => {
                let counts = (0..count).map(|_| Some((self.take_text()?, self.take()?)));
                counts.collect::<Option<_>>().map(Amounts::Counts)
            }
        }
    }

    pub(super) fn charges(
        &mut self,
        key: Option<KeyHash>,
        cost: NanoDollars,
    ) -> Option<SmallVec<[ChargeRef<'a>; 4]>> {
        if !self.is() {
            return Some(SmallVec::new());
        }
        (0..self.take()?).map(|_| self.charge(key, cost)).collect()
    }

    fn charge(&mut self, key: Option<KeyHash>, cost: NanoDollars) -> Option<ChargeRef<'a>> {
        let flags = self.byte()?;
        let is = |bit: u8| flags & 1 << bit != 0;
        let scope = *Scope::ALL.get(usize::try_from(self.take()?).ok()?)?;
        let id = match (is(0), is(1)) {
            (true, _) => IdRef::Key(key?),
            (_, true) => IdRef::Key(self.take_hash()?),
            _ => IdRef::Text(self.take_text()?),
        };
        let model = if is(2) { Some(self.take_text()?) } else { None };
        let start = Timestamp(self.take_signed()?);
        let end = if is(3) { Some(Timestamp(self.take_signed()?)) } else { None };
        let amount = if is(4) { NanoDollars(self.take_signed()?) } else { cost };
        Some(ChargeRef { scope, id, model, period: Period { start, end }, amount })
    }
}
