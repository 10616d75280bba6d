//! A row as bytes: how journals hold it. It is written before each answer ends, and read once by whoever books it.
//!
//! One byte says how what follows is written. Then eight bytes say which members are there, a bit for each in the order
//! of [`members`], the lowest first; then come those that are, one behind the other. Numbers are written seven bits at a
//! time, the lowest first; a text has its length before it. A member that is as in an empty row is not there.

use std::borrow::Cow;

use llm_core::money::NanoDollars;
use smallvec::SmallVec;

use super::Ending;
use super::row_ref::{Amounts, ChargeRef, IdRef, RowRef};
use crate::duration::Period;
use crate::hash::KeyHash;
use crate::subject::Scope;
use crate::time::Timestamp;

/// How rows are written now. `{` is taken: earlier journals hold JSON.
const VERSION: u8 = 1;

/// Which members there are.
const BITS: usize = 8;

/// The members that rows had from the beginning, with what each is, in the order in which they are written. What a row
/// is charged to follows them, and then [`later_members`].
macro_rules! members {
    ($with:ident) => {
        $with! {
            text id, option vendor_id, text call_type, text dialect, hash key, option key_alias, option user_id,
            option team_id, option team_alias, option organization_id, option customer, texts tags,
            option session_id, option ip, option user_agent, text model, text model_group, text deployment,
            text upstream_model, text provider, text api_base, small attempts, small fallbacks, amounts usage,
            number prompt_tokens, number completion_tokens, truth estimated, amounts prices, money cost,
            time started, maybe first_content_micros, number took_micros, status status, ending ending,
            option error, truth stream, truth cache_hit, json metadata, maybe_json request, maybe_json response,
        }
    };
}

/// Members that came later. New ones are added at the end: journals that are older do not have their bits.
macro_rules! later_members {
    ($with:ident) => {
        $with! { json trail }
    };
}

impl RowRef<'_> {
    /// Writes the row behind what stands in the buffer.
    pub fn pack(&self, buffer: &mut Vec<u8>) {
        buffer.push(VERSION);
        let place = buffer.len();
        buffer.extend_from_slice(&[0; BITS]);
        let mut packer = Packer { buffer, bits: 0, next: 1 };
        macro_rules! pack {
            ($($kind:ident $name:ident),* $(,)?) => { $(packer.$kind(&self.$name);)* };
        }
        members!(pack);
        packer.charges(self);
        later_members!(pack);
        let bits = packer.bits.to_le_bytes();
        if let Some(there) = buffer.get_mut(place..place + BITS) {
            there.copy_from_slice(&bits);
        }
    }
}

impl<'a> RowRef<'a> {
    /// Reads what [`Self::pack`] wrote. `None`: it is something else.
    pub fn unpack(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (bits, rest) = rest.split_first_chunk::<BITS>()?;
        let mut unpacker = Unpacker { rest, bits: u64::from_le_bytes(*bits), next: 1 };
        macro_rules! unpack {
            ($($kind:ident $name:ident),* $(,)?) => {
                RowRef { $($name: unpacker.$kind()?,)* charges: SmallVec::new(), trail: Cow::default() }
            };
        }

        let mut row: RowRef<'a> = members!(unpack);
        macro_rules! unpack_later {
            ($($kind:ident $name:ident),* $(,)?) => { $(row.$name = unpacker.$kind()?;)* };
        }
        row.charges = unpacker.charges(row.key, row.cost)?;
        later_members!(unpack_later);
        // What a newer program has besides is not for us to lose.
        let is_all = unpacker.rest.is_empty() && unpacker.bits < unpacker.next;
        is_all.then_some(row)
    }
}

struct Packer<'a> {
    buffer: &'a mut Vec<u8>,
    bits: u64,
    /// The bit of the next member.
    next: u64,
}

