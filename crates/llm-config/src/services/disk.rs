//! The store and the ledger in files or databases.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_callbacks::{KeepsWords, Said};
use llm_core::{BoxFuture, Result, Secret};
use llm_governance::{Ledger, NoLedger};
use llm_management::Sealing;
use llm_store::{
    Archive, Books, Database, Drain, DrainSettings, DrainThread, Entities, Journal, Seal, Words,
};

use super::link::Answering;
use super::{DatabaseLink, Draining, Kept, Unopened};
use crate::config::Config;
use crate::settings::StorageSettings;

/// Seals what models must not show.
struct Sealed(Seal);

impl Sealing for Sealed {
    fn seal(&self, belongs_to: &str, secret: &Secret) -> Result<String> {
        self.0.seal(belongs_to, secret)
    }

    fn open(&self, belongs_to: &str, sealed: &str) -> Result<Secret> {
        self.0.open(belongs_to, sealed)
    }
}

/// Keeps what was said beside the rows of calls.
struct WordsOfBooks(Books);

impl KeepsWords for WordsOfBooks {
    fn keep(&self, said: Vec<Said>) -> BoxFuture<'_, std::result::Result<(), String>> {
        let words: Vec<Words> = said
            .into_iter()
            .map(|Said { id, started, request, response }| Words { id, started, request, response })
            .collect();
        // What a database says of values may quote them.
        Box::pin(async move {
            self.0.keep_words(&words).await.map_err(|_| "the database does not take them".to_owned())
        })
    }
}

/// What vendors' keys in the store are sealed with; nothing where there is no key to seal them with.
///
/// # Errors
/// When the key cannot be used.
pub(super) fn sealing(config: &Config) -> Result<Option<Arc<dyn Sealing>>, Unopened> {
    let key = config.storage.salt_key.as_ref().or(config.server.master_key.as_ref());
    let seal = key.map(Seal::new).transpose().map_err(|error| Unopened {
        what: format!("nothing can be sealed with the salt key: {}", error.message()),
        help: "set `database.salt_key`, or LITELLM_SALT_KEY, to a longer one".to_owned(),
    })?;
    Ok(seal.map(|seal| Arc::new(Sealed(seal)) as Arc<dyn Sealing>))
}

impl Answering for Database {
    fn answers(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.query("SELECT 1", &[]).await.is_ok() })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::close(self))
    }
}

impl Draining for (Arc<Drain>, DrainThread) {
    fn is_booking(&self) -> bool {
        self.0.status().failing.is_none()
    }
}

/// Opens the store and the ledger.
///
/// # Errors
/// What cannot be used, and what to do.
pub(super) async fn open(storage: &StorageSettings) -> Result<Kept, Unopened> {
    let folder = folder(storage)?;
    let journal = storage.keeps_rows.then(|| journal(storage, &folder)).transpose()?;
    let (database, place) = database(storage).await?;
    let entities = Arc::new(Entities::new(database.clone()));
    let link = Arc::new(DatabaseLink::new(Box::new(database.clone())));
    let Some(journal) = journal else {
        let ledger = Arc::new(NoLedger);
        let (store, directory) = (Arc::clone(&entities) as _, entities as _);
        let (reports, words, draining, warnings) = (None, None, None, Vec::new());
        return Ok(Kept {
            store,
            directory,
            ledger,
            reports,
            words,
            draining,
            database: Some(link),
            place,
            warnings,
        });
    };
    let (ledger, drain) = drained(storage, journal, &database).await?;
    let books = Books::new(database);
    Ok(Kept {
        store: Arc::clone(&entities) as _,
        directory: entities,
        ledger,
        reports: Some(Arc::new(books.clone())),
        words: Some(Arc::new(WordsOfBooks(books))),
        draining: Some(Box::new(drain)),
        database: Some(link),
        place,
        warnings: Vec::new(),
    })
}

/// The database, and where it is, in words.
///
/// # Errors
/// What cannot be used, and what to do.
pub(super) async fn database(storage: &StorageSettings) -> Result<(Database, String), Unopened> {
    let (url, place) = match &storage.database {
        Some(url) => (url.clone(), "the database of the configuration".to_owned()),
        None => {
            let file = folder(storage)?.join("llm-server.db");
            (Secret::new(format!("sqlite:{}", file.display())), file.display().to_string())
        }
    };
    let database = Database::open(&storage.database(url)).await.map_err(|error| Unopened {
        what: format!("the database cannot be used: {error}"),
        help: "see `database.url`, or `general_settings.database_url`".to_owned(),
    })?;
    Ok((database, place))
}

fn folder(storage: &StorageSettings) -> Result<PathBuf, Unopened> {
    let folder = storage.directory.clone().unwrap_or_else(|| storage.usual_directory.clone());
    let unusable = |error: std::io::Error| Unopened {
        what: format!("the data directory {} cannot be used: {error}", folder.display()),
        help: "name another one with `server.data_directory`, or LLM_DATA_DIRECTORY".to_owned(),
    };
    private(&folder).map_err(unusable)?;
    Ok(folder)
}

/// Makes a folder that nobody else can look into.
fn private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn journal(storage: &StorageSettings, folder: &Path) -> Result<Arc<Journal>, Unopened> {
    let opened = Journal::open(storage.journal(folder.join("journal")));
    opened.map(Arc::new).map_err(|error| Unopened {
        what: format!("the journal in {} cannot be used: {error}", folder.display()),
        help: "each gateway needs a `server.data_directory` of its own".to_owned(),
    })
}

/// Books what the journal has, and goes on booking.
async fn drained(
    storage: &StorageSettings,
    journal: Arc<Journal>,
    database: &Database,
) -> Result<(Arc<dyn Ledger>, (Arc<Drain>, DrainThread)), Unopened> {
    let archive = storage.archive.clone();
    let archive = archive.map(|directory| Archive { directory, format: storage.archive_format });
    let settings = DrainSettings { keep: storage.keep, archive, ..DrainSettings::default() };
    let drain = Arc::new(Drain::new(Arc::clone(&journal), database.clone(), settings));
    let unbooked = |what: String| Unopened {
        what,
        help: "the rows of former calls must be booked before budgets are known: see the database".to_owned(),
    };
    let recovered = drain.recover().await;
    recovered.map_err(|error| unbooked(format!("what the journal has cannot be booked: {error}")))?;
    let thread = drain.start().map_err(|error| unbooked(format!("no thread for the ledger: {error}")))?;
    Ok((journal, (drain, thread)))
}
