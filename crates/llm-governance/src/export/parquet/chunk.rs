//! The values of one column in a group of rows, and the page that they become.

use serde_json::Value as Json;

use super::levels::Bits;
use super::thrift::Thrift;
use crate::export::columns::{Column, Kind};

/// Encodings, by their numbers.
const PLAIN: i64 = 0;
const RUNS: i64 = 3;

/// The values of a column that are waiting for their page.
#[derive(Default)]
pub(super) struct Chunk {
    values: Vec<u8>,
    flags: Bits,
    /// Which rows have a value, where not all need have one.
    present: Bits,
}

impl Chunk {
    /// Takes a row's value.
    pub(super) fn add(&mut self, column: &Column, value: Option<&Json>) {
        let value = value.unwrap_or(&Json::Null);
        if column.optional {
            self.present.push(!value.is_null());
            if value.is_null() {
                return;
            }
        }
        match column.kind {
            Kind::Text => self.text(value.as_str().unwrap_or_default()),
            Kind::Json => self.text(&value.to_string()),
            Kind::Flag => self.flags.push(value == &Json::Bool(true)),
            // What does not fit is far beyond what can be: a number of tokens above 2⁶³.
            Kind::Small => {
                let number = i32::try_from(number(value)).unwrap_or(i32::MAX);
                self.values.extend(number.to_le_bytes());
            }
            Kind::Count | Kind::Moment | Kind::Money => self.values.extend(number(value).to_le_bytes()),
        }
    }

    fn text(&mut self, text: &str) {
        self.values.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.values.extend(text.as_bytes());
    }

    /// How much is held, in bytes.
    pub(super) fn size(&self) -> usize {
        self.values.len() + self.flags.bytes().len() + self.present.bytes().len()
    }

    /// How many rows have no value.
    pub(super) fn nulls(&self) -> i64 {
        i64::try_from(self.present.unset()).unwrap_or(i64::MAX)
    }

    /// Writes all values as one page with its head.
    pub(super) fn page(&self, column: &Column, rows: i64, out: &mut Vec<u8>) {
        let mut levels = Vec::new();
        if column.optional {
            self.present.levels(&mut levels);
        }
        let parts = [&*levels, &*self.values, self.flags.bytes()];
        let size = parts.iter().map(|part| part.len()).sum::<usize>();
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let mut head = Thrift::default();
        head.int(1, 0);
        head.int(2, size);
        head.int(3, size);
        head.open(5);
        head.int(1, rows);
        head.int(2, PLAIN);
        head.int(3, RUNS);
        head.int(4, RUNS);
        head.close();
        out.extend(head.end());
        parts.iter().for_each(|part| out.extend(*part));
    }
}

fn number(value: &Json) -> i64 {
    value.as_i64().unwrap_or(if value.is_u64() { i64::MAX } else { 0 })
}
