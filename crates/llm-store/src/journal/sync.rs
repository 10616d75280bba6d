//! The thread that tells the disk to keep what was written: many rows at a time.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use llm_governance::{Durable, StoreError};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Shared;
use super::appender::Unsynced;
use super::settings::Durability;

/// How often a disk that refused is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What is tried: more than a row has as a rule.
const TRIAL: usize = 64 * 1024;

/// Up to which row the disk keeps what was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Synced {
    /// All up to this row are kept …
    through: u64,
    /// … but of those up to this one nobody knows.
    doubtful: u64,
}

/// How the thread is told.
#[derive(Debug)]
pub(super) struct Signals {
    /// Something was written since the thread looked.
    written: AtomicBool,
    stopped: AtomicBool,
    synced: watch::Sender<Synced>,
    thread: Mutex<Option<Thread>>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            written: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            synced: watch::Sender::new(Synced::default()),
            thread: Mutex::new(None),
        }
    }
}

impl Signals {
    /// Something was written.
    pub(super) fn written(&self) {
        // Looked at first: nobody else's core is disturbed while the thread has not looked either.
        if !self.written.load(Acquire) && !self.written.swap(true, AcqRel) {
            self.wake();
        }
    }

    /// Done when the disk keeps this row.
    pub(super) fn durable(&self, number: u64) -> Durable {
        let mut synced = self.synced.subscribe();
        Box::pin(async move {
            let waited = synced.wait_for(|synced| synced.through >= number).await;
            // A journal that was closed has synced what it had.
            if waited.is_ok_and(|synced| synced.doubtful >= number) {
                let message = "the disk may not have kept a row of the ledger: see the journal's state";
                return Err(StoreError::Failed(message.to_owned()));
            }
            Ok(())
        })
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }
}

pub(super) fn start(shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name("journal".to_owned()).spawn({
        let shared = Arc::clone(shared);
        move || run(&shared)
    })?;
    *shared.signals.thread.lock() = Some(thread.thread().clone());
    Ok(thread)
}

fn run(shared: &Shared) {
    let signals = &shared.signals;
    let mut tried = Instant::now();
    loop {
        let stopped = signals.stopped.load(Acquire);
        let written = signals.written.swap(false, AcqRel);
        if written {
            sync(shared);
        } else if stopped {
            return;
        }
        // Calls that are refused leave rows, too: a disk with room again must be noticed while they come.
        let in_trouble = shared.in_trouble();
        if !in_trouble {
            tried = Instant::now();
        } else if tried.elapsed() >= TRY_AGAIN {
            try_again(shared);
            tried = Instant::now();
        }
        match (written, in_trouble) {
            (true, _) if shared.settings.durability == Durability::Process && !stopped => pause(shared),
            (true, _) => {}
            (false, true) => thread::park_timeout(TRY_AGAIN.saturating_sub(tried.elapsed())),
            (false, false) => thread::park(),
        }
    }
}

/// Lets rows come together. The first one of them wakes the thread: if it went on then, the disk would be told without
/// end, and each time holds up those who write.
fn pause(shared: &Shared) {
    let until = Instant::now() + shared.settings.sync_every;
    while !shared.signals.stopped.load(Acquire) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left);
    }
}

fn sync(shared: &Shared) {
    let unsynced = shared.appender.lock().take_unsynced();
    shared.syncs.fetch_add(1, Relaxed);
    let outcome = keep(shared, &unsynced);
    let failed = outcome.is_err();
    if let Err(error) = outcome {
        // What the kernel could not write it may have forgotten: the next rows go into another file.
        shared.appender.lock().close();
        shared.trouble(&error);
    }
    shared.signals.synced.send_modify(|synced| {
        synced.through = unsynced.through;
        if failed {
            synced.doubtful = unsynced.through;
        }
    });
}

fn keep(shared: &Shared, unsynced: &Unsynced) -> io::Result<()> {
    for file in &unsynced.files {
        file.sync_data()?;
    }
    if unsynced.begun {
        File::open(&shared.settings.directory)?.sync_all()?;
    }
    Ok(())
}

/// Whether the disk takes something again.
fn try_again(shared: &Shared) {
    let path = shared.settings.directory.join("trial");
    let tried = File::create(&path).and_then(|mut file| {
        // Made for this: as a constant it would be as much of the program.
        file.write_all(&vec![0; TRIAL])?;
        file.sync_data()
    });
    let removed = std::fs::remove_file(&path);
    if tried.and(removed).is_ok() {
        shared.recovered();
    }
}
