//! Files of rows that are not kept any longer: one for each day.

mod finishing;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use llm_governance::{Day, ExportFormat, LedgerRow, LineFormat, StoreError};

/// Where rows go that are let go of: a file for each day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The folder.
    pub directory: PathBuf,
    /// What the files are written as.
    pub format: ExportFormat,
}

impl Archive {
    /// Appends rows to the files of their days. They are on the disk when it is done.
    pub(super) fn add(&self, rows: &[LedgerRow]) -> Result<(), StoreError> {
        let mut days: BTreeMap<Day, Vec<u8>> = BTreeMap::new();
        for row in rows {
            self.format.lines().line(row, days.entry(Day::of(row.started)).or_default())?;
        }
        self.append_all(&days).map_err(|error| unwritable(&error))
    }

    fn append_all(&self, days: &BTreeMap<Day, Vec<u8>>) -> io::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        // Another gateway's line that is half written is not to be taken for one that was cut off.
        let lock = self.lock_file()?;
        lock.lock()?;
        days.iter().try_for_each(|(day, text)| self.append(*day, text))
    }

    fn append(&self, day: Day, text: &[u8]) -> io::Result<()> {
        let lines = self.format.lines();
        let path = self.file_of(day)?;
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        let length = match lines {
            LineFormat::Json => whole(&mut file)?,
            // Cells may have several lines.
            LineFormat::Csv => file.metadata()?.len(),
        };
        let head = if length == 0 { lines.head() } else { String::new() };
        // What was written in part is cut off again, so that a line is whole or not there.
        let written = file.write_all(&[head.as_bytes(), text].concat());
        written.and_then(|()| file.sync_all()).or_else(|error| file.set_len(length).and(Err(error)))?;
        if length == 0 { sync(&self.directory) } else { Ok(()) }
    }

    /// What rows of that day are appended to. Of Parquet it is the lines of the first part whose file is not made yet:
    /// nothing is ever appended to lines of which there is a file.
    fn file_of(&self, day: Day) -> io::Result<PathBuf> {
        let ending = self.format.ending();
        let mut path = self.directory.join(format!("ledger-{day}.{ending}"));
        if self.is_parquet() {
            let mut part = 1;
            while path.try_exists()? {
                part += 1;
                path.set_file_name(format!("ledger-{day}-{part}.{ending}"));
            }
            path.as_mut_os_string().push(finishing::LINES);
        }
        Ok(path)
    }

    fn is_parquet(&self) -> bool {
        self.format == ExportFormat::Parquet
    }

    /// Who holds the lock of this file is the only one that appends lines, or makes files of them.
    fn lock_file(&self) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(self.directory.join("ledger.lock"))
    }
}

/// Cuts off what is behind the last line; how long the file is then. A gateway was killed when it wrote that: the rows are
/// still in the database.
fn whole(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let (mut end, mut block) = (length, [0; 4_096]);
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = &mut block[..usize::try_from(end - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(place) = part.iter().rposition(|byte| *byte == b'\n') {
            end = start + place as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length {
        file.set_len(end)?;
    }
    Ok(end)
}

/// Names of files in the folder are on the disk after this.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn unwritable(error: &io::Error) -> StoreError {
    StoreError::Failed(format!("the archive of the ledger cannot be written: {error}"))
}