impl Packer<'_> {
    fn is(&mut self, there: bool) -> bool {
        self.bits |= if there { self.next } else { 0 };
        self.next <<= 1;
        there
    }

    fn put(&mut self, mut number: u64) {
        while number > 0x7F {
            self.buffer.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.buffer.push(number as u8);
    }

    fn put_signed(&mut self, number: i64) {
        self.put((number << 1 ^ number >> 63).cast_unsigned());
    }

    fn put_text(&mut self, text: &str) {
        self.put(text.len() as u64);
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        if self.is(!text.is_empty()) {
            self.put_text(text);
        }
    }

    fn option(&mut self, text: &Option<&str>) {
        self.is(text.is_some());
        if let Some(text) = text {
            self.put_text(text);
        }
    }

    fn json(&mut self, text: &str) {
        self.text(text);
    }

    fn maybe_json(&mut self, text: &Option<Cow<'_, str>>) {
        self.option(&text.as_deref());
    }

    fn hash(&mut self, hash: &Option<KeyHash>) {
        self.is(hash.is_some());
        if let Some(hash) = hash {
            self.buffer.extend_from_slice(&hash.0);
        }
    }

    fn number(&mut self, number: &u64) {
        if self.is(*number != 0) {
            self.put(*number);
        }
    }

    fn small(&mut self, number: &u32) {
        self.number(&u64::from(*number));
    }

    fn status(&mut self, number: &u16) {
        self.number(&u64::from(*number));
    }

    fn maybe(&mut self, number: &Option<u64>) {
        self.is(number.is_some());
        if let Some(number) = number {
            self.put(*number);
        }
    }

    fn money(&mut self, money: &NanoDollars) {
        if self.is(money.0 != 0) {
            self.put_signed(money.0);
        }
    }

    fn time(&mut self, time: &Timestamp) {
        if self.is(time.0 != 0) {
            self.put_signed(time.0);
        }
    }

    fn truth(&mut self, truth: &bool) {
        self.is(*truth);
    }

    fn ending(&mut self, ending: &Ending) {
        let place = Ending::ALL.iter().position(|one| one == ending).unwrap_or_default();
        self.number(&(place as u64));
    }

    fn texts(&mut self, texts: &SmallVec<[&str; 4]>) {
        if self.is(!texts.is_empty()) {
            self.put(texts.len() as u64);
            texts.iter().for_each(|text| self.put_text(text));
        }
    }

    /// How many there are, or none at all before a text of JSON.
    fn amounts(&mut self, amounts: &Amounts<'_>) {
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

    fn charges(&mut self, row: &RowRef<'_>) {
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
        let scope = Scope::ALL.iter().position(|scope| *scope == charge.scope).unwrap_or_default();
        self.buffer.push(flags);
        self.put(scope as u64);
        match charge.id {
            IdRef::Text(id) => self.put_text(id),
            IdRef::Key(hash) if other_key => self.buffer.extend_from_slice(&hash.0),
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

struct Unpacker<'a> {
    rest: &'a [u8],
    bits: u64,
    next: u64,
}

impl<'a> Unpacker<'a> {
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
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn take_hash(&mut self) -> Option<KeyHash> {
        let (hash, rest) = self.rest.split_first_chunk::<32>()?;
        self.rest = rest;
        Some(KeyHash(*hash))
    }

    fn text(&mut self) -> Option<&'a str> {
        if self.is() { self.take_text() } else { Some("") }
    }

    fn option(&mut self) -> Option<Option<&'a str>> {
        if self.is() { self.take_text().map(Some) } else { Some(None) }
    }

    fn json(&mut self) -> Option<Cow<'a, str>> {
        self.text().map(Cow::Borrowed)
    }

    fn maybe_json(&mut self) -> Option<Option<Cow<'a, str>>> {
        self.option().map(|text| text.map(Cow::Borrowed))
    }

    fn hash(&mut self) -> Option<Option<KeyHash>> {
        if self.is() { self.take_hash().map(Some) } else { Some(None) }
    }

    fn number(&mut self) -> Option<u64> {
        if self.is() { self.take() } else { Some(0) }
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn status(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    fn maybe(&mut self) -> Option<Option<u64>> {
        if self.is() { self.take().map(Some) } else { Some(None) }
    }

    fn money(&mut self) -> Option<NanoDollars> {
        if self.is() { self.take_signed().map(NanoDollars) } else { Some(NanoDollars(0)) }
    }

    fn time(&mut self) -> Option<Timestamp> {
        if self.is() { self.take_signed().map(Timestamp) } else { Some(Timestamp(0)) }
    }

    fn truth(&mut self) -> Option<bool> {
        Some(self.is())
    }

    fn ending(&mut self) -> Option<Ending> {
        Ending::ALL.get(usize::try_from(self.number()?).ok()?).copied()
    }

    fn texts(&mut self) -> Option<SmallVec<[&'a str; 4]>> {
        if !self.is() {
            return Some(SmallVec::new());
        }
        (0..self.take()?).map(|_| self.take_text()).collect()
    }

    fn amounts(&mut self) -> Option<Amounts<'a>> {
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

    fn charges(&mut self, key: Option<KeyHash>, cost: NanoDollars) -> Option<SmallVec<[ChargeRef<'a>; 4]>> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::super::LedgerRow;
    use super::*;

    fn packed(row: &LedgerRow) -> Vec<u8> {
        let mut bytes = Vec::new();
        RowRef::from(row).pack(&mut bytes);
        bytes
    }

    /// Every member of a row, with something in it that no empty row has.
    fn full() -> LedgerRow {
        let Value::Object(empty) = json!(LedgerRow::default()) else { panic!("an object") };
        let full = |(name, value): (String, Value)| {
            let value = match (&*name, value) {
                ("key", _) => json!(KeyHash::of(b"sk-1")),
                ("ending", _) => json!("drained"),
                ("usage", _) => json!({"input": 3}),
                ("prices" | "metadata" | "request" | "response", _) => json!({"input": 3.5}),
                ("tags", _) => json!(["a", "b"]),
                ("trail", _) => json!([{"step": "failed"}]),
                ("charges", _) => json!([
                    {"subject": {"scope": "team", "id": "t"}, "model": "m", "period": {"start": 1, "end": null},
                     "amount": 7},
                    {"subject": {"scope": "key", "id": KeyHash::of(b"sk-1")}, "period": {"start": -1, "end": 5},
                     "amount": 11},
                    {"subject": {"scope": "key", "id": KeyHash::of(b"sk-2")}, "period": {"start": 0, "end": null},
                     "amount": -11},
                ]),
                ("first_content_micros", _) | (_, Value::Number(_)) => json!(11),
                (_, Value::Bool(_)) => json!(true),
                (name, _) => json!(format!("{name}!")),
            };
            (name, value)
        };
        let full: Map<String, Value> = empty.into_iter().map(full).collect();
        let row: LedgerRow = serde_json::from_value(Value::Object(full.clone())).expect("a row");
        assert_eq!(json!(row), Value::Object(full));
        row
    }

    #[test]
    fn every_member_is_written_and_read() {
        for row in [full(), LedgerRow::default(), LedgerRow { customer: Some(String::new()), ..full() }] {
            let bytes = packed(&row);
            let read = RowRef::unpack(&bytes).expect("it is a row");
            assert_eq!(read, RowRef::from(&row));
            assert_eq!(read.to_row(), row);
        }
    }

    #[test]
    fn rows_of_journals_that_are_older_are_read() {
        // What a program without trails wrote: the same without its last member.
        let row = LedgerRow { trail: Vec::new(), ..full() };
        let bytes = packed(&row);
        assert_eq!(RowRef::unpack(&bytes).map(|read| read.to_row()), Some(row));
        let trail = packed(&full());
        assert_eq!(
            bytes[BITS + 1..],
            trail[BITS + 1..bytes.len()],
            "the members before it stand where they stood"
        );
    }

    #[test]
    fn an_empty_row_takes_nine_bytes() {
        assert_eq!(packed(&LedgerRow::default()), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn numbers_come_back(cost: i64, started: i64, tokens: u64, first: Option<u64>) {
            let row = LedgerRow {
                cost: NanoDollars(cost),
                started: Timestamp(started),
                prompt_tokens: tokens,
                first_content_micros: first,
                ..LedgerRow::default()
            };
            prop_assert_eq!(RowRef::unpack(&packed(&row)).map(|read| read.to_row()), Some(row));
        }

        #[test]
        fn what_is_no_row_is_told(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            // No panic, whatever it is.
            let _ = RowRef::unpack(&bytes);
            bytes.insert(0, VERSION);
            let _ = RowRef::unpack(&bytes);
        }

        #[test]
        fn what_is_cut_short_is_no_row(length in any::<prop::sample::Index>()) {
            let bytes = packed(&full());
            prop_assert_eq!(RowRef::unpack(&bytes[..length.index(bytes.len())]), None);
        }
    }
}
