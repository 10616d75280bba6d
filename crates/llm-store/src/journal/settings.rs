//! How a journal is kept: what a configuration says of it.

use std::path::PathBuf;
use std::time::Duration;

/// When a row counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it survives the end of the process; a power failure may take the rows of the last moments.
    #[default]
    Process,
    /// When it survives a power failure: the end of an answer waits for the disk.
    Strict,
}

/// What happens when rows can no longer be written: the disk is full, or the journal is at its bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Calls are refused until rows can be written again.
    #[default]
    Refuse,
    /// Calls are served, and are not booked; the status says how many.
    Serve,
}

/// How a journal is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// The folder; it is of one gateway alone.
    pub directory: PathBuf,
    /// When a row counts as written.
    pub durability: Durability,
    /// How often the disk is told to keep what was written, where nobody waits for it.
    pub sync_every: Duration,
    /// A segment that is as long is closed and a new one is begun.
    pub segment_bytes: u64,
    /// The whole journal is never longer.
    pub max_bytes: u64,
    /// What happens when rows can no longer be written.
    pub when_full: WhenFull,
}

impl JournalSettings {
    /// A journal in this folder, with the usual for the rest.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            durability: Durability::default(),
            sync_every: Duration::from_secs(1),
            segment_bytes: 4 * 1024 * 1024,
            max_bytes: 1024 * 1024 * 1024,
            when_full: WhenFull::default(),
        }
    }

    /// From here on no new calls are taken, so that there is room for the rows of those under way.
    pub(super) fn refuse_from(&self) -> u64 {
        self.max_bytes - self.max_bytes / 16
    }
}
