//! The thread that drains: it must not make calls wait that a runtime serves.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use llm_governance::{StoreError, Timestamp};
use tokio::sync::watch;

use super::Drain;
use crate::behind;

/// How long it waits at most when the database does not take rows.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often it says that the database does not take rows.
const REMIND: Duration = Duration::from_secs(60);

/// How often rows that were kept long enough are let go of.
const FORGET: Duration = Duration::from_secs(3_600);

/// How long the last rows may take when the gateway ends. What is not booked by then is booked after the next start.
const LAST: Duration = Duration::from_secs(5);

/// A thread that drains a journal. When it is dropped, it books what waits, and ends; whoever drops it waits for that, so
/// no thread should that serves calls.
#[derive(Debug)]
pub struct DrainThread {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Drain {
    /// Drains the journal from now on.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(self: &Arc<Self>) -> io::Result<DrainThread> {
        let (stop, stopped) = watch::channel(false);
        let drain = Arc::clone(self);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("drain".to_owned()).spawn(move || {
            behind::step_back();
            runtime.block_on(drain.run(stopped));
        })?;
        Ok(DrainThread { stop, thread: Some(thread) })
    }

    async fn run(&self, mut stopped: watch::Receiver<bool>) {
        let mut failures = Failures::default();
        let mut forgot: Option<Instant> = None;
        loop {
            let outcome = self.pass().await;
            let failed = outcome.is_err();
            self.note(outcome.err(), &mut failures);
            if !failed && forgot.is_none_or(|then| then.elapsed() >= FORGET) {
                let done = self.forget().await;
                // What is left goes with the next turn; after a failure, an hour later.
                forgot = (!matches!(done, Ok(false))).then(Instant::now);
                if let Err(error) = done {
                    tracing::error!(%error, "old rows of the ledger are not let go of");
                }
            }
            let pause = failures.pause.unwrap_or(self.settings.every);
            tokio::select! {
                _ = stopped.changed() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        // Late rows, and those behind the segments that waited.
        let last = async {
            self.pass().await?;
            self.recover().await
        };
        if !tokio::time::timeout(LAST, last).await.is_ok_and(|outcome| outcome.is_ok()) {
            let rows = self.journal.status().rows;
            tracing::warn!(rows, "rows of the ledger wait in the journal for the next start");
        }
    }

    /// Takes note of how it went, and says it when it changes.
    fn note(&self, error: Option<StoreError>, failures: &mut Failures) {
        let journal = self.journal.status();
        let (rows, bytes, most) = (journal.rows, journal.bytes, journal.max_bytes);
        let mut status = self.status.lock();
        let remind = failures.told.is_none_or(|told| told.elapsed() >= REMIND);
        let Some(error) = error else {
            if bytes > most / 2 && remind {
                failures.told = Some(Instant::now());
                tracing::warn!(rows, bytes, most, "the journal of the ledger is more than half full");
            }
            if failures.pause.take().is_some() {
                failures.told = None;
                tracing::info!("the ledger is booked again");
            }
            status.failing = None;
            return;
        };
        if remind {
            failures.told = Some(Instant::now());
            tracing::error!(%error, rows, bytes, most, "the ledger is not booked: rows wait in the journal");
        }
        let since = status.failing.take().map_or_else(Timestamp::now, |(_, since)| since);
        status.failing = Some((error, since));
        let pause = failures.pause.map_or(Duration::from_millis(100), |pause| pause * 2);
        failures.pause = Some(pause.min(LONGEST_WAIT));
    }
}

/// What went wrong lately.
#[derive(Debug, Default)]
struct Failures {
    /// How long it waits before it tries again.
    pause: Option<Duration>,
    /// When it was said.
    told: Option<Instant>,
}

impl Drop for DrainThread {
    fn drop(&mut self) {
        // Whoever does not listen has ended.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was reported when it happened.
            let _ = thread.join();
        }
    }
}
