//! What outlives a configuration: the store of keys, the ledger, and governance. Opened once, before the first gateway.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_callbacks::CallbackThread;
use llm_governance::{
    Changed, Directory, Governance, GovernanceParts, Ledger, MemoryStore, NoEvents, NoLedger, Reports, Store,
    Timestamp,
};
use llm_management::{Changes, Management, ManagementParts};

use self::shared::Sharing;
use crate::alerts::{AlertThread, WatchedLedger};
use crate::build::Builder;
use crate::config::{Config, Loaded};

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod disk;
#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
#[path = "services/no_disk.rs"]
mod disk;
mod models;
mod shared;
mod tokens;

pub use models::{Asked, Models};

#[cfg(feature = "postgres")]
mod import;
#[cfg(not(feature = "postgres"))]
#[path = "services/no_import.rs"]
mod import;

pub use import::{Imported, import_litellm};

/// What stands in the place of a folder where nothing is to outlast the process.
const IN_MEMORY: &str = ":memory:";

/// How often windows that are over are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// How often somebody looks whether rows reach the database.
const LOOK: Duration = Duration::from_secs(5);

/// The rows of calls are in the database that long after they ended, unless it is gone.
const BOOKED_AFTER: Duration = Duration::from_secs(10);

/// What outlives a configuration. Dropping it books what waits, and closes the store.
pub struct Services {
    /// Who may ask, for what, and for how much.
    pub governance: Arc<Governance>,
    /// Keys, teams and users, for administrators.
    pub management: Arc<Management>,
    /// Models that administrators add; `None`: the configuration wants none in the store.
    pub models: Option<Arc<Models>>,
    /// What is known of past calls; `None`: no rows are kept.
    pub reports: Option<Arc<dyn Reports>>,
    /// Where all that is kept, in words.
    pub place: String,
    /// What is weak about it, in words.
    pub warnings: Vec<String>,
    draining: Option<Box<dyn Draining>>,
    /// After the draining, whose end it may tell of.
    alerts: Option<AlertThread>,
    callbacks: Option<CallbackThread>,
}

/// Why a gateway cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    what: String,
    help: String,
}

impl fmt::Display for Unopened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}\n  help: {}", self.what, self.help)
    }
}

impl std::error::Error for Unopened {}

/// What books rows. Dropping it books what waits.
trait Draining: Send + Sync {
    /// Whether rows are being booked: what waits does not wait for a database that is gone.
    fn is_booking(&self) -> bool;
}

/// Where things are kept.
struct Kept {
    store: Arc<dyn Store>,
    directory: Arc<dyn Directory>,
    ledger: Arc<dyn Ledger>,
    reports: Option<Arc<dyn Reports>>,
    draining: Option<Box<dyn Draining>>,
    place: String,
    warnings: Vec<String>,
}

/// Tells governance of what administrators change.
struct Forgetting(Arc<Governance>, Sharing);

impl Changes for Forgetting {
    fn changed(&self, what: Changed) {
        self.0.forget(&what);
        self.1.changed(what);
    }
}

