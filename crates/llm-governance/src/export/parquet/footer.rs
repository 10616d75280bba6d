//! What the end of a Parquet file says: the schema, and where each column of each group of rows lies.

use super::thrift::{INT, STRUCT, TEXT, Thrift};
use crate::export::columns::{COLUMNS, Column, Kind};

/// Who wrote a file, in the form that readers look for.
const WRITER: &str = concat!("llm-server version ", env!("CARGO_PKG_VERSION"));

/// Physical types, by their numbers.
const BOOLEAN: i64 = 0;
const INT32: i64 = 1;
const INT64: i64 = 2;
const BYTE_ARRAY: i64 = 6;

/// Dollars have nine digits behind the point: nano-dollars are exact. Eighteen is what 64 bits hold of them.
const SCALE: i64 = 9;
const PRECISION: i64 = 18;

/// The page of a column.
pub(super) struct Page {
    pub(super) rows: i64,
    pub(super) nulls: i64,
    /// Where it begins in the file.
    pub(super) offset: i64,
    /// How long it is, with its head.
    pub(super) size: i64,
}

/// `ColumnChunk`: a column in a group of rows.
pub(super) fn column(out: &mut Thrift, column: &Column, page: &Page) {
    out.element();
    out.long(2, 0);
    out.open(3);
    out.int(1, physical(column.kind));
    // Plain values, and levels as runs.
    out.list(2, INT, 2);
    out.value(0);
    out.value(3);
    out.list(3, TEXT, 1);
    out.item(column.name);
    out.int(4, 0);
    out.long(5, page.rows);
    out.long(6, page.size);
    out.long(7, page.size);
    out.long(9, page.offset);
    out.open(12);
    out.long(3, page.nulls);
    out.close();
    out.close();
    out.close();
}

/// `FileMetaData`, with what was written of the groups.
pub(super) fn footer(rows: i64, count: usize, groups: &[u8]) -> Vec<u8> {
    let mut out = Thrift::default();
    out.int(1, 1);
    out.list(2, STRUCT, COLUMNS.len() + 1);
    out.element();
    out.text(4, "calls");
    out.int(5, i64::try_from(COLUMNS.len()).unwrap_or(i64::MAX));
    out.close();
    for column in &COLUMNS {
        element(&mut out, column);
    }
    out.long(3, rows);
    out.list(4, STRUCT, count);
    out.items(groups);
    out.text(6, WRITER);
    out.end()
}

/// `SchemaElement`: what a column is, in the words of today (field 10) and in those of older readers (6 to 8).
fn element(out: &mut Thrift, column: &Column) {
    out.element();
    out.int(1, physical(column.kind));
    out.int(3, i64::from(column.optional));
    out.text(4, column.name);
    match column.kind {
        Kind::Text => {
            out.int(6, 0);
            out.open(10);
            out.open(1);
            out.close();
            out.close();
        }
        Kind::Json => {
            out.int(6, 19);
            out.open(10);
            out.open(12);
            out.close();
            out.close();
        }
        Kind::Moment => {
            out.int(6, 10);
            out.open(10);
            out.open(8);
            // In UTC, in microseconds.
            out.yes(1);
            out.open(2);
            out.open(2);
            out.close();
            out.close();
            out.close();
            out.close();
        }
        Kind::Money => {
            out.int(6, 5);
            out.int(7, SCALE);
            out.int(8, PRECISION);
            out.open(10);
            out.open(5);
            out.int(1, SCALE);
            out.int(2, PRECISION);
            out.close();
            out.close();
        }
        Kind::Count | Kind::Small | Kind::Flag => {}
    }
    out.close();
}

fn physical(kind: Kind) -> i64 {
    match kind {
        Kind::Flag => BOOLEAN,
        Kind::Small => INT32,
        Kind::Count | Kind::Moment | Kind::Money => INT64,
        Kind::Text | Kind::Json => BYTE_ARRAY,
    }
}
