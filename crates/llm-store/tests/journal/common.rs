//! Folders, rows, and what is in a journal.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use llm_governance::{Ledger, LedgerRow, RowRef};
use llm_store::{Journal, JournalSettings};

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let path = std::env::temp_dir().join(format!("llm-journal-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn settings(&self) -> JournalSettings {
        JournalSettings::new(&self.0)
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(self.settings()).expect("the journal opens")
    }

    /// The files of segments, in order.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(&self.0).expect("the folder is there");
        let files = files.map(|file| file.expect("a file").path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn row(id: &str) -> LedgerRow {
    LedgerRow { id: id.to_owned(), model: "gpt-4o".to_owned(), ..LedgerRow::default() }
}

pub(crate) fn record(journal: &Journal, ids: &[&str]) {
    for id in ids {
        assert!(journal.record(&row(id).borrowed()).expect("there is room").is_none());
    }
}

/// The ids of all rows in a journal, in order.
pub(crate) fn ids(journal: &Journal) -> Vec<String> {
    journal.close_segment();
    let mut ids = Vec::new();
    for segment in journal.segments() {
        let mut reader = journal.read(&segment).expect("the segment opens");
        loop {
            let rows = reader.next_rows(100).expect("the segment is read");
            if rows.is_empty() {
                break;
            }
            let parse = |row: &&[u8]| RowRef::unpack(row).expect("a row").id.to_owned();
            ids.extend(rows.iter().map(parse));
        }
    }
    ids
}