impl Services {
    /// Opens what a configuration names: makes the folder and the database where there are none, brings an older
    /// database up to date, and books what a former life left in the journal.
    ///
    /// # Errors
    /// What cannot be used, and what to do.
    pub async fn open(loaded: &Loaded) -> Result<Self, Unopened> {
        let config = &loaded.config;
        let kept = Kept::open(config).await?;
        let sealing = disk::sealing(config)?;
        let sharing = Sharing::start(config.redis.as_ref())?;
        let tokens = tokens::open(config, &kept.store)?;
        let alerts = alerts(config)?;
        let callbacks =
            CallbackThread::start(&config.callbacks).map_err(|error| no_thread("callbacks", &error))?;
        let settings = &config.governance;
        let governance = Arc::new(Governance::new(GovernanceParts {
            master_key: config.server.master_key.clone(),
            directory: kept.directory,
            ledger: watched(kept.ledger, alerts.as_ref()),
            events: alerts
                .as_ref()
                .map_or_else(|| Arc::new(NoEvents) as _, |thread| Arc::clone(&thread.alerts) as _),
            global: settings.global.clone(),
            mode: settings.mode,
            unpriced: settings.unpriced,
            windows: settings.windows,
            callers: settings.callers,
            tokens,
            shared: sharing.counters(),
            without_shared: settings.without_shared,
        }));
        let others = Arc::clone(&governance);
        let sharing = sharing.listen(config.redis.as_ref(), move |what| others.forget(what))?;
        let no_models = !config.storage.keeps_models;
        let models = || Arc::new(Models::new(Arc::clone(&kept.store), sealing.clone()));
        let models = (!no_models).then(models);
        let management = Arc::new(Management::new(ManagementParts {
            store: kept.store,
            changes: Arc::new(Forgetting(Arc::clone(&governance), sharing)),
            settings: llm_management::Settings { no_models, ..config.governance.management.clone() },
            reports: kept.reports.clone(),
            sealing,
            serving: models.clone().map(|models| models as _),
        }));
        let (reports, place, warnings, draining) = (kept.reports, kept.place, kept.warnings, kept.draining);
        Ok(Self { governance, management, models, reports, place, warnings, draining, alerts, callbacks })
    }

    /// Builds gateways that these services are for.
    pub fn builder(&self) -> Builder {
        let builder = Builder::under(Arc::clone(&self.governance));
        let builder = match &self.alerts {
            Some(thread) => builder.telling(Arc::clone(&thread.alerts) as _),
            None => builder,
        };
        match &self.callbacks {
            Some(thread) => builder.logging(Arc::clone(&thread.callbacks) as _),
            None => builder,
        }
    }

    /// Forgets what is over, from time to time, until it is dropped.
    pub async fn tidy(&self) {
        let mut swept = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            if let (Some(thread), Some(draining)) = (&self.alerts, &self.draining) {
                thread.alerts.booking(draining.is_booking());
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                let now = Timestamp::now();
                self.governance.accounts().sweep(now, self.stored(now));
            }
        }
    }

    /// The time before which all rows are in the database.
    fn stored(&self, now: Timestamp) -> Timestamp {
        let is_booking = self.draining.as_ref().is_some_and(|draining| draining.is_booking());
        let late = i64::try_from(BOOKED_AFTER.as_micros()).unwrap_or(i64::MAX);
        if is_booking { Timestamp(now.0.saturating_sub(late)) } else { Timestamp(0) }
    }
}

/// Begins to tell those whom the configuration names.
fn alerts(config: &Config) -> Result<Option<AlertThread>, Unopened> {
    AlertThread::start(&config.alerts).map_err(|error| no_thread("alerting", &error))
}

fn no_thread(section: &str, error: &std::io::Error) -> Unopened {
    Unopened {
        what: format!("no thread for `{section}`: {error}"),
        help: format!("let the process have more threads, or leave `{section}` out"),
    }
}

fn watched(ledger: Arc<dyn Ledger>, alerts: Option<&AlertThread>) -> Arc<dyn Ledger> {
    match alerts {
        Some(thread) => Arc::new(WatchedLedger { ledger, alerts: Arc::clone(&thread.alerts) }),
        None => ledger,
    }
}

impl Kept {
    async fn open(config: &Config) -> Result<Self, Unopened> {
        let storage = &config.storage;
        if storage.directory.as_deref() == Some(Path::new(IN_MEMORY)) {
            return Ok(Self::in_memory());
        }
        let named = storage.directory.is_some() || storage.database.is_some();
        match disk::open(storage).await {
            // A second gateway that somebody starts to try something must not fail for a folder that nobody named.
            Err(error) if !named => {
                let warning = format!(
                    "keys, teams and the rows of calls are kept in memory alone: {} ({})",
                    error.what, error.help
                );
                Ok(Self { warnings: vec![warning], ..Self::in_memory() })
            }
            kept => kept,
        }
    }

    fn in_memory() -> Self {
        let store = Arc::new(MemoryStore::default());
        Self {
            directory: Arc::clone(&store) as _,
            store,
            ledger: Arc::new(NoLedger),
            reports: None,
            draining: None,
            place: "memory".to_owned(),
            warnings: Vec::new(),
        }
    }
}
