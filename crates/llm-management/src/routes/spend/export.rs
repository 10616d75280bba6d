//! Calls as a file: every row that matches, the oldest first.

use llm_governance::{ExportFormat, RowQuery};
use serde_json::Value;

use super::logs::wanted;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::{Reply, Rows};

/// The rows that a query of `/spend/logs/v2` would give, all of them: JSON lines, CSV or Parquet
/// (`format`).
pub(super) async fn export(call: &Call<'_>) -> Answered {
    let query = call.query();
    call.management.reports()?;
    let name = query.text("format").unwrap_or_default();
    let format = if name.is_empty() { Some(ExportFormat::default()) } else { ExportFormat::named(name) };
    let format = format.ok_or_else(|| Refused::query("format", "say `jsonl`, `csv` or `parquet`"))?;
    let query = RowQuery { ascending: true, ..wanted(call, &query).await? };
    Ok(Reply { rows: Some(Rows { query, format }), ..Reply::ok(Value::Null) })
}
