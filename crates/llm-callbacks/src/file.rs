//! A file of lines of JSON, one for each call. When it is long another one is begun, and the oldest is let go of.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use llm_core::BoxFuture;

use crate::delivery::{Sink, Undelivered};
use crate::payload::{lines, payload};
use crate::queue::Waiting;

pub(crate) struct File {
    path: PathBuf,
    max_bytes: u64,
    keep: usize,
}

impl File {
    pub(crate) fn new(path: PathBuf, max_bytes: u64, keep: usize) -> Self {
        Self { path, max_bytes, keep }
    }

    fn append(&self, batch: &[Waiting]) -> io::Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let text = lines(batch.iter().map(|call| payload(call)));
        let length = fs::metadata(&self.path).map_or(0, |known| known.len());
        if length > 0 && length + text.len() as u64 > self.max_bytes {
            self.rotate()?;
        }
        // One write: a line is never cut by another gateway that writes to the same file.
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)?.write_all(text.as_bytes())
    }

    /// `calls.jsonl` becomes `calls.jsonl.1`, that one `calls.jsonl.2` …
    fn rotate(&self) -> io::Result<()> {
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            let older = self.numbered(number);
            if older.exists() {
                fs::rename(older, self.numbered(number + 1))?;
            }
        }
        fs::rename(&self.path, self.numbered(1))
    }

    fn numbered(&self, number: usize) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

impl Sink for File {
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>> {
        let written = self.append(batch);
        let failure = |error: io::Error| Undelivered {
            why: format!("the file cannot be written: {}", error.kind()),
            again: true,
            after: None,
        };
        Box::pin(std::future::ready(written.map(|()| 0).map_err(failure)))
    }
}
