//! Sees when a file of the configuration changes: by looking, as mounted volumes tell nobody of their changes.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The files of a configuration as they were when it was read.
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    read: Vec<Stamp>,
}

/// What tells one state of a file from another; `None`: it is not there.
type Stamp = Option<(Option<SystemTime>, u64)>;

impl Watch {
    /// Remembers how the files are now.
    pub(crate) fn of(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let files: Vec<PathBuf> = files.into_iter().map(Into::into).collect();
        let read = stamps(&files);
        Self { files, read }
    }

    /// Waits until a file is another one, and stays as it is for one more look: it may be half written.
    pub(crate) async fn changed(&mut self) {
        if self.files.is_empty() {
            std::future::pending::<()>().await;
        }
        let mut last = self.read.clone();
        loop {
            tokio::time::sleep(EVERY).await;
            let now = stamps(&self.files);
            if now != self.read && now == last {
                self.read = now;
                return;
            }
            last = now;
        }
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| fs::metadata(file).ok().map(|about| (about.modified().ok(), about.len()));
    files.iter().map(stamp).collect()
}
