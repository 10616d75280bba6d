//! Where rows are appended: the open segment and those that wait to be drained.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use llm_governance::Timestamp;

use super::segment::{Open, SEGMENT_HEAD, Segment};

/// The open segment and those that wait. One lock is around it; what is done under it is one write, and at times the
/// beginning of a file.
#[derive(Debug)]
pub(super) struct Appender {
    directory: PathBuf,
    open: Option<Open>,
    closed: VecDeque<Segment>,
    next_number: u64,
    /// Bytes of all segments.
    bytes: u64,
    /// Rows that were appended since the start; the number of the last one.
    appended: u64,
    /// What the disk must still be told to keep.
    unsynced: Unsynced,
}

/// What the disk must still be told to keep.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    pub(super) files: Vec<Arc<File>>,
    /// A file was begun: the folder knows a new name.
    pub(super) begun: bool,
    /// The number of the last row in it.
    pub(super) through: u64,
}

/// Why a row was not appended.
#[derive(Debug)]
pub(super) enum Refused {
    /// The journal is at its bound.
    Full,
    /// The disk refuses.
    Disk(io::Error),
}

/// What is in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Backlog {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) segments: u64,
    pub(super) oldest: Option<Timestamp>,
}

impl Appender {
    pub(super) fn new(directory: PathBuf, closed: Vec<Segment>) -> Self {
        let next_number = closed.last().map_or(1, |last| last.number.saturating_add(1));
        let bytes = closed.iter().map(|segment| segment.bytes).sum();
        Self {
            directory,
            open: None,
            closed: closed.into(),
            next_number,
            bytes,
            appended: 0,
            unsynced: Unsynced::default(),
        }
    }

    /// Appends a frame, and returns the row's number.
    pub(super) fn append(
        &mut self,
        frame: &[u8],
        segment_bytes: u64,
        max_bytes: u64,
    ) -> Result<u64, Refused> {
        let length = frame.len() as u64;
        if self.open.as_ref().is_some_and(|open| open.segment.bytes.saturating_add(length) > segment_bytes) {
            self.close();
        }
        let head = if self.open.is_none() { SEGMENT_HEAD } else { 0 };
        if self.bytes.saturating_add(length + head) > max_bytes {
            return Err(Refused::Full);
        }
        let appended = self.open().and_then(|open| open.append(frame));
        if let Err(error) = appended {
            // Whatever is wrong with this file, the next row gets another one.
            self.close();
            return Err(Refused::Disk(error));
        }
        self.bytes += length;
        self.appended += 1;
        Ok(self.appended)
    }

    fn open(&mut self) -> io::Result<&mut Open> {
        if self.open.is_none() {
            let open = Open::begin(&self.directory, self.next_number)?;
            self.next_number += 1;
            self.bytes += SEGMENT_HEAD;
            self.unsynced.begun = true;
            self.open = Some(open);
        }
        self.open.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Closes the open segment, so that it can be drained.
    pub(super) fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.unsynced.files.push(open.file);
            self.closed.push_back(open.segment);
        }
    }

    /// The segments that wait, the oldest first.
    pub(super) fn closed(&self) -> Vec<Segment> {
        self.closed.iter().cloned().collect()
    }

    /// Takes note that a segment is no longer in the folder.
    pub(super) fn forget(&mut self, number: u64) {
        if let Some(place) = self.closed.iter().position(|segment| segment.number == number)
            && let Some(segment) = self.closed.remove(place)
        {
            self.bytes -= segment.bytes;
        }
    }

    /// What the disk must still be told to keep; it counts as told from now on.
    pub(super) fn take_unsynced(&mut self) -> Unsynced {
        let mut unsynced = std::mem::take(&mut self.unsynced);
        unsynced.files.extend(self.open.as_ref().map(|open| Arc::clone(&open.file)));
        unsynced.through = self.appended;
        unsynced
    }

    pub(super) fn backlog(&self) -> Backlog {
        let all = || self.closed.iter().chain(self.open.as_ref().map(|open| &open.segment));
        Backlog {
            rows: all().map(|segment| segment.rows).sum(),
            bytes: self.bytes,
            segments: all().count() as u64,
            oldest: all().find(|segment| segment.rows > 0).map(|segment| segment.begun),
        }
    }

    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
