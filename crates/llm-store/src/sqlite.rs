//! SQLite: a file, or the memory of this process.
//!
//! One connection writes, a few read beside it. Each lives on a thread of its own, which is started when there is work
//! and ends, with its connection, when there was none for a while. No thread of a server waits for the disk.

mod connection;
mod error;
mod job;
mod lane;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use llm_core::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::database::{Batch, DatabaseError, DatabaseKind, Engine, Outcome, Session, Statement, Values};
use crate::settings::DatabaseSettings;
use connection::Opening;
use job::{Job, SessionJob};
use lane::Lane;

/// How many values a thread is given to insert at once: it may take as long as a statement may.
const AT_ONCE: usize = 8_192;

/// How many parameters a statement has at most that inserts rows: most of what one costs besides its rows is then shared
/// by many, and more would not be noticed.
const MOST_PARAMETERS: usize = 1_024;

/// How many connections read beside each other at most: more would only wait for the disk.
const MOST_READERS: usize = 4;

/// A SQLite database.
pub(crate) struct Sqlite {
    writer: Lane,
    /// None for a database in memory: it is only in the one connection.
    readers: Option<Lane>,
    /// How long a statement takes at most, with the wait for its turn.
    patience: Duration,
}

impl Sqlite {
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let path = path(settings.url.expose())?;
        let opening = |writes| Opening {
            path: path.clone(),
            writes,
            wait: settings.wait_timeout,
            statement: settings.statement_timeout,
        };
        let readers = settings.connections.clamp(1, MOST_READERS);
        Ok(Self {
            writer: Lane::new("llm-sqlite-write", 1, opening(true)),
            readers: path.is_some().then(|| Lane::new("llm-sqlite-read", readers, opening(false))),
            patience: settings.wait_timeout + settings.statement_timeout,
        })
    }

    async fn ask(&self, statement: Statement) -> Result<Outcome, DatabaseError> {
        let lane = match &self.readers {
            Some(readers) if only_reads(&statement.text) => readers,
            _ => &self.writer,
        };
        let (reply, answer) = oneshot::channel();
        lane.push(Job::Run(statement, reply))?;
        wait(self.patience, answer).await
    }

    async fn open_session(&self) -> Result<Box<dyn Session>, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        self.writer.push(Job::Begin(reply))?;
        let jobs = wait(self.patience, answer).await?;
        Ok(Box::new(SqliteSession { jobs, patience: self.patience }))
    }
}

impl Engine for Sqlite {
    fn kind(&self) -> DatabaseKind {
        DatabaseKind::Sqlite
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Outcome, DatabaseError>> {
        Box::pin(self.ask(statement))
    }

    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Session>, DatabaseError>> {
        Box::pin(self.open_session())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Readers first: the last connection that closes folds the log into the file.
            if let Some(readers) = &self.readers {
                readers.close().await;
            }
            self.writer.close().await;
        })
    }
}

/// A transaction: the writer listens to it alone until it ends.
struct SqliteSession {
    jobs: mpsc::Sender<SessionJob>,
    patience: Duration,
}

impl SqliteSession {
    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, DatabaseError>>) -> SessionJob,
    ) -> Result<T, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| ended())?;
        wait(self.patience, answer).await
    }
}

impl Session for SqliteSession {
    fn run(&mut self, statement: Statement) -> BoxFuture<'_, Result<Outcome, DatabaseError>> {
        Box::pin(self.ask(|reply| SessionJob::Run(statement, reply)))
    }

    fn insert<'a>(
        &'a mut self,
        batch: Batch<'a>,
        values: Values,
    ) -> BoxFuture<'a, Result<u64, DatabaseError>> {
        Box::pin(async move {
            let (values, mut from, mut changed) = (Arc::new(values), 0, 0);
            while from < values.len() {
                let left = values.len() - from;
                let rows = batch.rows_at_once(left / batch.width(), MOST_PARAMETERS);
                let width = rows * batch.width();
                let places = from..from + left.min(AT_ONCE.max(width)) / width * width;
                from = places.end;
                // Where a statement fails, its transaction is given up: SQLite need not be able to take back what the
                // statement did until then, and copies no pages for that.
                let text = batch.text(rows).replacen("INSERT", "INSERT OR FAIL", 1);
                let values = Arc::clone(&values);
                changed += self.ask(|reply| SessionJob::Each(text, width, values, places, reply)).await?;
            }
            Ok(changed)
        })
    }

    fn script<'a>(&'a mut self, text: &'a str) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(self.ask(|reply| SessionJob::Script(text.to_owned(), reply)))
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), DatabaseError>> {
        Box::pin(async move { self.ask(SessionJob::Commit).await })
    }
}

async fn wait<T>(
    patience: Duration,
    answer: oneshot::Receiver<Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    match timeout(patience, answer).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(ended()),
        Err(_) => Err(DatabaseError::busy(format!("the database did not answer within {patience:?}"))),
    }
}

fn ended() -> DatabaseError {
    DatabaseError::unreachable("the database was closed")
}

fn only_reads(text: &str) -> bool {
    text.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

/// The file of an address; `None`: it is in memory.
fn path(url: &str) -> Result<Option<PathBuf>, DatabaseError> {
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    if rest == ":memory:" {
        return Ok(None);
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains('?') {
        return Err(DatabaseError::settings(format!(
            "`{url}` is no address of a SQLite database: write sqlite:path, or sqlite::memory:"
        )));
    }
    Ok(Some(PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_files_or_memory() {
        let file = |url| path(url).expect("an address").map(|path| path.to_string_lossy().into_owned());
        assert_eq!(file("sqlite::memory:"), None);
        assert_eq!(file("sqlite:gateway.db").as_deref(), Some("gateway.db"));
        assert_eq!(file("sqlite://gateway.db").as_deref(), Some("gateway.db"));
        assert_eq!(file("sqlite:///var/lib/gateway.db").as_deref(), Some("/var/lib/gateway.db"));
        assert!(path("sqlite:").is_err() && path("sqlite:a.db?mode=ro").is_err());
    }

    #[test]
    fn only_selects_only_read() {
        assert!(only_reads("\n  Select 1"));
        assert!(!only_reads("INSERT INTO t (a) VALUES (1) RETURNING a") && !only_reads("sel"));
    }
}
