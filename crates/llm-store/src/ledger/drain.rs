//! From the journal into the database: on a thread of its own, in order, each row once.
//!
//! A segment is removed when its rows are committed. Rows that come again after a crash are known by their ids. While
//! the database is away the journal grows; a row that the database refuses for itself is put aside, so that those behind
//! it are not held up.

mod thread;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use llm_governance::{LedgerRow, RowRef, StoreError, Timestamp};
use parking_lot::Mutex;

use super::book::Kept;
use super::{Archive, book, retention};
use crate::database::{Database, DatabaseError, DatabaseErrorKind};
use crate::journal::{Journal, Segment};
pub use thread::DrainThread;

/// How many rows are booked in one transaction.
const BATCH: usize = 1_024;

/// Rows that may still be in a journal are known by those in the database: they are kept this long at least.
const SHORTEST_KEEP: Duration = Duration::from_secs(86_400);

/// How many times a few rows are let go of before those that wait are booked.
const FORGET_AT_ONCE: usize = 20;

/// Why a row is put aside that nobody can read.
const UNKNOWN: &str = "it is no row that this program knows";

/// How rows are drained, and how long they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainSettings {
    /// How long rows wait in the journal.
    pub every: Duration,
    /// How long rows are kept in the database, at least a day; `None`: for ever. Sums by day are always kept.
    pub keep: Option<Duration>,
    /// Where they go then; `None`: nowhere.
    pub archive: Option<Archive>,
}

impl Default for DrainSettings {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), keep: None, archive: None }
    }
}

/// What drains a journal.
#[derive(Debug)]
pub struct Drain {
    journal: Arc<Journal>,
    database: Database,
    settings: DrainSettings,
    status: Mutex<DrainStatus>,
}

/// How draining goes, for health pages and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrainStatus {
    /// Rows that were booked since the start.
    pub booked: u64,
    /// Rows that came again, and were passed over.
    pub repeated: u64,
    /// Rows that were put aside, because the database refuses them for themselves.
    pub aside: u64,
    /// Why nothing is booked now, and since when.
    pub failing: Option<(StoreError, Timestamp)>,
}

impl Drain {
    /// From this journal into this database.
    pub fn new(journal: Arc<Journal>, database: Database, settings: DrainSettings) -> Self {
        Self { journal, database, settings, status: Mutex::default() }
    }

    /// How it goes.
    pub fn status(&self) -> DrainStatus {
        self.status.lock().clone()
    }

    /// Books all that is in the journal. Done before the first call is served, it is what makes that what was spent
    /// before a crash is known. How many rows there were.
    ///
    /// # Errors
    /// When the database or the journal cannot be used; what was booked until then is booked.
    pub async fn recover(&self) -> Result<u64, StoreError> {
        self.journal.close_segment();
        self.pass().await
    }

    /// Books what waits.
    async fn pass(&self) -> Result<u64, StoreError> {
        // While older segments wait, the open one may grow.
        if self.journal.segments().is_empty() {
            self.journal.close_segment();
        }
        let mut booked = 0;
        for segment in self.journal.segments() {
            booked += self.drain(&segment).await?;
        }
        Ok(booked)
    }

    async fn drain(&self, segment: &Segment) -> Result<u64, StoreError> {
        let mut reader = self.journal.read(segment).map_err(unreadable)?;
        let mut booked = 0;
        loop {
            let rows = reader.next_rows(BATCH).map_err(unreadable)?;
            if rows.is_empty() {
                break;
            }
            booked += self.book(&rows).await?;
        }
        let removed = self.journal.remove(segment, reader.damaged());
        removed.map_err(unreadable)?;
        Ok(booked)
    }

    async fn book(&self, rows: &[&[u8]]) -> Result<u64, StoreError> {
        // Earlier programs wrote rows as JSON.
        let (json, packed): (Vec<&[u8]>, Vec<&[u8]>) = rows.iter().partition(|row| row.starts_with(b"{"));
        let mut old = Vec::new();
        for row in json {
            match LedgerRow::read_json(row) {
                Ok(row) => old.push(row),
                Err(_) => self.put_aside(row, UNKNOWN)?,
            }
        }
        let mut readable: Vec<Kept<'_>> = Vec::with_capacity(rows.len());
        readable.extend(old.iter().map(|row| Kept::new(row.borrowed())));
        for packed in packed {
            match RowRef::unpack(packed) {
                Some(row) => readable.push(Kept { row, packed: Cow::Borrowed(packed) }),
                None => self.put_aside(packed, UNKNOWN)?,
            }
        }
        match book::book(&self.database, &readable).await {
            Ok(new) => Ok(self.count(readable.len(), new)),
            Err(error) if is_of_the_row(&error) => self.one_by_one(&readable).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The database refused one of these: all others are booked.
    async fn one_by_one(&self, rows: &[Kept<'_>]) -> Result<u64, StoreError> {
        let mut booked = 0;
        for row in rows {
            match book::book(&self.database, std::slice::from_ref(row)).await {
                Ok(new) => booked += self.count(1, new),
                Err(error) if is_of_the_row(&error) => {
                    book::takes_rows(&self.database).await?;
                    let json = serde_json::to_vec(&row.row.to_row()).unwrap_or_default();
                    self.put_aside(&json, &error.to_string())?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(booked)
    }

    fn put_aside(&self, row: &[u8], why: &str) -> Result<(), StoreError> {
        tracing::error!(why, "a row of the ledger cannot be booked: it is put aside in the journal's folder");
        self.journal.put_aside(row).map_err(unreadable)?;
        self.status.lock().aside += 1;
        Ok(())
    }

    fn count(&self, rows: usize, new: usize) -> u64 {
        let (rows, new) = (rows as u64, new as u64);
        let mut status = self.status.lock();
        status.booked += new;
        status.repeated += rows.saturating_sub(new);
        new
    }

    /// Lets go of rows that were kept long enough, as many as do not hold up those that wait. Whether it is done.
    async fn forget(&self) -> Result<bool, StoreError> {
        let Some(keep) = self.settings.keep else { return Ok(true) };
        let keep = i64::try_from(keep.max(SHORTEST_KEEP).as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp(Timestamp::now().0.saturating_sub(keep));
        let archive = self.settings.archive.as_ref();
        for _ in 0..FORGET_AT_ONCE {
            if retention::some(&self.database, before, archive).await? == 0 {
                let finished = archive.map_or(Ok(false), |archive| archive.finish_a_day(before))?;
                return Ok(!finished);
            }
        }
        Ok(false)
    }
}

/// Whether a row may be at fault, and not the database.
fn is_of_the_row(error: &DatabaseError) -> bool {
    matches!(error.kind(), DatabaseErrorKind::Statement | DatabaseErrorKind::Conflict)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unreadable(error: io::Error) -> StoreError {
    StoreError::Failed(format!("the journal of the ledger cannot be drained: {error}"))
}
