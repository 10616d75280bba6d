//! One connection to a file, and statements on it.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags};

use super::error::explain;
use crate::database::{DatabaseError, Given, Outcome, Row, Statement, Value, Values};

/// How many prepared statements a connection keeps.
const MOST_PREPARED: usize = 128;

/// After how many of its steps SQLite looks whether a statement took too long: every few milliseconds at most.
const STEPS: i32 = 20_000;

/// What holds for every connection. A commit is on the disk when it is told: what waits for it may then be deleted. A new
/// file has pages of eight kilobytes: a row of the ledger is nearly one, and with twice as many rows a page a third less
/// is done to book them. What there is keeps the pages that it has.
const SETTINGS: &str = "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864; \
                        PRAGMA trusted_schema = OFF";

/// How a connection is opened.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// The file; `None`: in memory.
    pub(super) path: Option<PathBuf>,
    pub(super) writes: bool,
    /// How long it waits for another program that writes.
    pub(super) wait: Duration,
    /// How long a statement may run.
    pub(super) statement: Duration,
}

/// One connection.
pub(super) struct Connection {
    inner: rusqlite::Connection,
    deadline: Arc<Mutex<Option<Instant>>>,
    limit: Duration,
}

impl Connection {
    pub(super) fn open(opening: &Opening) -> Result<Self, DatabaseError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = match &opening.path {
            None => rusqlite::Connection::open_in_memory(),
            Some(path) => {
                create(path)?;
                rusqlite::Connection::open_with_flags(path, flags)
            }
        };
        let mut inner = inner.map_err(explain)?;
        inner.busy_timeout(opening.wait).map_err(explain)?;
        // Pages in memory: more of them for the one that writes, because keys are spread all over the tables.
        let (pages, reads) = if opening.writes { (8192, "OFF") } else { (2048, "ON") };
        let sizes = format!("; PRAGMA cache_size = -{pages}; PRAGMA query_only = {reads}");
        inner.execute_batch(&(SETTINGS.to_owned() + &sizes)).map_err(explain)?;
        inner.set_prepared_statement_cache_capacity(MOST_PREPARED);
        let deadline: Arc<Mutex<Option<Instant>>> = Arc::default();
        let watched = Arc::clone(&deadline);
        let is_late = move || watched.lock().is_some_and(|deadline| Instant::now() > deadline);
        inner.progress_handler(STEPS, Some(is_late)).map_err(explain)?;
        Ok(Self { inner, deadline, limit: opening.statement })
    }

    pub(super) fn run(&self, statement: &Statement) -> Result<Outcome, DatabaseError> {
        *self.deadline.lock() = Some(Instant::now() + self.limit);
        let outcome = self.step_through(statement);
        *self.deadline.lock() = None;
        outcome
    }

    /// The same statement for each so many of these values. How many rows were made or changed.
    pub(super) fn run_each(
        &self,
        text: &str,
        width: usize,
        values: &Values,
        places: Range<usize>,
    ) -> Result<u64, DatabaseError> {
        *self.deadline.lock() = Some(Instant::now() + self.limit);
        let outcome = self.step_through_each(text, width, values, places);
        *self.deadline.lock() = None;
        outcome
    }

    fn step_through_each(
        &self,
        text: &str,
        width: usize,
        values: &Values,
        places: Range<usize>,
    ) -> Result<u64, DatabaseError> {
        let before = self.inner.total_changes();
        let mut prepared = self.inner.prepare_cached(&numbered(text)).map_err(explain)?;
        for from in places.clone().step_by(width) {
            for place in 0..width {
                let value = values.get(from + place);
                // What was bound stays so, and most of a row is as in the one that stood here before.
                if from == places.start || value != values.get(from + place - width) {
                    let value = value.ok_or_else(|| missing(place + 1))?;
                    prepared.raw_bind_parameter(place + 1, value).map_err(explain)?;
                }
            }
            prepared.raw_execute().map_err(explain)?;
        }
        Ok(self.inner.total_changes().saturating_sub(before))
    }

    /// Several statements, as long as they take.
    pub(super) fn script(&self, text: &str) -> Result<(), DatabaseError> {
        self.inner.execute_batch(text).map_err(explain)
    }

    /// Ends a transaction that was not committed.
    pub(super) fn roll_back(&self) {
        if !self.inner.is_autocommit() {
            // There is nothing else to be done about it: the connection is asked again with the next statement.
            let _ = self.inner.execute_batch("ROLLBACK");
        }
    }

    fn step_through(&self, statement: &Statement) -> Result<Outcome, DatabaseError> {
        let before = self.inner.total_changes();
        let mut prepared = self.inner.prepare_cached(&numbered(&statement.text)).map_err(explain)?;
        bind(&mut prepared, &statement.values)?;
        let columns: Arc<[String]> = prepared.column_names().map(str::to_owned).collect();
        let mut outcome = Outcome::default();
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(explain)? {
            if statement.rows {
                let values = (0..columns.len())
                    .map(|place| value(row.get_ref(place).map_err(explain)?, &columns[place]))
                    .collect::<Result<_, _>>()?;
                outcome.rows.push(Row::new(Arc::clone(&columns), values));
            }
        }
        outcome.affected = self.inner.total_changes().saturating_sub(before);
        Ok(outcome)
    }
}

/// Makes the file, which only its owner may read: hashes of keys and sealed secrets are in it.
fn create(path: &Path) -> Result<(), DatabaseError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| {
        DatabaseError::unreachable(format!(
            "the database file `{}` cannot be opened: {error}",
            path.display()
        ))
    })
}

/// The text with `?2` in place of `$2`. SQLite takes the latter for a name, and looks through all names for each: with
/// thousands of parameters four fifths of the time went there (perf, 21 November 2026).
fn numbered(text: &str) -> Cow<'_, str> {
    if !text.contains('$') {
        return Cow::Borrowed(text);
    }
    let mut numbered = String::with_capacity(text.len());
    for (number, piece) in text.split('\'').enumerate() {
        if number > 0 {
            numbered.push('\'');
        }
        // Every other piece stands between quotes.
        if number % 2 == 0 { numbered.push_str(&piece.replace('$', "?")) } else { numbered.push_str(piece) }
    }
    Cow::Owned(numbered)
}

fn bind(prepared: &mut CachedStatement<'_>, values: &[Value]) -> Result<(), DatabaseError> {
    for place in 1..=prepared.parameter_count() {
        let value = values.get(place - 1).map(Value::given).ok_or_else(|| missing(place))?;
        prepared.raw_bind_parameter(place, value).map_err(explain)?;
    }
    Ok(())
}

fn missing(place: usize) -> DatabaseError {
    DatabaseError::statement(format!("no value for the parameter `${place}`"))
}

impl ToSql for Given<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value(value: ValueRef<'_>, column: &str) -> Result<Value, DatabaseError> {
    let wrong = |what| DatabaseError::statement(format!("the column `{column}` holds {what}"));
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Real(number) => Ok(Value::Real(number)),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| wrong("text that is not UTF-8"))?;
            Ok(Value::Text(text.to_owned()))
        }
        ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_outside_of_quotes() {
        assert_eq!(numbered("SELECT $1, '$2', 'it''s $3', $4"), "SELECT ?1, '$2', 'it''s $3', ?4");
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
    }
}
