//! Work that waits for the threads that do it: they are started when there is work, and end when there is none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::connection::Opening;
use super::job::Job;
use crate::behind;
use crate::database::DatabaseError;

/// How long a thread waits for work before it ends, and gives back its memory.
const KEEP: Duration = Duration::from_secs(30);

/// How much work waits at most. Beyond it the database is too slow for what is asked of it.
const MOST_WAITING: usize = 4_096;

/// The stack of a thread: SQLite needs little.
const STACK: usize = 512 * 1024;

/// The threads of one kind, and their work. The last handle that goes ends them when their work is done.
pub(super) struct Lane(Arc<Shared>);

struct Shared {
    name: &'static str,
    most_threads: usize,
    opening: Opening,
    state: Mutex<State>,
    /// Tells a thread that there is work, or will be none.
    work: Condvar,
    /// Tells who closes it that a thread ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Lane {
    pub(super) fn new(name: &'static str, most_threads: usize, opening: Opening) -> Self {
        let (state, work, ended) = (Mutex::default(), Condvar::new(), Notify::new());
        Self(Arc::new(Shared { name, most_threads, opening, state, work, ended }))
    }

    /// Hands over work, and starts a thread for it where none is free.
    pub(super) fn push(&self, job: Job) -> Result<(), DatabaseError> {
        let mut state = self.0.state.lock();
        if state.closed {
            return Err(super::ended());
        }
        if state.jobs.len() >= MOST_WAITING {
            return Err(DatabaseError::busy("the database has more to do than it can"));
        }
        if state.idle <= state.jobs.len() && state.threads < self.0.most_threads {
            self.start(&mut state)?;
        }
        state.jobs.push_back(job);
        drop(state);
        self.0.work.notify_one();
        Ok(())
    }

    fn start(&self, state: &mut State) -> Result<(), DatabaseError> {
        let shared = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name(self.0.name.to_owned()).stack_size(STACK);
        let started = thread.spawn(move || shared.work());
        match started {
            Ok(_) => state.threads += 1,
            // Those that run will get to it.
            Err(_) if state.threads > 0 => {}
            Err(error) => return Err(DatabaseError::busy(format!("no thread for the database: {error}"))),
        }
        Ok(())
    }

    /// Refuses more work, and returns when that which waits is done.
    pub(super) async fn close(&self) {
        self.0.finish();
        loop {
            let ended = self.0.ended.notified();
            if self.0.state.lock().threads == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Shared {
    fn finish(&self) {
        self.state.lock().closed = true;
        self.work.notify_all();
    }

    /// The life of a thread. Its connection is opened with the first work, and closed before it counts as ended.
    fn work(self: Arc<Self>) {
        let ending = Ending(&self);
        if self.opening.writes {
            // Most of what is written are rows of calls that have ended. Calls wait for readers at times.
            behind::step_back();
        }
        let mut connection = None;
        while let Some(job) = self.next() {
            job.run(&mut connection, &self.opening);
        }
        drop(connection);
        drop(ending);
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            let late = match self.opening.path {
                Some(_) => self.work.wait_for(&mut state, KEEP).timed_out(),
                // What is in memory goes with its connection.
                None => {
                    self.work.wait(&mut state);
                    false
                }
            };
            state.idle -= 1;
            if late && state.jobs.is_empty() {
                return None;
            }
        }
    }
}

/// Counts a thread as ended, also when it panicked.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.state.lock().threads -= 1;
        self.0.ended.notify_waiters();
    }
}
