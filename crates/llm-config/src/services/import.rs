//! What another gateway's database holds, taken over into the store of a configuration.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use llm_core::{BoxFuture, Secret};
use llm_store::{Database, DatabaseSettings, Entities, import};
use serde_json::Value;

use super::{IN_MEMORY, Unopened, disk};
use crate::config::Loaded;

/// How long reading one of their tables may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What an import did: text for people, JSON for programs.
pub struct Imported(import::ImportReport);

impl Imported {
    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// Takes over what a database of LiteLLM's holds.
///
/// # Errors
/// Which of the two databases cannot be used, and what to do.
pub fn import_litellm(
    loaded: &Loaded,
    from: Secret,
    dry_run: bool,
) -> BoxFuture<'_, Result<Imported, Unopened>> {
    Box::pin(async move {
        let storage = &loaded.config.storage;
        if storage.directory.as_deref() == Some(Path::new(IN_MEMORY)) {
            return Err(Unopened {
                what: "the configuration keeps everything in memory: an import would be lost".to_owned(),
                help: "name a folder with `server.data_directory`, or a database with `database.url`"
                    .to_owned(),
            });
        }
        let settings =
            DatabaseSettings { connections: 1, statement_timeout: PATIENCE, ..DatabaseSettings::new(from) };
        let unread = |what: String| Unopened {
            what,
            help: "`--database` is the DATABASE_URL of litellm, and its account may read all tables"
                .to_owned(),
        };
        let source = Database::connect(&settings)
            .map_err(|error| unread(format!("litellm's database cannot be used: {error}")))?;
        let (database, _) = disk::database(storage).await?;
        let report = import::litellm(&source, &Entities::new(database.clone()), dry_run).await;
        source.close().await;
        database.close().await;
        report.map(Imported).map_err(|error| unread(format!("the import ended early: {error}")))
    })
}
