//! A row as bytes: how journals and the ledger's table hold it. It is written before each answer ends, and read by whoever
//! books it, and by lists.
//!
//! One byte says how what follows is written. Then eight bytes say which members are there, a bit for each in the order
//! of [`members`], the lowest first; a member that is as in an empty row is not there. Four bytes (little-endian) say how
//! many of the last bytes are numbers, and between stand all texts as one, so that one look says that they are text. The
//! numbers of the members, and the lengths of their texts, are written seven bits at a time, the lowest first.
//!
//! Journals until November 2026 hold rows in which each text follows its length.

mod packer;
mod unpacker;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::row_ref::RowRef;
use packer::Packer;
use unpacker::Unpacker;

/// How rows are written now. `{` is taken: earlier journals hold JSON.
const VERSION: u8 = 2;

/// How rows were written whose texts each follow their length.
const MIXED: u8 = 1;

/// Which members there are.
const BITS: usize = 8;

/// How many bytes the numbers take.
const LENGTH: usize = 4;

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
        let mut packer = Packer::new(buffer);
        macro_rules! pack {
            ($($kind:ident $name:ident),* $(,)?) => { $(packer.$kind(&self.$name);)* };
        }
        members!(pack);
        packer.charges(self);
        later_members!(pack);
        packer.finish();
    }
}

impl<'a> RowRef<'a> {
    /// Reads what [`Self::pack`] wrote, in this program or an earlier one. `None`: it is something else.
    pub fn unpack(bytes: &'a [u8]) -> Option<Self> {
        // What a newer program has besides is not for us to lose.
        Self::take(bytes).filter(|(_, is_all)| *is_all).map(|(row, _)| row)
    }

    /// The same of a row that stays where it is: what a newer program has besides is passed over.
    pub fn unpack_known(bytes: &'a [u8]) -> Option<Self> {
        Self::take(bytes).map(|(row, _)| row)
    }

    /// The row, and whether that is all there was.
    fn take(bytes: &'a [u8]) -> Option<(Self, bool)> {
        let mut unpacker = Unpacker::new(bytes)?;
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
        let is_all = unpacker.is_done();
        Some((row, is_all))
    }
}

#[cfg(test)]
mod tests {
    use llm_core::money::NanoDollars;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::super::{Ending, LedgerRow};
    use super::*;
    use crate::hash::KeyHash;
    use crate::subject::Scope;
    use crate::time::Timestamp;

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
        assert_eq!(RowRef::unpack(&packed(&row)).map(|read| read.to_row()), Some(row));
        // What programs wrote that put each text behind its length.
        let row = LedgerRow {
            id: "a".to_owned(),
            vendor_id: Some("bc".to_owned()),
            tags: vec!["d".to_owned()],
            started: Timestamp(-1),
            cost: NanoDollars(65),
            ..LedgerRow::default()
        };
        let bits = 1u64 | 1 << 1 | 1 << 11 | 1 << 28 | 1 << 29;
        let members = [&b"\x01a\x02bc\x01\x01d"[..], &[0x82, 0x01, 0x01]].concat();
        let old = [&[MIXED][..], &bits.to_le_bytes(), &members].concat();
        assert_eq!(RowRef::unpack(&old).map(|read| read.to_row()), Some(row));
        assert_eq!(RowRef::unpack(&[&old[..], b"more"].concat()), None);
    }

    #[test]
    fn what_a_newer_program_has_besides_is_told_or_passed_over() {
        let mut bytes = packed(&full());
        bytes[BITS] |= 0x80;
        assert_eq!(RowRef::unpack(&bytes), None);
        assert_eq!(RowRef::unpack_known(&bytes).map(|read| read.to_row()), Some(full()));
    }

    #[test]
    fn what_is_numbered_is_read_by_its_number() {
        assert!(Scope::ALL.iter().enumerate().all(|(number, scope)| *scope as usize == number));
        assert!(Ending::ALL.iter().enumerate().all(|(number, ending)| *ending as usize == number));
    }

    #[test]
    fn an_empty_row_takes_thirteen_bytes() {
        assert_eq!(packed(&LedgerRow::default()), [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
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
            bytes[0] = MIXED;
            let _ = RowRef::unpack(&bytes);
        }

        #[test]
        fn what_is_cut_short_is_no_row(length in any::<prop::sample::Index>()) {
            let bytes = packed(&full());
            prop_assert_eq!(RowRef::unpack(&bytes[..length.index(bytes.len())]), None);
        }
    }
}
