//! Lines of a day that is over become a Parquet file.
//!
//! `ledger-DAY.parquet.jsonl` becomes `ledger-DAY.parquet`: written under another name, on the disk before it gets its own,
//! and the lines go last. A gateway that is killed before the file has its name begins again; after that, the lines are
//! only removed, because nothing was appended to them since (`Archive::file_of`). So a row is in one file.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use llm_governance::{Day, LedgerRow, ParquetFile, StoreError, Timestamp};

use super::{Archive, sync, unwritable};

/// What the name of a file of lines has behind the name of the file that is made of them.
pub(super) const LINES: &str = ".jsonl";

impl Archive {
    /// Makes the file of one day, or of one more part of it, that was over before a moment. Whether there was one to make;
    /// no row of before may be left in the database. Other days are made although one cannot be.
    pub(in crate::ledger) fn finish_a_day(&self, moment: Timestamp) -> Result<bool, StoreError> {
        if !self.is_parquet() {
            return Ok(false);
        }
        let found = self.unfinished(Day::of(moment)).map_err(|error| unwritable(&error))?;
        if found.is_empty() {
            return Ok(false);
        }
        let lock = self.lock_file().map_err(|error| unwritable(&error))?;
        match lock.try_lock() {
            Ok(()) => {}
            // Another gateway is at it.
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(unwritable(&error)),
        }
        let mut failed = Ok(false);
        for lines in found {
            match self.finish(&lines) {
                Ok(()) => return Ok(true),
                Err(error) => failed = Err(unwritable(&error)),
            }
        }
        failed
    }

    /// Files of lines of days before that one, the oldest first.
    fn unfinished(&self, before: Day) -> io::Result<BTreeSet<PathBuf>> {
        let folder = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
            folder => folder?,
        };
        let of_day = |name: &str| {
            let name = name.strip_suffix(LINES)?.strip_suffix(".parquet")?.strip_prefix("ledger-")?;
            Day::parse(name.get(..10)?)
        };
        let mut found = BTreeSet::new();
        for entry in folder {
            let entry = entry?;
            if entry.file_name().to_str().and_then(of_day).is_some_and(|day| day < before) {
                found.insert(entry.path());
            }
        }
        Ok(found)
    }

    fn finish(&self, lines: &Path) -> io::Result<()> {
        // Another gateway may have finished it before this one had the lock.
        if !lines.try_exists()? {
            return Ok(());
        }
        let file = lines.with_extension("");
        if !file.try_exists()? {
            let unnamed = lines.with_extension("new");
            let written = write(lines, &unnamed).and_then(|()| fs::rename(&unnamed, &file));
            // What could not be written in full takes no room.
            written.or_else(|error| fs::remove_file(&unnamed).or(Ok(())).and(Err(error)))?;
        }
        sync(&self.directory)?;
        fs::remove_file(lines)
    }
}

/// Row by row: of a day no more is in memory than a group of rows.
fn write(lines: &Path, to: &Path) -> io::Result<()> {
    let mut lines_left = BufReader::new(File::open(lines)?);
    let mut to = File::create(to)?;
    let (mut line, mut piece, mut number) = (Vec::new(), Vec::new(), 0);
    let mut file = ParquetFile::begin(&mut piece);
    while lines_left.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        let row = LedgerRow::read_json(&line).map_err(|error| {
            let lines = lines.display();
            io::Error::other(format!(
                "line {number} of `{lines}` is no row ({error}): mend it, or take it out; the day stays in that file"
            ))
        })?;
        file.add(&row, &mut piece).map_err(io::Error::other)?;
        to.write_all(&piece)?;
        piece.clear();
        line.clear();
    }
    file.end(&mut piece);
    to.write_all(&piece)?;
    to.sync_all()
}
