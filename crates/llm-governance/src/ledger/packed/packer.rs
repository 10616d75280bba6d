//! Writes the members of a row.

use std::borrow::Cow;

use llm_core::money::NanoDollars;
use smallvec::SmallVec;

use super::super::Ending;
use super::super::row_ref::{Amounts, ChargeRef, IdRef, RowRef};
use super::{BITS, LENGTH, VERSION};
use crate::hash::KeyHash;
use crate::time::Timestamp;

/// Numbers of rows as they usually are; those of others go into memory of their own.
const NUMBERS: usize = 256;

/// As many bytes as most rows take.
const ROOM: usize = 1_024;

/// What is written: texts go into the buffer, and numbers behind them at the end.
pub(super) struct Packer<'a> {
    buffer: &'a mut Vec<u8>,
    /// Where the row begins.
    place: usize,
    numbers: SmallVec<[u8; NUMBERS]>,
    bits: u64,
    /// The bit of the next member.
    next: u64,
}

impl<'a> Packer<'a> {
    pub(super) fn new(buffer: &'a mut Vec<u8>) -> Self {
        let place = buffer.len();
        buffer.reserve(ROOM);
        buffer.push(VERSION);
        buffer.extend_from_slice(&[0; BITS + LENGTH]);
        Self { buffer, place, numbers: SmallVec::new(), bits: 0, next: 1 }
    }

    pub(super) fn finish(self) {
        let Self { buffer, place, numbers, bits, .. } = self;
        buffer.extend_from_slice(&numbers);
        if let Some(head) = buffer.get_mut(place + 1..place + 1 + BITS + LENGTH) {
            let (there, length) = head.split_at_mut(BITS);
            there.copy_from_slice(&bits.to_le_bytes());
            // A row has fewer numbers than it may have bytes, which are 64 MiB.
            length.copy_from_slice(&u32::try_from(numbers.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
    }

    fn is(&mut self, there: bool) -> bool {
        self.bits |= if there { self.next } else { 0 };
        self.next <<= 1;
        there
    }

    fn put(&mut self, mut number: u64) {
        while number > 0x7F {
            self.numbers.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.numbers.push(number as u8);
    }

    fn put_signed(&mut self, number: i64) {
        self.put((number << 1 ^ number >> 63).cast_unsigned());
    }

    fn put_text(&mut self, text: &str) {
        self.put(text.len() as u64);
        self.buffer.extend_from_slice(text.as_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.is(!text.is_empty()) {
            self.put_text(text);
        }
    }

    pub(super) fn option(&mut self, text: &Option<&str>) {
        self.is(text.is_some());
        if let Some(text) = text {
            self.put_text(text);
        }
    }

    pub(super) fn json(&mut self, text: &str) {
        self.text(text);
    }

    pub(super) fn maybe_json(&mut self, text: &Option<Cow<'_, str>>) {
        self.option(&text.as_deref());
    }

    pub(super) fn hash(&mut self, hash: &Option<KeyHash>) {
        self.is(hash.is_some());
        if let Some(hash) = hash {
            self.numbers.extend_from_slice(&hash.0);
        }
    }

    pub(super) fn number(&mut self, number: &u64) {
        if self.is(*number != 0) {
            self.put(*number);
        }
    }

    pub(super) fn small(&mut self, number: &u32) {
        self.number(&u64::from(*number));
    }

    pub(super) fn status(&mut self, number: &u16) {
        self.number(&u64::from(*number));
    }

    pub(super) fn maybe(&mut self, number: &Option<u64>) {
        self.is(number.is_some());
        if let Some(number) = number {
            self.put(*number);
        }
    }

    pub(super) fn money(&mut self, money: &NanoDollars) {
        if self.is(money.0 != 0) {
            self.put_signed(money.0);
        }
    }

    pub(super) fn time(&mut self, time: &Timestamp) {
        if self.is(time.0 != 0) {
            self.put_signed(time.0);
        }
    }

    pub(super) fn truth(&mut self, truth: &bool) {
        self.is(*truth);
    }

    pub(super) fn ending(&mut self, ending: &Ending) {
        self.number(&(*ending as u64));
    }

    pub(super) fn texts(&mut self, texts: &SmallVec<[&str; 4]>) {
        if self.is(!texts.is_empty()) {
            self.put(texts.len() as u64);
            texts.iter().for_each(|text| self.put_text(text));
        }
    }

    /// How many there are, or none at all before a text of JSON.
    pub(super) fn amounts(&mut self, amounts: &Amounts<'_>) {
        if !self.is(!amounts.is_empty()) {
            return;
        }
        match amounts {
            Amounts::Counts(counts) => {
                self.put(counts.len() as u64);
                for (name, count) in counts {
                    self.put_text(name);
                    self.put(*count);
                }
            }
            Amounts::Json(text) => {
                self.put(0);
                self.put_text(text);
            }
        }
    }

    pub(super) fn charges(&mut self, row: &RowRef<'_>) {
        if self.is(!row.charges.is_empty()) {
            self.put(row.charges.len() as u64);
            row.charges.iter().for_each(|charge| self.charge(charge, row));
        }
    }

    fn charge(&mut self, charge: &ChargeRef<'_>, row: &RowRef<'_>) {
        let own_key = matches!(charge.id, IdRef::Key(hash) if row.key == Some(hash));
        let other_key = !own_key && matches!(charge.id, IdRef::Key(_));
        let is_plain = charge.amount == row.cost;
        let truths = [own_key, other_key, charge.model.is_some(), charge.period.end.is_some(), !is_plain];
        let flags = truths.iter().rev().fold(0, |flags, truth| flags << 1 | u8::from(*truth));
        self.numbers.push(flags);
        self.put(charge.scope as u64);
        match charge.id {
            IdRef::Text(id) => self.put_text(id),
            IdRef::Key(hash) if other_key => self.numbers.extend_from_slice(&hash.0),
            IdRef::Key(_) => {}
        }
        if let Some(model) = charge.model {
            self.put_text(model);
        }
        self.put_signed(charge.period.start.0);
        if let Some(end) = charge.period.end {
            self.put_signed(end.0);
        }
        if !is_plain {
            self.put_signed(charge.amount.0);
        }
    }
}
