//! Rows as lines of text: JSON, or CSV.

use serde_json::Value as Json;

use super::columns::COLUMNS;
use super::{members, unwritable};
use crate::ledger::LedgerRow;
use crate::store::StoreError;

/// What a line for a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// The row as JSON, whole.
    Json,
    /// What has a place in a table. Money is in dollars, times are ISO 8601.
    Csv,
}

impl LineFormat {
    /// What a file begins with.
    pub fn head(self) -> String {
        match self {
            Self::Json => String::new(),
            Self::Csv => COLUMNS.map(|column| column.name).join(",") + "\r\n",
        }
    }

    /// Writes the line of a row.
    ///
    /// # Errors
    /// When the row is no JSON.
    pub fn line(self, row: &LedgerRow, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Json => {
                serde_json::to_writer(&mut *out, row).map_err(unwritable)?;
                out.push(b'\n');
            }
            Self::Csv => {
                let json = members(row)?;
                let cells = COLUMNS.iter().map(|column| cell(row, column.name, json.get(column.name)));
                out.extend(cells.collect::<Vec<_>>().join(",").into_bytes());
                out.extend(b"\r\n");
            }
        }
        Ok(())
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
}
