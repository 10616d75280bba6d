//! Rows as a Parquet file: a flat schema, plain values, one page for each column of a group of rows.
//!
//! By <https://github.com/apache/parquet-format>, as little of it as every reader takes. The crate of Arrow would make the
//! program larger than it may be, for what is a few hundred lines here.

mod chunk;
mod footer;
mod levels;
mod thrift;

use self::chunk::Chunk;
use self::thrift::Thrift;
use super::columns::COLUMNS;
use super::members;
use crate::ledger::LedgerRow;
use crate::store::StoreError;

/// What a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";

/// How large the values of a group of rows become, in bytes: so much is in memory, and readers take a group at a time.
const GROUP: usize = 8 << 20;

/// A Parquet file in the making.
pub struct ParquetFile {
    /// The group of rows that is being gathered, by column.
    chunks: Vec<Chunk>,
    rows_in_group: i64,
    /// What the footer says of groups that are written.
    groups: Thrift,
    count: usize,
    rows: i64,
    /// How long the file is so far.
    length: i64,
}

impl ParquetFile {
    /// Begins a file in `out`.
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend(MAGIC);
        Self {
            chunks: COLUMNS.iter().map(|_| Chunk::default()).collect(),
            rows_in_group: 0,
            groups: Thrift::default(),
            count: 0,
            rows: 0,
            length: 4,
        }
    }

    /// Takes a row. When there are enough of them, they come to `out` as a group.
    ///
    /// # Errors
    /// When the row is no JSON.
    pub fn add(&mut self, row: &LedgerRow, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let json = members(row)?;
        let mut size = 0;
        for (column, chunk) in COLUMNS.iter().zip(&mut self.chunks) {
            chunk.add(column, json.get(column.name));
            size += chunk.size();
        }
        self.rows_in_group += 1;
        if size >= GROUP {
            self.end_group(out);
        }
        Ok(())
    }

    /// Ends the file: what is left of it comes to `out`. Nothing may be added after that.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.rows_in_group > 0 {
            self.end_group(out);
        }
        let footer = footer::footer(self.rows, self.count, self.groups.bytes());
        out.extend(&footer);
        out.extend(u32::try_from(footer.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(MAGIC);
    }

    fn end_group(&mut self, out: &mut Vec<u8>) {
        let (start, rows) = (self.length, std::mem::take(&mut self.rows_in_group));
        self.groups.element();
        self.groups.list(1, thrift::STRUCT, COLUMNS.len());
        for (column, chunk) in COLUMNS.iter().zip(&mut self.chunks) {
            let chunk = std::mem::take(chunk);
            let before = out.len();
            chunk.page(column, rows, out);
            let size = i64::try_from(out.len() - before).unwrap_or(i64::MAX);
            let page = footer::Page { rows, nulls: chunk.nulls(), offset: self.length, size };
            footer::column(&mut self.groups, column, &page);
            self.length += size;
        }
        let size = self.length - start;
        self.groups.long(2, size);
        self.groups.long(3, rows);
        self.groups.long(5, start);
        self.groups.long(6, size);
        self.groups.close();
        self.count += 1;
        self.rows += rows;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use llm_core::money::NanoDollars;

    use super::*;
    use crate::time::Timestamp;

    fn written(rows: &[LedgerRow]) -> (Vec<u8>, usize) {
        let mut out = Vec::new();
        let mut file = ParquetFile::begin(&mut out);
        for row in rows {
            file.add(row, &mut out).expect("a row");
        }
        file.end(&mut out);
        (out, file.count)
    }

    /// The footer's place in the file.
    fn footer(file: &[u8]) -> usize {
        let (rest, magic) = file.split_last_chunk::<4>().expect("an end");
        let (rest, length) = rest.split_last_chunk::<4>().expect("a length");
        assert!(magic == MAGIC && file.starts_with(MAGIC));
        rest.len() - usize::try_from(u32::from_le_bytes(*length)).expect("it fits")
    }

    #[test]
    fn a_file_without_rows_is_its_schema() {
        let (file, groups) = written(&[]);
        assert_eq!((footer(&file), groups), (4, 0));
        let has = |name: &str| file.windows(name.len()).any(|part| part == name.as_bytes());
        assert!(COLUMNS.iter().all(|column| has(column.name)));
    }

    #[test]
    fn values_lie_in_a_page_behind_its_head() {
        let row = LedgerRow {
            id: "é".to_owned(),
            started: Timestamp(0x0102_0304),
            cost: NanoDollars(-1),
            ..LedgerRow::default()
        };
        let (file, groups) = written(&[row]);
        assert_eq!(groups, 1);
        // The head: a page of data, its length twice; one value, plain, levels as runs.
        let page = |length: u8, values: &[u8]| {
            let head =
                [0x15, 0, 0x15, 2 * length, 0x15, 2 * length, 0x2c, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0];
            [&head, values].concat()
        };
        let expected = [
            // A length, and a text.
            page(6, b"\x02\0\0\0\xc3\xa9"),
            // No vendor's id: levels with their length, a run of one null; and no value.
            page(6, b"\x02\0\0\0\x02\0"),
            page(8, b"\x04\x03\x02\x01\0\0\0\0"),
        ]
        .concat();
        assert_eq!(file[4..4 + expected.len()], expected);
        assert!(file[..footer(&file)].windows(8).any(|part| part == [255; 8]), "minus one nano-dollar");
    }

    #[test]
    fn rows_come_out_in_groups() {
        let long = LedgerRow { user_agent: Some("x".repeat(GROUP / 4)), ..LedgerRow::default() };
        let mut out = Vec::new();
        let mut file = ParquetFile::begin(&mut out);
        for number in 1..=9 {
            file.add(&long, &mut out).expect("a row");
            assert_eq!(out.len() / GROUP, number / 4, "{number}");
        }
        file.end(&mut out);
        assert_eq!((file.count, file.rows), (3, 9));
        assert_eq!(usize::try_from(file.length).expect("it fits"), footer(&out));
    }
}
