//! Answers in a SQLite file of their own, at most so many bytes of them: what was written first goes first. The file is
//! opened, and made, by the first call that wants something of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use llm_core::{AnswerStore, BoxFuture, Error, QuestionLists, Questions, Result, Secret};
use tokio::sync::OnceCell;

use crate::database::{Database, DatabaseError, Value};
use crate::settings::DatabaseSettings;

/// The file in the folder.
const FILE: &str = "answers.db";

/// After so many writes the store looks whether there is too much in it.
const TIDY: u64 = 64;

/// What an entry takes beside its text.
const OVERHEAD: i64 = 128;

/// How long a call waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS llm_answers (key TEXT PRIMARY KEY, value TEXT NOT NULL, size BIGINT NOT NULL, \
     written BIGINT NOT NULL, ends BIGINT) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS llm_answers_written ON llm_answers (written, size)",
    "CREATE TABLE IF NOT EXISTS llm_answer_lists (number INTEGER PRIMARY KEY, list TEXT NOT NULL, value TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS llm_answer_lists_list ON llm_answer_lists (list, number)",
];

/// Answers in a SQLite file.
#[derive(Debug)]
pub struct DiskAnswers {
    folder: PathBuf,
    most_bytes: i64,
    database: OnceCell<Database>,
    writes: AtomicU64,
}

impl DiskAnswers {
    /// Answers in the file `answers.db` of a folder, which is made where there is none. Opens nothing yet.
    pub fn new(folder: impl Into<PathBuf>, most_bytes: u64) -> Self {
        Self {
            folder: folder.into(),
            most_bytes: i64::try_from(most_bytes).unwrap_or(i64::MAX),
            database: OnceCell::new(),
            writes: AtomicU64::new(0),
        }
    }

    async fn database(&self) -> Result<&Database> {
        self.database.get_or_try_init(|| self.open()).await.map_err(failed)
    }

    async fn open(&self) -> Result<Database, DatabaseError> {
        private(&self.folder).map_err(|error| {
            DatabaseError::unreachable(format!(
                "the folder {} cannot be used: {error}",
                self.folder.display()
            ))
        })?;
        let url = Secret::new(format!("sqlite:{}", self.folder.join(FILE).display()));
        let settings = DatabaseSettings { wait_timeout: PATIENCE, ..DatabaseSettings::new(url) };
        let database = Database::connect(&settings)?;
        for table in TABLES {
            database.execute(table, &[]).await?;
        }
        Ok(database)
    }

    async fn execute(&self, text: &str, values: &[Value]) -> Result<u64> {
        self.database().await?.execute(text, values).await.map_err(failed)
    }

    async fn put_in(&self, key: &str, value: &[u8], life: Option<Duration>) -> Result<()> {
        let text = STANDARD_NO_PAD.encode(value);
        let size = i64::try_from(text.len() + key.len()).unwrap_or(i64::MAX).saturating_add(OVERHEAD);
        let now = now();
        let values = [key.into(), text.into(), size.into(), now.into(), ends(now, life).into()];
        let put = "INSERT INTO llm_answers (key, value, size, written, ends) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value, size = excluded.size, \
                   written = excluded.written, ends = excluded.ends";
        self.execute(put, &values).await?;
        if self.writes.fetch_add(1, Ordering::Relaxed).is_multiple_of(TIDY) {
            self.tidy().await?;
        }
        Ok(())
    }

    /// Lets go what is over, and then the oldest, until there is room.
    async fn tidy(&self) -> Result<()> {
        self.execute("DELETE FROM llm_answers WHERE ends <= $1", &[now().into()]).await?;
        loop {
            let sum = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS used FROM llm_answers";
            let row = self.database().await?.query_one(sum, &[]).await.map_err(failed)?;
            let used: i64 = row.map_or(Ok(0), |row| row.get("used")).map_err(failed)?;
            if used <= self.most_bytes {
                return Ok(());
            }
            let oldest = "DELETE FROM llm_answers WHERE key IN (SELECT key FROM llm_answers ORDER BY written \
                          LIMIT (SELECT 1 + COUNT(*) / 8 FROM llm_answers))";
            if self.execute(oldest, &[]).await? == 0 {
                return Ok(());
            }
        }
    }

    async fn find(&self, key: &str) -> Result<Option<Bytes>> {
        let find = "SELECT value FROM llm_answers WHERE key = $1 AND (ends IS NULL OR ends > $2)";
        let values = [key.into(), now().into()];
        let row = self.database().await?.query_one(find, &values).await.map_err(failed)?;
        row.map(|row| row.get::<&str>("value").map_err(failed).and_then(decoded)).transpose()
    }

    async fn append_in(&self, list: &str, item: &[u8], most: usize) -> Result<()> {
        let values = [list.into(), STANDARD_NO_PAD.encode(item).into()];
        self.execute("INSERT INTO llm_answer_lists (list, value) VALUES ($1, $2)", &values).await?;
        let values = [list.into(), Value::from(i64::try_from(most).unwrap_or(i64::MAX))];
        let older = "DELETE FROM llm_answer_lists WHERE list = $1 AND number <= (SELECT number FROM llm_answer_lists \
                     WHERE list = $1 ORDER BY number DESC LIMIT 1 OFFSET $2)";
        self.execute(older, &values).await.map(|_| ())
    }

    async fn items(&self, list: &str) -> Result<Vec<Bytes>> {
        let items = "SELECT value FROM llm_answer_lists WHERE list = $1";
        let rows = self.database().await?.query(items, &[list.into()]).await.map_err(failed)?;
        rows.iter().map(|row| row.get::<&str>("value").map_err(failed).and_then(decoded)).collect()
    }
}

impl AnswerStore for DiskAnswers {
    fn kind(&self) -> &'static str {
        "disk"
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(self.find(key))
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes, life: Option<Duration>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.put_in(key, &value, life).await })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut deleted = 0;
            for key in keys {
                deleted += self.execute("DELETE FROM llm_answers WHERE key = $1", &[key.into()]).await?;
            }
            Ok(deleted)
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.execute("DELETE FROM llm_answers", &[]).await?;
            self.execute("DELETE FROM llm_answer_lists", &[]).await.map(|_| ())
        })
    }

    fn questions(&self) -> Questions<'_> {
        Questions::Lists(self)
    }
}

impl QuestionLists for DiskAnswers {
    fn append<'a>(
        &'a self,
        list: &'a str,
        item: Bytes,
        most: usize,
        _life: Option<Duration>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.append_in(list, &item, most).await })
    }

    fn list<'a>(&'a self, list: &'a str) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        Box::pin(self.items(list))
    }
}

fn decoded(text: &str) -> Result<Bytes> {
    STANDARD_NO_PAD.decode(text).map(Bytes::from).map_err(|_| Error::internal("a kept answer is damaged"))
}

/// Microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn ends(now: i64, life: Option<Duration>) -> Option<i64> {
    life.map(|life| now.saturating_add(i64::try_from(life.as_micros()).unwrap_or(i64::MAX)))
}

#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`")]
fn failed(error: DatabaseError) -> Error {
    Error::internal(error.to_string())
}

/// Makes a folder that nobody else can look into.
fn private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
