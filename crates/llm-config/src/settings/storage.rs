//! Where keys, teams, what was spent and the rows of calls are kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use llm_core::Secret;
use llm_governance::ExportFormat;
use llm_store::{DatabaseSettings, Durability, JournalSettings, WhenFull};
use serde::Deserialize;

use crate::environment::Environment;
use crate::strict::period;

/// What stands in the place of a folder where nothing is to outlast the process.
pub(crate) const IN_MEMORY: &str = ":memory:";

/// Where everything is kept that outlasts the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageSettings {
    /// The folder of the journal, and of the database where no address is given; `None`: nobody said.
    pub directory: Option<PathBuf>,
    /// The folder where nobody said.
    pub usual_directory: PathBuf,
    /// The database; `None`: a file in the folder.
    pub database: Option<Secret>,
    /// How many connections it may have at most.
    pub connections: usize,
    /// How long a new connection may take.
    pub connect_timeout: Duration,
    /// Whether gateways share limits and budgets through a PostgreSQL where they have no Redis.
    pub shares_limits: bool,
    /// What the vendors' keys in the database are sealed with; `None`: the master key.
    pub salt_key: Option<Secret>,
    /// Whether models may be kept in the database.
    pub keeps_models: bool,
    /// Whether rows of calls are kept.
    pub keeps_rows: bool,
    /// Whether what was asked and answered is kept beside them.
    pub keeps_words: bool,
    /// When a row counts as written.
    pub durability: Durability,
    /// How long the journal may become, in bytes.
    pub max_journal: u64,
    /// What happens when rows can no longer be written.
    pub when_full: WhenFull,
    /// How long rows are kept; `None`: for ever.
    pub keep: Option<Duration>,
    /// Where they go then; `None`: nowhere.
    pub archive: Option<PathBuf>,
    /// What they are written as there.
    pub archive_format: ExportFormat,
}

#[derive(Deserialize)]
pub(super) struct ReadStorage {
    directory: Option<String>,
    url: Option<Secret>,
    connections: usize,
    connect_timeout: f64,
    share_limits: bool,
    salt_key: Option<Secret>,
    store_models: bool,
    disable_rows: bool,
    store_words: Option<bool>,
    no_words: Option<bool>,
    durability: String,
    max_size_mb: f64,
    when_full: String,
    keep: Option<String>,
    archive: Option<String>,
    archive_format: String,
}

impl ReadStorage {
    pub(super) fn settings(self, environment: &Environment) -> StorageSettings {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let max_journal = (self.max_size_mb.clamp(1.0, 1_048_576.0) * 1_048_576.0) as u64;
        StorageSettings {
            directory: self.directory.map(PathBuf::from),
            usual_directory: usual_directory(environment),
            database: self.url,
            connections: self.connections.max(1),
            connect_timeout: Duration::from_secs_f64(self.connect_timeout),
            shares_limits: self.share_limits,
            salt_key: self.salt_key,
            keeps_models: self.store_models,
            keeps_rows: !self.disable_rows,
            keeps_words: self.store_words == Some(true) && self.no_words != Some(true),
            durability: if self.durability == "strict" { Durability::Strict } else { Durability::Process },
            max_journal,
            when_full: if self.when_full == "serve" { WhenFull::Serve } else { WhenFull::Refuse },
            keep: self.keep.as_deref().and_then(period),
            archive: self.archive.map(PathBuf::from),
            archive_format: ExportFormat::named(&self.archive_format).unwrap_or_default(),
        }
    }
}

impl StorageSettings {
    /// How the database at this address is talked to.
    pub fn database(&self, url: Secret) -> DatabaseSettings {
        DatabaseSettings {
            connections: self.connections,
            connect_timeout: self.connect_timeout,
            ..DatabaseSettings::new(url)
        }
    }

    /// The database where it is a server that several gateways may share, and keys are kept there.
    pub fn server(&self) -> Option<DatabaseSettings> {
        let url = self.database.as_ref().filter(|url| url.expose().starts_with("postgres"))?;
        let is_in_memory = self.directory.as_deref() == Some(Path::new(IN_MEMORY));
        (!is_in_memory).then(|| self.database(url.clone()))
    }

    /// How the journal in this folder is kept.
    pub fn journal(&self, directory: PathBuf) -> JournalSettings {
        JournalSettings {
            durability: self.durability,
            max_bytes: self.max_journal,
            when_full: self.when_full,
            ..JournalSettings::new(directory)
        }
    }
}

/// Where programs keep what is theirs: <https://specifications.freedesktop.org/basedir-spec/latest/>.
fn usual_directory(environment: &Environment) -> PathBuf {
    let home = || Some(PathBuf::from(environment.get("HOME")?).join(".local/share"));
    let base = environment.get("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
    base.map_or_else(|| PathBuf::from("llm-server-data"), |base| base.join("llm-server"))
}
