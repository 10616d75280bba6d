//! Many rows in few statements.

use super::{Database, DatabaseError, Row, Statement, Transaction, Value, Values};

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
    pub(crate) fn text(&self, rows: usize) -> String {
        let Self { table, columns, conflict } = self;
        let mut text = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
        for number in 0..rows * columns.len() {
            let is_first = number % columns.len() == 0;
            text.push_str(match (is_first, number) {
                (true, 0) => "($",
                (true, _) => "), ($",
                (false, _) => ", $",
            });
            text.push_str(&(number + 1).to_string());
        }
        text.push_str(") ");
        text + conflict
    }

    /// How many values a row has.
    pub(crate) fn width(&self) -> usize {
        self.columns.len().max(1)
    }

    fn flat(&self, rows: impl IntoIterator<Item = Vec<Value>>) -> Values {
        let mut values = Values::default();
        for row in rows {
            assert_eq!(row.len(), self.columns.len(), "a row for {} columns", self.columns.len());
            row.iter().for_each(|value| values.push(value));
        }
        values
    }

    /// The statements that insert all rows, each with its values.
    pub(crate) fn statements(&self, values: Values) -> impl Iterator<Item = Statement> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let left = values.len() - from;
            let rows = (left > 0).then(|| self.rows_at_once(left / self.width(), MOST_PARAMETERS))?;
            let places = from..from + rows * self.width();
            from = places.end;
            Some(Statement { text: self.text(rows), values: values.some(places), rows: false })
        })
    }

    /// How many rows go into one statement. One of few numbers, so that statements are prepared only once.
    pub(crate) fn rows_at_once(&self, left: usize, most_parameters: usize) -> usize {
        let most = (most_parameters / self.width()).max(1);
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
        self.insert(batch, batch.flat(rows)).await
    }

    /// As [`Self::insert_many`], of a batch that ends with `RETURNING …`: what it returns.
    ///
    /// # Errors
    /// As [`Self::query`].
    ///
    /// # Panics
    /// When a row has more or fewer values than there are columns.
    pub async fn insert_many_returning(
        &mut self,
        batch: Batch<'_>,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<Vec<Row>, DatabaseError> {
        self.insert_returning(batch, batch.flat(rows)).await
    }

    /// The same of rows whose values stand one behind the other.
    pub(crate) async fn insert_returning(
        &mut self,
        batch: Batch<'_>,
        values: Values,
    ) -> Result<Vec<Row>, DatabaseError> {
        let mut returned = Vec::new();
        for statement in batch.statements(values) {
            returned.extend(self.run(Statement { rows: true, ..statement }).await?.rows);
        }
        Ok(returned)
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
            sizes.push(batch.rows_at_once(left, MOST_PARAMETERS));
            left -= sizes[sizes.len() - 1];
        }
        assert_eq!(sizes, [1024, 1024, 256, 32, 8, 1]);
    }
}
