//! LiteLLM's tables, read in one transaction that only reads, whatever columns its version has.

use std::collections::HashMap;

use llm_governance::StoreError;

use super::row::SourceRow;
use crate::database::{Database, DatabaseKind, Row, Transaction};

/// Columns that are not even read: what users log in with.
const SECRET: [&str; 1] = ["password"];

/// The columns of all tables of the schema, by their kinds.
const COLUMNS: &str = "SELECT CAST(table_name AS TEXT) AS of, CAST(column_name AS TEXT) AS name, \
                       CAST(data_type AS TEXT) AS kind FROM information_schema.columns \
                       WHERE table_schema = current_schema() AND table_name LIKE 'LiteLLM%' \
                       ORDER BY table_name, ordinal_position";

/// A view of all tables at one moment.
pub(super) struct Source {
    transaction: Transaction,
    /// By table: each column, and its kind.
    tables: HashMap<String, Vec<(String, String)>>,
}

impl Source {
    /// # Errors
    /// When the database cannot be read, or is none of LiteLLM's.
    pub(super) async fn open(database: &Database) -> Result<Self, StoreError> {
        if database.kind() != DatabaseKind::Postgres {
            return Err(StoreError::Failed("litellm's databases are postgresql's".to_owned()));
        }
        let mut transaction = database.begin().await?;
        transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", &[]).await?;
        // Doubles of servers before PostgreSQL 12 are written with all their digits, too.
        transaction.execute("SET LOCAL extra_float_digits = 1", &[]).await?;
        let mut tables: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for row in transaction.query(COLUMNS, &[]).await? {
            tables.entry(row.get("of")?).or_default().push((row.get("name")?, row.get("kind")?));
        }
        if !tables.contains_key("LiteLLM_VerificationToken") {
            let message = "there is no table \"LiteLLM_VerificationToken\": the database is none of litellm's, or its \
                           tables are in another schema (add `?schema=…` to the address)";
            return Err(StoreError::Missing(message.to_owned()));
        }
        Ok(Self { transaction, tables })
    }

    /// All rows of a table, in the order of their keys; none where there is no such table.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn rows(&mut self, table: &str, order: &str) -> Result<Vec<SourceRow>, StoreError> {
        let Some(columns) = self.tables.get(table) else { return Ok(Vec::new()) };
        let columns: Vec<_> = columns.iter().filter(|(name, _)| !SECRET.contains(&name.as_str())).collect();
        let parts: Vec<String> = columns.iter().map(|(name, kind)| as_text(name, kind)).collect();
        let text = format!("SELECT {} FROM \"{table}\" ORDER BY {order}", parts.join(", "));
        let rows = self.transaction.query(&text, &[]).await?;
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        rows.iter().map(|row| read(row, &names)).collect()
    }
}

/// The expression that is a column as text: times as microseconds, lists as JSON, numbers with all their digits.
fn as_text(name: &str, kind: &str) -> String {
    let name = format!("\"{}\"", name.replace('"', "\"\""));
    let value = match kind {
        // Prisma writes times in UTC, without saying so.
        "timestamp without time zone" | "timestamp with time zone" => {
            format!("CAST(EXTRACT(EPOCH FROM {name}) * 1000000 AS BIGINT)")
        }
        "ARRAY" => format!("to_json({name})"),
        _ => name.clone(),
    };
    format!("CAST({value} AS TEXT) AS {name}")
}

fn read(row: &Row, names: &[&str]) -> Result<SourceRow, StoreError> {
    let mut values = HashMap::new();
    for name in names {
        if let Some(text) = row.get::<Option<String>>(name)? {
            values.insert((*name).to_owned(), text);
        }
    }
    Ok(SourceRow(values))
}
