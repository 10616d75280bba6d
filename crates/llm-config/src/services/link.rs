//! The database as those see it who only want to know whether it is there.

use std::time::{Duration, Instant};

use llm_core::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long an answer holds: whoever asks without a key must not make work for the database.
const HOLDS: Duration = Duration::from_secs(5);

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long what runs may take at the end.
const CLOSING: Duration = Duration::from_secs(10);

/// A database that can be asked whether it answers.
pub(super) trait Answering: Send + Sync {
    /// Whether it does.
    fn answers(&self) -> BoxFuture<'_, bool>;

    /// Closes it when what runs has ended.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// The database that keeps keys and rows of calls.
pub struct DatabaseLink {
    database: Box<dyn Answering>,
    known: Mutex<(Instant, bool)>,
}

impl DatabaseLink {
    /// The link to a database that has just been opened.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn new(database: Box<dyn Answering>) -> Self {
        Self { database, known: Mutex::new((Instant::now(), true)) }
    }

    /// Whether it answers, or did some seconds ago.
    pub fn is_connected(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let mut known = self.known.lock().await;
            if known.0.elapsed() >= HOLDS {
                let answers = timeout(PATIENCE, self.database.answers()).await.unwrap_or(false);
                *known = (Instant::now(), answers);
            }
            known.1
        })
    }

    /// Closes it; a SQLite file then holds all that was written.
    pub(super) async fn close(&self) {
        if timeout(CLOSING, self.database.close()).await.is_err() {
            tracing::warn!("the database was still busy at the end");
        }
    }
}
