//! Segments: files of frames, numbered as they were begun. One that was begun by an earlier process is never written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use llm_governance::Timestamp;

use super::frame::{Frames, HEAD, Piece};

/// What a segment begins with; the time when it was begun follows.
const MAGIC: [u8; 8] = *b"LLMJRNL2";

/// What one begins with whose rows are all JSON: those of earlier programs. A row says itself how it is written.
const MAGIC_OF_JSON: [u8; 8] = *b"LLMJRNL1";

/// Magic and time.
pub(super) const SEGMENT_HEAD: u64 = 16;

const ENDING: &str = "journal";

/// A segment that is no longer written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) rows: u64,
    /// When it was begun.
    pub(super) begun: Timestamp,
    /// Something in it cannot be read: the file is kept for a human.
    pub(super) damaged: bool,
}

/// The segment that rows are written to.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) file: std::sync::Arc<File>,
    pub(super) segment: Segment,
}

impl Open {
    /// Begins a segment.
    pub(super) fn begin(directory: &Path, number: u64) -> io::Result<Self> {
        let path = directory.join(format!("{number:020}.{ENDING}"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let begun = Timestamp::now();
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&begun.0.to_le_bytes());
        if let Err(error) = write_all_or_nothing(&file, &head, 0) {
            // Nothing is in it: without the file the number is free for the next try.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        let segment = Segment { number, path, bytes: SEGMENT_HEAD, rows: 0, begun, damaged: false };
        Ok(Self { file: std::sync::Arc::new(file), segment })
    }

    /// Writes a frame with one call.
    pub(super) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        write_all_or_nothing(&self.file, frame, self.segment.bytes)?;
        self.segment.bytes += frame.len() as u64;
        self.segment.rows += 1;
        Ok(())
    }
}

/// Writes with one call. What was written in part is cut off again, so that nothing stands behind a torn frame.
fn write_all_or_nothing(mut file: &File, bytes: &[u8], length: u64) -> io::Result<()> {
    let written = loop {
        match file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => break outcome,
        }
    };
    match written {
        Ok(count) if count == bytes.len() => Ok(()),
        outcome => {
            file.set_len(length)?;
            Err(outcome.err().unwrap_or_else(|| io::ErrorKind::StorageFull.into()))
        }
    }
}

/// The segments that earlier processes left, in order, without their torn tails. Those without a row are removed.
pub(super) fn recover(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if let Some(number) = number(&path) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    let mut segments = Vec::with_capacity(found.len());
    for (number, path) in found {
        let segment = inspect(number, path)?;
        if segment.rows == 0 && !segment.damaged {
            std::fs::remove_file(&segment.path)?;
        } else {
            segments.push(segment);
        }
    }
    Ok(segments)
}

fn number(path: &Path) -> Option<u64> {
    let ours = path.extension().is_some_and(|ending| ending == ENDING);
    ours.then(|| path.file_stem()?.to_str()?.parse().ok()).flatten()
}

/// Counts the rows of a segment and cuts its torn tail off.
fn inspect(number: u64, path: PathBuf) -> io::Result<Segment> {
    let bytes = std::fs::read(&path)?;
    let mut segment =
        Segment { number, path, bytes: bytes.len() as u64, rows: 0, begun: Timestamp(0), damaged: false };
    let Some((begun, frames)) = split_head(&bytes) else {
        // A head that was torn has nothing behind it; what else is there is not ours to delete.
        segment.damaged = bytes.len() as u64 > SEGMENT_HEAD;
        return Ok(segment);
    };
    segment.begun = begun;
    for piece in Frames::new(frames) {
        match piece {
            Piece::Row(_) => segment.rows += 1,
            Piece::Damage(_) => segment.damaged = true,
            Piece::Torn(length) => {
                segment.bytes -= length as u64;
                let file = OpenOptions::new().write(true).open(&segment.path)?;
                file.set_len(segment.bytes)?;
                tracing::warn!(segment = number, bytes = length, "cut a row that was not written to its end");
            }
        }
    }
    if segment.damaged {
        tracing::error!(segment = number, "a segment of the journal is damaged: rows of it may be lost");
    }
    Ok(segment)
}

fn split_head(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (head, frames) = bytes.split_at_checked(SEGMENT_HEAD as usize)?;
    let begun = head.strip_prefix(&MAGIC).or_else(|| head.strip_prefix(&MAGIC_OF_JSON))?;
    let begun: [u8; 8] = begun.try_into().ok()?;
    Some((Timestamp(i64::from_le_bytes(begun)), frames))
}

/// Rows of a segment, a few at a time: a segment is never in memory as a whole.
#[derive(Debug)]
pub struct SegmentReader {
    file: File,
    /// What was read. It begins with a frame.
    buffer: Vec<u8>,
    /// How much of it was given out with the last rows.
    given: usize,
    /// The file's rest was read.
    ended: bool,
    damaged: bool,
}

/// How much is read at once, and given out at once unless a single row is longer.
const READ: usize = 768 * 1024;

impl SegmentReader {
    pub(super) fn open(segment: &Segment) -> io::Result<Self> {
        let mut file = File::open(&segment.path)?;
        file.seek(SeekFrom::Start(SEGMENT_HEAD))?;
        Ok(Self { file, buffer: Vec::new(), given: 0, ended: false, damaged: segment.damaged })
    }

    /// The next rows, at least one of them; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_rows(&mut self, most: usize) -> io::Result<Vec<&[u8]>> {
        self.buffer.drain(..std::mem::take(&mut self.given));
        let rows = loop {
            let (rows, used) = self.whole_rows(most);
            if rows.len() == most || self.ended || (!rows.is_empty() && used >= READ) {
                self.given = used;
                break rows;
            }
            let read = Read::by_ref(&mut self.file).take(READ as u64).read_to_end(&mut self.buffer)?;
            self.ended = read == 0;
        };
        Ok(rows.into_iter().filter_map(|row| self.buffer.get(row)).collect())
    }

    /// Whether something in it could not be read.
    pub fn damaged(&self) -> bool {
        self.damaged
    }

    /// Where whole rows are in the buffer, and how many bytes they take. A tail that is no row may be one whose rest was
    /// not read yet.
    fn whole_rows(&mut self, most: usize) -> (Vec<Range<usize>>, usize) {
        let (mut rows, mut used) = (Vec::new(), 0);
        for piece in Frames::new(&self.buffer) {
            match piece {
                Piece::Row(row) => {
                    used += HEAD + row.len();
                    rows.push(used - row.len()..used);
                }
                Piece::Damage(length) => {
                    used += length;
                    self.damaged = true;
                }
                Piece::Torn(_) => break,
            }
            if rows.len() == most {
                break;
            }
        }
        (rows, used)
    }
}
