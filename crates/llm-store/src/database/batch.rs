//! Many rows in few statements.

use super::{Database, DatabaseError, Transaction, Value};

/// How many parameters a statement has at most: SQLite takes 32,766, and nothing becomes quicker beyond a few thousand.
const MOST_PARAMETERS: usize = 4_096;

/// Rows for one table, and what happens to those that are there already.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The table.
    pub table: &'a str,
    /// The columns, in the order of each row's values.
    pub columns: &'a [&'a str],
    /// What follows the values: `ON CONFLICT (id) DO NOTHING`, or nothing.
    pub conflict: &'a str,
}

impl Batch<'_> {
    /// The statement that inserts this many rows.
    fn text(&self, rows: usize) -> String {
        let width = self.columns.len();
        let row = |number: usize| {
            let places: Vec<_> = (1..=width).map(|column| format!("${}", number * width + column)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        let Self { table, columns, conflict } = self;
        format!("INSERT INTO {table} ({}) VALUES {} {conflict}", columns.join(", "), rows.join(", "))
    }

    /// How many rows go into one statement. One of few numbers, so that statements are prepared only once.
    fn rows_at_once(&self, left: usize) -> usize {
        let most = (MOST_PARAMETERS / self.columns.len().max(1)).max(1);
        let most = 1 << most.ilog2();
        if left >= most { most } else { 1 << left.ilog2() }
    }
}

impl Transaction {
    /// Inserts rows, each with a value for every column of the batch. How many rows were made or changed.
    ///
    /// # Errors
    /// As [`Self::query`].
    ///
    /// # Panics
    /// When a row has more or fewer values than there are columns.
    pub async fn insert_many(
        &mut self,
        batch: Batch<'_>,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<u64, DatabaseError> {
        let width = batch.columns.len();
        let mut values: Vec<Value> = Vec::new();
        for row in rows {
            assert_eq!(row.len(), width, "a row for {} columns", width);
            values.extend(row);
        }
        let mut rest = values.as_slice();
        let mut changed = 0;
        while !rest.is_empty() {
            let rows = batch.rows_at_once(rest.len() / width);
            let (now, later) = rest.split_at(rows * width);
            changed += self.execute(&batch.text(rows), now).await?;
            rest = later;
        }
        Ok(changed)
    }
}

impl Database {
    /// Inserts rows in a transaction of their own: all or none.
    ///
    /// # Errors
    /// As [`Self::query`].
    ///
    /// # Panics
    /// When a row has more or fewer values than there are columns.
    pub async fn insert_many(
        &self,
        batch: Batch<'_>,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<u64, DatabaseError> {
        let mut transaction = self.begin().await?;
        let changed = transaction.insert_many(batch, rows).await?;
        transaction.commit().await?;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_through() {
        let batch = Batch { table: "t", columns: &["a", "b"], conflict: "ON CONFLICT DO NOTHING" };
        assert_eq!(batch.text(2), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING");
    }

    #[test]
    fn statements_come_in_few_sizes() {
        let batch = Batch { table: "t", columns: &["a", "b", "c"], conflict: "" };
        let mut left = 2_345;
        let mut sizes = Vec::new();
        while left > 0 {
            sizes.push(batch.rows_at_once(left));
            left -= sizes[sizes.len() - 1];
        }
        assert_eq!(sizes, [1024, 1024, 256, 32, 8, 1]);
    }
}
