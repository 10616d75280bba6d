//! Rows as files: JSON lines, or CSV, a piece at a time.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::ledger::LedgerRow;
use crate::reports::{Reports, RowQuery};
use crate::store::StoreError;

/// How many rows are read at a time.
const AT_ONCE: u64 = 500;

/// The columns of a CSV: members of [`LedgerRow`]. Money is in dollars, times are ISO 8601.
const COLUMNS: [&str; 34] = [
    "id",
    "vendor_id",
    "started",
    "took_micros",
    "first_content_micros",
    "call_type",
    "dialect",
    "key",
    "key_alias",
    "user_id",
    "team_id",
    "team_alias",
    "organization_id",
    "customer",
    "tags",
    "session_id",
    "ip",
    "user_agent",
    "model",
    "model_group",
    "deployment",
    "upstream_model",
    "provider",
    "attempts",
    "fallbacks",
    "prompt_tokens",
    "completion_tokens",
    "estimated",
    "cost",
    "status",
    "ending",
    "error",
    "cache_hit",
    "usage",
];

/// What an export is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// A row of the ledger as JSON on each line, whole.
    #[default]
    JsonLines,
    /// A head and a line for each row: what has a place in a table.
    Csv,
}

impl ExportFormat {
    /// What the names of files end with, and what people call it.
    pub fn ending(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::JsonLines, Self::Csv].into_iter().find(|format| format.ending() == name)
    }

    /// Its content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// What a file begins with.
    pub fn head(self) -> String {
        match self {
            Self::JsonLines => String::new(),
            Self::Csv => COLUMNS.join(",") + "\r\n",
        }
    }

    /// Writes the line of a row.
    ///
    /// # Errors
    /// When the row is no JSON.
    pub fn line(self, row: &LedgerRow, out: &mut String) -> Result<(), StoreError> {
        let wrong = |_| StoreError::Failed("a row of the ledger cannot be written as JSON".to_owned());
        match self {
            Self::JsonLines => {
                out.push_str(&serde_json::to_string(row).map_err(wrong)?);
                out.push('\n');
            }
            Self::Csv => {
                let json = serde_json::to_value(row).map_err(wrong)?;
                let cells: Vec<String> = COLUMNS.iter().map(|name| cell(row, name, json.get(name))).collect();
                out.push_str(&cells.join(","));
                out.push_str("\r\n");
            }
        }
        Ok(())
    }
}

/// Rows on their way into a file, in the order of the query.
pub struct Export {
    reports: Arc<dyn Reports>,
    query: RowQuery,
    format: ExportFormat,
    begun: bool,
    ended: bool,
}

impl Export {
    /// The rows that match. The query's limit is not one: all of them.
    pub fn new(reports: Arc<dyn Reports>, query: RowQuery, format: ExportFormat) -> Self {
        let query = RowQuery { limit: AT_ONCE, ..query };
        Self { reports, query, format, begun: false, ended: false }
    }

    /// The next piece of the file; `None` at its end.
    ///
    /// # Errors
    /// When the ledger cannot be read. What was given out until then ends with a whole line.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.reports.rows(&self.query).await?;
        let mut text = String::new();
        if !self.begun {
            text.push_str(&self.format.head());
        }
        for row in &page.rows {
            self.format.line(row, &mut text)?;
        }
        self.begun = true;
        self.ended = page.next.is_none();
        self.query.offset = 0;
        self.query.after = page.next;
        Ok((!text.is_empty()).then(|| text.into_bytes()))
    }
}

fn cell(row: &LedgerRow, name: &str, value: Option<&Json>) -> String {
    let text = match (name, value) {
        ("started", _) => row.started.iso(),
        ("cost", _) => row.cost.to_string(),
        (_, None | Some(Json::Null)) => String::new(),
        (_, Some(Json::String(text))) => text.clone(),
        (_, Some(other)) => other.to_string(),
    };
    quoted(&text)
}

/// As RFC 4180 has it. A text that a spreadsheet would run as a formula gets a quote in front: clients choose some.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '@', '\t', '\r'])
        || (text.starts_with('-') && text.parse::<f64>().is_err());
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (text, cell) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("=1+1", "'=1+1"),
            ("-0.5", "-0.5"),
            ("-a", "'-a"),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(quoted(text), cell);
        }
    }

    #[test]
    fn every_column_is_a_member_of_a_row() {
        let row = serde_json::to_value(LedgerRow::default()).expect("JSON");
        for name in COLUMNS {
            assert!(row.get(name).is_some(), "{name}");
        }
    }
}
