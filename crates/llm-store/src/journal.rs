//! The local journal: rows of the ledger on their way to the database.
//!
//! A row is written with one call before its answer ends, and so survives `kill -9`; a thread tells the disk to keep what
//! was written, many rows at a time. Segments are files of framed rows in a folder of this gateway's own; who drains them
//! ([`Journal::close_segment`], [`Journal::segments`], [`Journal::read`], [`Journal::remove`]) removes a segment when its
//! rows are in the database. The journal has a bound: beyond it rows are refused, and by policy calls are. What a full disk
//! does not take is held in memory until there is room.

mod appender;
mod encode;
mod frame;
mod held;
mod segment;
mod settings;
mod sync;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use llm_governance::{Durable, Ledger, RowRef, StoreError, Timestamp};
use parking_lot::Mutex;

use appender::{Appender, Refused};
use held::Held;
pub use segment::{Segment, SegmentReader};
pub use settings::{Durability, JournalSettings, WhenFull};

/// Rows of the ledger on their way to the database. When it is dropped, the disk has what was written.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Held as long as the journal is open.
    _lock: File,
}

#[derive(Debug)]
struct Shared {
    settings: JournalSettings,
    appender: Mutex<Appender>,
    /// What the disk did not take. Locked before the appender.
    held: Mutex<Held>,
    signals: sync::Signals,
    /// The disk refused the last time.
    trouble: AtomicBool,
    /// What [`Ledger::ready`] looks at without a lock.
    bytes: AtomicU64,
    recorded: AtomicU64,
    refused: AtomicU64,
    failures: AtomicU64,
    syncs: AtomicU64,
}

/// The state of a journal, for health pages and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalStatus {
    /// Rows that wait for the database.
    pub rows: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// What it may have at most.
    pub max_bytes: u64,
    /// Files.
    pub segments: u64,
    /// How long the oldest row has been waiting.
    pub oldest: Option<Duration>,
    /// Rows that wait in memory, because the disk has no room for them.
    pub held: u64,
    /// Rows that were taken since the start.
    pub recorded: u64,
    /// Rows that were refused since the start: calls that are in no ledger.
    pub refused: u64,
    /// How often the disk refused since the start.
    pub failures: u64,
    /// How often the disk was told to keep what was written.
    pub syncs: u64,
    /// Why rows cannot be taken now.
    pub trouble: Option<String>,
}

impl Journal {
    /// Opens the journal in a folder, which is made where there is none, with the rows that are still in it.
    ///
    /// # Errors
    /// When another process has it open, or it cannot be read or written.
    pub fn open(settings: JournalSettings) -> io::Result<Self> {
        std::fs::create_dir_all(&settings.directory)?;
        let lock = lock(&settings.directory)?;
        let segments = segment::recover(&settings.directory)?;
        let appender = Appender::new(settings.directory.clone(), segments);
        let shared = Arc::new(Shared {
            bytes: AtomicU64::new(appender.bytes()),
            appender: Mutex::new(appender),
            held: Mutex::default(),
            settings,
            signals: sync::Signals::default(),
            trouble: AtomicBool::new(false),
            recorded: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
        });
        let thread = sync::start(&shared)?;
        Ok(Self { shared, thread: Some(thread), _lock: lock })
    }

    /// The state of the journal.
    pub fn status(&self) -> JournalStatus {
        let backlog = self.shared.appender.lock().backlog();
        let now = Timestamp::now();
        JournalStatus {
            rows: backlog.rows,
            bytes: backlog.bytes,
            max_bytes: self.shared.settings.max_bytes,
            segments: backlog.segments,
            oldest: backlog.oldest.map(|begun| begun.until(now)),
            held: self.shared.held.lock().len() as u64,
            recorded: self.shared.recorded.load(Relaxed),
            refused: self.shared.refused.load(Relaxed),
            failures: self.shared.failures.load(Relaxed),
            syncs: self.shared.syncs.load(Relaxed),
            trouble: self.shared.why_not(),
        }
    }

    /// Closes the segment that rows are written to, so that it can be read; the next row begins another one.
    pub fn close_segment(&self) {
        self.shared.appender.lock().close();
    }

    /// The segments that were closed, the oldest first.
    pub fn segments(&self) -> Vec<Segment> {
        self.shared.appender.lock().closed()
    }

    /// Reads the rows of a closed segment.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn read(&self, segment: &Segment) -> io::Result<SegmentReader> {
        SegmentReader::open(segment)
    }

    /// Removes a segment whose rows are safe elsewhere. A damaged one is put aside under another name.
    ///
    /// # Errors
    /// When the folder cannot be changed; the segment is then still there.
    pub fn remove(&self, segment: &Segment, damaged: bool) -> io::Result<()> {
        let outcome = if damaged {
            let aside = format!("{}.damaged", segment.begun.0);
            std::fs::rename(&segment.path, segment.path.with_extension(aside))
        } else {
            std::fs::remove_file(&segment.path)
        };
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut appender = self.shared.appender.lock();
        appender.forget(segment.number);
        self.shared.bytes.store(appender.bytes(), Relaxed);
        Ok(())
    }
}

