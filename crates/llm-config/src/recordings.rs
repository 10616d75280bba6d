//! The folder that recordings of vendor traffic lie in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use llm_providers::{Mode, Recordings, Shelf, Unwritten};

use crate::files;
use crate::report::{Place, Report};
use crate::settings::RecordingSettings;

/// Exchanges that wait to be written; more are lost.
const QUEUE: usize = 1024;

/// Opens what the settings name. Recording makes the folder when the first file is written.
pub(crate) fn open(settings: &RecordingSettings, report: &mut Report) -> Recordings {
    let RecordingSettings { mode, directory } = settings;
    let shown = directory.display();
    match std::fs::metadata(directory) {
        Ok(found) if !found.is_dir() => {
            let problem = report.error(&Place::Default, format!("recordings: {shown} is no directory"));
            problem.help("name another `directory`");
        }
        Err(error) if *mode != Mode::Record => {
            let why = files::reason(&error);
            let problem = report.error(&Place::Default, format!("recordings: {shown} cannot be read: {why}"));
            problem.help("record something first, with `--record` and the same directory");
        }
        _ => {}
    }
    Recordings::new(*mode, Arc::new(Folder::new(directory.clone())))
}

/// Files in a folder. Dropping it waits until all of them are written.
struct Folder {
    path: PathBuf,
    writer: OnceLock<Writer>,
}

/// The thread that writes, off the way of requests.
struct Writer {
    queue: Option<SyncSender<Unwritten>>,
    thread: Option<JoinHandle<()>>,
}

impl Folder {
    fn new(path: PathBuf) -> Self {
        Self { path, writer: OnceLock::new() }
    }
}

impl Writer {
    fn start(folder: PathBuf) -> Self {
        let (queue, recordings) = sync_channel::<Unwritten>(QUEUE);
        let work = move || recordings.iter().for_each(|recording| write(&folder, recording));
        let thread = thread::Builder::new().name("recordings".to_owned()).spawn(work);
        if let Err(error) = &thread {
            tracing::warn!(reason = files::reason(error), "exchanges are not recorded");
        }
        Self { queue: Some(queue), thread: thread.ok() }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // A panic of the thread was told where it happened.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shelf for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let files = std::fs::read_dir(&self.path)?.filter_map(Result::ok);
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn put(&self, recording: Unwritten) {
        let writer = self.writer.get_or_init(|| Writer::start(self.path.clone()));
        if writer.queue.as_ref().is_none_or(|queue| queue.try_send(recording).is_err()) {
            tracing::warn!("an exchange was not recorded: too many wait to be written");
        }
    }
}

fn write(folder: &Path, recording: Unwritten) {
    let (name, bytes) = recording();
    match put(folder, &name, &bytes) {
        Ok(()) => tracing::debug!(name, "exchange recorded"),
        Err(error) => tracing::warn!(name, reason = files::reason(&error), "an exchange was not recorded"),
    }
}

/// A file is there whole or not at all: it gets its name when all of it is written.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    std::fs::create_dir_all(folder)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let unfinished = folder.join(format!(".{name}.{}-{number}.unfinished", std::process::id()));
    let written =
        std::fs::write(&unfinished, bytes).and_then(|()| std::fs::rename(&unfinished, folder.join(name)));
    if written.is_err() {
        // Nothing is lost with it; when it cannot be removed, no reader takes it for a recording.
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("llm-recordings-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_are_there_whole_or_not_at_all() {
        let folder = Temporary::new("whole");
        let shelf = Folder::new(folder.0.clone());
        let write = |name: &str, bytes: &[u8]| {
            let (name, bytes) = (name.to_owned(), bytes.to_vec());
            let shelf = Folder::new(folder.0.clone());
            shelf.put(Box::new(move || (name, bytes)));
        };
        assert!(matches!(shelf.read("a.json"), Ok(None)));
        write("a.json", b"one");
        write("a.json", b"two");
        assert_eq!(shelf.read("a.json").expect("it is there").as_deref(), Some(&b"two"[..]));
        std::fs::write(folder.0.join(".b.json.1-1.unfinished"), b"half").expect("the folder is there");
        std::fs::create_dir(folder.0.join("c.json")).expect("the folder is there");
        write("c.json", b"there is a directory of this name");
        assert_eq!(shelf.names().expect("the folder is there"), ["a.json", "c.json"]);
        let left = std::fs::read_dir(&folder.0).expect("the folder is there").count();
        assert_eq!(left, 3, "what could not be finished is removed");
    }

    #[test]
    fn what_cannot_be_told_again_is_said_at_the_start() {
        let missing = Temporary::new("missing");
        let settings = |mode| RecordingSettings { mode, directory: missing.0.clone() };
        let problems = |mode| {
            let mut report = Report::default();
            open(&settings(mode), &mut report);
            report.problems.len()
        };
        assert_eq!(problems(Mode::Record), 0);
        assert_eq!(problems(Mode::Replay { paced: false }), 1);
        std::fs::write(&missing.0, b"a file").expect("the folder for temporary files can be written");
        assert_eq!(problems(Mode::Record), 1);
        std::fs::remove_file(&missing.0).expect("it was just written");
    }
}
