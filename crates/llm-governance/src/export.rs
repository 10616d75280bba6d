//! Rows as files: JSON lines, CSV or Parquet, a piece at a time.

mod columns;
mod lines;
mod parquet;

use std::sync::Arc;

pub use self::lines::LineFormat;
pub use self::parquet::ParquetFile;
use crate::ledger::LedgerRow;
use crate::reports::{Reports, RowQuery};
use crate::store::StoreError;

/// How many rows are read at a time.
const AT_ONCE: u64 = 500;

/// What an export is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// A row of the ledger as JSON on each line, whole.
    #[default]
    JsonLines,
    /// A head and a line for each row, a cell for each member.
    Csv,
    /// The same table with types, by columns.
    Parquet,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::JsonLines, Self::Csv, Self::Parquet];

    /// What the names of files end with, and what people call it.
    pub fn ending(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.ending() == name)
    }

    /// Its content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// What its rows are appended to a file as. A Parquet file ends with what is known when it has all of its rows: until
    /// then they are JSON lines.
    pub fn lines(self) -> LineFormat {
        match self {
            Self::Csv => LineFormat::Csv,
            Self::JsonLines | Self::Parquet => LineFormat::Json,
        }
    }
}

/// Rows on their way into a file, in the order of the query.
pub struct Export {
    reports: Arc<dyn Reports>,
    query: RowQuery,
    file: File,
    /// What the first piece begins with.
    head: Vec<u8>,
    ended: bool,
}

/// A file in the making.
enum File {
    Lines(LineFormat),
    Parquet(ParquetFile),
}

impl Export {
    /// The rows that match. The query's limit is not one: all of them.
    pub fn new(reports: Arc<dyn Reports>, query: RowQuery, format: ExportFormat) -> Self {
        let query = RowQuery { limit: AT_ONCE, ..query };
        let (mut head, lines) = (Vec::new(), format.lines());
        let file = if format == ExportFormat::Parquet {
            File::Parquet(ParquetFile::begin(&mut head))
        } else {
            head.extend(lines.head().into_bytes());
            File::Lines(lines)
        };
        Self { reports, query, file, head, ended: false }
    }

    /// The next piece of the file; `None` at its end.
    ///
    /// # Errors
    /// When the ledger cannot be read. Lines that were given out until then are whole; a Parquet file without its end
    /// is none, and readers say so.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut piece = Vec::new();
        // Rows of a Parquet file wait until there are enough of them.
        while piece.is_empty() && !self.ended {
            let page = self.reports.rows(&self.query).await?;
            piece = std::mem::take(&mut self.head);
            self.ended = page.next.is_none();
            self.query.offset = 0;
            self.query.after = page.next;
            self.file.add(&page.rows, self.ended, &mut piece)?;
        }
        Ok((!piece.is_empty()).then_some(piece))
    }
}

impl File {
    fn add(&mut self, rows: &[LedgerRow], ended: bool, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Lines(format) => rows.iter().try_for_each(|row| format.line(row, out)),
            Self::Parquet(file) => {
                rows.iter().try_for_each(|row| file.add(row, out))?;
                if ended {
                    file.end(out);
                }
                Ok(())
            }
        }
    }
}

/// A row as JSON: its members are what columns are made of.
fn members(row: &LedgerRow) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(row).map_err(unwritable)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Failed(format!("a row of the ledger cannot be written as JSON: {error}"))
}