impl Journal {
    /// Writes a row that no database takes to `aside.jsonl` in the folder, for a human: JSON, and what is not as the
    /// text of its bytes in hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be written.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn put_aside(&self, row: &[u8]) -> io::Result<()> {
        use std::io::Write;

        let path = self.shared.settings.directory.join("aside.jsonl");
        let digits = || format!("\"{}\"", row.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let digits = std::str::from_utf8(row).is_err().then(digits);
        let row = digits.as_ref().map_or(row, String::as_bytes);
        let mut file = File::options().append(true).create(true).open(path)?;
        file.write_all(&[row, b"\n"].concat())?;
        file.sync_data()
    }
}

impl Ledger for Journal {
    fn record(&self, row: &RowRef<'_>) -> Result<Option<Durable>, StoreError> {
        let shared = &self.shared;
        let number = encode::with_frame(row, |frame| shared.append(frame))?;
        shared.recorded.fetch_add(1, Relaxed);
        // What is held waits for room, and nobody for it.
        let Some(number) = number else { return Ok(None) };
        shared.signals.written();
        let strict = shared.settings.durability == Durability::Strict;
        Ok(strict.then(|| shared.signals.durable(number)))
    }

    fn ready(&self) -> Result<(), StoreError> {
        match self.shared.settings.when_full {
            WhenFull::Serve => Ok(()),
            WhenFull::Refuse => self.shared.why_not().map_or(Ok(()), |why| Err(StoreError::Failed(why))),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.signals.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was reported when it happened.
            let _ = thread.join();
        }
        // The last chance of what is held.
        if !self.shared.write_held() {
            let rows = self.shared.held.lock().len();
            tracing::error!(
                rows,
                "rows of the ledger are lost: the disk of the journal has no room for them"
            );
        }
    }
}

impl Shared {
    /// Writes a row, and returns its number; `None`: the disk has no room for it, and it is held.
    fn append(&self, frame: &[u8]) -> Result<Option<u64>, StoreError> {
        let refused = match self.write(frame) {
            Ok(number) => return Ok(Some(number)),
            Err(Refused::Full) => self.at_bound(),
            Err(Refused::Disk(error)) => {
                self.trouble(&error);
                if self.held.lock().keep(frame) {
                    return Ok(None);
                }
                format!("the journal of the ledger cannot be written: {error}")
            }
        };
        self.refused.fetch_add(1, Relaxed);
        Err(StoreError::Failed(refused))
    }

    fn write(&self, frame: &[u8]) -> Result<u64, Refused> {
        let mut appender = self.appender.lock();
        let outcome = appender.append(frame, self.settings.segment_bytes, self.settings.max_bytes);
        self.bytes.store(appender.bytes(), Relaxed);
        outcome
    }

    /// Writes what is held. `false`: some of it is still there.
    fn write_held(&self) -> bool {
        let mut held = self.held.lock();
        if held.len() == 0 {
            return true;
        }
        let written = held.write(|frame| self.write(frame).map(|_| ())).is_ok();
        self.signals.written();
        written
    }

    /// Why calls cannot be booked.
    fn why_not(&self) -> Option<String> {
        if self.in_trouble() {
            return Some(
                "the journal of the ledger cannot be written: its disk is full or failing".to_owned(),
            );
        }
        (self.bytes.load(Relaxed) >= self.settings.refuse_from()).then(|| self.at_bound())
    }

    fn at_bound(&self) -> String {
        let megabytes = self.settings.max_bytes / (1024 * 1024);
        format!("the journal of the ledger is at its bound of {megabytes} MiB: its database takes no rows")
    }

    fn in_trouble(&self) -> bool {
        self.trouble.load(Relaxed)
    }

    /// The disk refused: nothing is taken until it takes something again.
    fn trouble(&self, error: &io::Error) {
        self.failures.fetch_add(1, Relaxed);
        if !self.trouble.swap(true, Relaxed) {
            tracing::error!(%error, "the journal of the ledger cannot be written");
            self.signals.written();
        }
    }

    fn recovered(&self) {
        if self.write_held() && self.trouble.swap(false, Relaxed) {
            tracing::info!("the journal of the ledger can be written again");
        }
    }
}

/// How long a folder is waited for: a gateway that is ending lets go of it late, and so does a program that it started.
const LET_GO: Duration = Duration::from_secs(1);

/// Takes the folder for this process. The lock goes with the process, however it ends.
fn lock(directory: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join("lock"))?;
    let until = Instant::now() + LET_GO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                let folder = directory.display();
                let message = format!(
                    "the journal in `{folder}` is in use by another gateway: give each gateway a folder of its own"
                );
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
        }
    }
}
