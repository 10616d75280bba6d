//! What outlives a configuration: the store of keys, the ledger, and governance. Opened once, before the first gateway.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_callbacks::{KeepsWords, MetricSettings, MetricThread};
use llm_core::BoxFuture;
use llm_gateway::{CallLog, Gateway};
use llm_governance::Records;
use llm_governance::entity::Setting;
use llm_governance::token::TokenSettings;
use llm_governance::{
    Changed, Directory, Governance, GovernanceParts, Ledger, MemoryStore, NoLedger, Reports, Rules, Store,
    Timestamp,
};
use llm_management::{Changes, Management, ManagementParts, Sealing};

use parking_lot::Mutex;

use self::fixed::Fixed;
use self::shared::Sharing;
use crate::alerts::{Bell, WatchedLedger};
use crate::build::Builder;
use crate::config::{Config, Loaded};
use crate::settings::{AlertSettings, IN_MEMORY};

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod disk;
#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
#[path = "services/no_disk.rs"]
mod disk;
mod fixed;
mod link;
mod models;
mod shared;
mod stored_settings;
mod tokens;
mod told;

pub use link::DatabaseLink;
pub use models::{Asked, Models};
pub(crate) use told::WORDS;
use told::{Told, told_of};

#[cfg(feature = "postgres")]
mod import;
#[cfg(not(feature = "postgres"))]
#[path = "services/no_import.rs"]
mod import;

pub use import::{Imported, import_litellm};

/// Where an import says that it was there.
const IMPORTED: &str = "import/litellm";

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
    /// The database; `None`: everything is in memory.
    pub database: Option<Arc<DatabaseLink>>,
    draining: Option<Box<dyn Draining>>,
    store: Arc<dyn Store>,
    fixed: Fixed,
    /// What encrypts what is kept; `None`: nothing can.
    sealing: Option<Arc<dyn Sealing>>,
    /// What the tokens that are taken now were made of.
    tokens: Mutex<OfTokens>,
    /// After the draining, whose end it may tell of.
    callbacks: Mutex<Told>,
    /// What keeps what was said, where the configuration wants that; `None`: nothing can.
    words: Option<Arc<dyn KeepsWords>>,
    /// Where metrics are told.
    metrics: Option<MetricSettings>,
    bell: Arc<Bell>,
}

/// What tokens are made of: the same make the same.
#[derive(Clone, PartialEq)]
struct OfTokens(Option<TokenSettings>, llm_management::Settings);

/// What a configuration says of everything that these services do, ready to be applied.
pub struct Prepared {
    rules: Rules,
    settings: llm_management::Settings,
    alerts: AlertSettings,
    of_tokens: OfTokens,
    /// Who is told of calls, where that is somebody else.
    callbacks: Option<Told>,
    /// Settings that are other than at the start and need a restart, by their names in files.
    pub waiting: Vec<&'static str>,
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
    words: Option<Arc<dyn KeepsWords>>,
    draining: Option<Box<dyn Draining>>,
    database: Option<Arc<DatabaseLink>>,
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

/// What a configuration says of callers and of what they may spend.
fn parts(
    config: &Config,
    directory: Arc<dyn Directory>,
    ledger: Arc<dyn Ledger>,
    bell: &Arc<Bell>,
) -> GovernanceParts {
    let settings = &config.governance;
    GovernanceParts {
        master_key: config.server.master_key.clone(),
        directory,
        ledger: Arc::new(WatchedLedger { ledger, bell: Arc::clone(bell) }),
        events: Arc::clone(bell) as _,
        global: settings.global.clone(),
        customers: settings.customers.clone(),
        tags: settings.tags.clone(),
        mode: settings.mode,
        unpriced: settings.unpriced,
        windows: settings.windows,
        callers: settings.callers,
        tokens: None,
        shared: None,
        without_shared: settings.without_shared,
    }
}

/// What to say where prompts are to be kept and nothing keeps them.
fn unkept(config: &Config, are_kept: bool) -> Option<String> {
    let warning = "`store_prompts_in_spend_logs` has no effect: no rows of calls are kept that prompts could stand beside";
    (config.storage.keeps_words && !are_kept).then(|| warning.to_owned())
}

fn of_management(config: &Config) -> llm_management::Settings {
    let no_models = !config.storage.keeps_models;
    llm_management::Settings { no_models, ..config.governance.management.clone() }
}

impl Services {
    /// Opens what a configuration names: makes the folder and the database where there are none, brings an older
    /// database up to date, and books what a former life left in the journal.
    ///
    /// # Errors
    /// What cannot be used, and what to do.
    pub fn open(loaded: &Loaded) -> BoxFuture<'_, Result<Self, Unopened>> {
        Box::pin(async move {
            let config = &loaded.config;
            let kept = Kept::open(config).await?;
            let sealing = disk::sealing(config)?;
            let sharing = Sharing::start(config)?;
            let tokens = tokens::open(config, &kept.store)?;
            let callbacks = Mutex::new(Told::of(loaded, sealing.as_ref(), kept.words.as_ref())?);
            let bell = Arc::new(Bell::default());
            hang(&bell, &config.alerts)?;
            let governance = Arc::new(Governance::new(GovernanceParts {
                tokens,
                shared: sharing.counters(),
                ..parts(config, kept.directory, kept.ledger, &bell)
            }));
            let models =
                || Arc::new(Models::new(Arc::clone(&kept.store), sealing.clone(), Arc::clone(&bell)));
            let models = config.storage.keeps_models.then(models);
            let (others, stored) = (Arc::clone(&governance), models.clone());
            let (sharing, weak) = sharing.listen(config, move |what| {
                others.forget(what);
                if let (true, Some(stored)) = (models::concerns(what), &stored) {
                    stored.wake();
                }
            });
            let management = Arc::new(Management::new(ManagementParts {
                store: Arc::clone(&kept.store),
                changes: Arc::new(Forgetting(Arc::clone(&governance), sharing)),
                settings: of_management(config),
                reports: kept.reports.clone(),
                sealing: sealing.clone(),
                serving: models.clone().map(|models| models as _),
                alarms: Some(Arc::clone(&bell) as _),
            }));
            let (reports, place, draining, database) =
                (kept.reports, kept.place, kept.draining, kept.database);
            let mut warnings = kept.warnings;
            warnings.extend(weak);
            warnings.extend(unkept(config, kept.words.is_some()));
            let (store, fixed, tokens) = (kept.store, Fixed::of(config), Mutex::new(OfTokens::of(config)));
            Ok(Self {
                governance,
                management,
                models,
                reports,
                place,
                warnings,
                database,
                draining,
                store,
                fixed,
                sealing,
                tokens,
                callbacks,
                words: kept.words,
                metrics: config.callbacks.metrics.clone(),
                bell,
            })
        })
    }

    /// Begins to tell a collector what a gateway counts, until what is given back is dropped; `None`: nobody is to be told.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn tell_metrics(&self, gateway: &Arc<Gateway>) -> Result<Option<MetricThread>, Unopened> {
        let Some(settings) = self.metrics.clone() else { return Ok(None) };
        let gateway = Arc::clone(gateway);
        let thread = MetricThread::start(settings, Arc::new(move || gateway.instruments()));
        thread.map(Some).map_err(|error| no_thread("metrics", &error))
    }

    /// The end: books what waits in the journal, then closes the database.
    pub async fn close(mut self) {
        drop(self.draining.take());
        if let Some(database) = &self.database {
            database.close().await;
        }
    }

    /// Builds gateways that these services are for.
    pub fn builder(&self) -> Builder {
        let builder = Builder::under(Arc::clone(&self.governance)).telling(Arc::clone(&self.bell) as _);
        match self.log() {
            Some(log) => builder.logging(log),
            None => builder,
        }
    }

    /// Who is told of calls; `None`: nobody.
    pub fn log(&self) -> Option<Arc<dyn CallLog>> {
        self.callbacks.lock().log()
    }

    /// Tells those of calls whom the configuration and the store name now. Make the gateway right after it.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn tell_of(&self, loaded: &Loaded) -> Result<(), Unopened> {
        if let Some(told) = self.told_anew(loaded)? {
            self.replace_told(told);
        }
        Ok(())
    }

    /// Who is told of calls, where that is not as it was.
    fn told_anew(&self, loaded: &Loaded) -> Result<Option<Told>, Unopened> {
        let version = told_of(&loaded.config, self.words.as_ref()).version;
        let is_same = self.callbacks.lock().version == version;
        let told = || Told::of(loaded, self.sealing.as_ref(), self.words.as_ref());
        (!is_same).then(told).transpose()
    }

    fn replace_told(&self, told: Told) {
        let before = std::mem::replace(&mut *self.callbacks.lock(), told);
        // Its last calls may take some seconds, for which nobody waits.
        std::thread::spawn(move || drop(before));
    }

    /// Who will be, when this is applied.
    pub fn log_after(&self, prepared: &Prepared) -> Option<Arc<dyn CallLog>> {
        prepared.callbacks.as_ref().map_or_else(|| self.log(), Told::log)
    }

    /// Reads what a new configuration says of callers, budgets and alerts. Nothing changes yet.
    ///
    /// # Errors
    /// What it says that cannot be.
    pub fn prepare(&self, loaded: &Loaded) -> Result<Prepared, Unopened> {
        let config = &loaded.config;
        let settings = &config.governance;
        let (now, of_tokens) = (self.governance.rules(), OfTokens::of(config));
        // The same ones know the keys of providers already.
        let is_same = *self.tokens.lock() == of_tokens;
        let tokens = if is_same { now.tokens.clone() } else { tokens::open(config, &self.store)? };
        let rules = Rules {
            master_key: now.master_key.clone(),
            global: settings.global.clone(),
            customers: settings.customers.clone(),
            tags: settings.tags.clone(),
            mode: settings.mode,
            unpriced: settings.unpriced,
            without_shared: settings.without_shared,
            tokens,
        };
        let (settings, alerts) = (settings.management.clone(), config.alerts.clone());
        let callbacks = self.told_anew(loaded)?;
        Ok(Prepared { rules, settings, alerts, of_tokens, callbacks, waiting: self.fixed.differs(config) })
    }

    /// From now on this holds, all of it at once for each caller. Put the gateway of the same configuration in place
    /// right after it.
    pub fn apply(&self, prepared: Prepared) {
        *self.tokens.lock() = prepared.of_tokens;
        self.governance.apply(prepared.rules);
        self.management.apply(prepared.settings);
        if let Err(error) = self.bell.hang(&prepared.alerts) {
            tracing::error!(%error, "those who were told of alerts before are told on");
        }
        if let Some(told) = prepared.callbacks {
            self.replace_told(told);
        }
    }

    /// Forgets what is over, from time to time, until it is dropped.
    pub fn tidy(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut swept = Instant::now();
            let mut imported = self.imported().await;
            loop {
                tokio::time::sleep(LOOK).await;
                if let (Some(alerts), Some(draining)) = (self.bell.alerts(), &self.draining) {
                    alerts.booking(draining.is_booking());
                }
                imported = self.look_for_imports(imported).await;
                if swept.elapsed() >= SWEEP {
                    swept = Instant::now();
                    let now = Timestamp::now();
                    self.governance.accounts().sweep(now, self.stored(now));
                }
            }
        })
    }

    /// When something was imported last; `None`: never, or nobody can say now.
    async fn imported(&self) -> Option<Timestamp> {
        let setting = Records::<Setting>::get(&*self.store, IMPORTED).await.ok()??;
        Some(setting.updated_at)
    }

    /// Another program may put entities into the store: what is in memory is then looked up again.
    async fn look_for_imports(&self, before: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.imported().await.or(before);
        if now != before {
            tracing::info!(
                "an import has changed the store: callers and what they spent are looked up again"
            );
            self.governance.forget_all();
        }
        now
    }

    /// The time before which all rows are in the database.
    fn stored(&self, now: Timestamp) -> Timestamp {
        let is_booking = self.draining.as_ref().is_some_and(|draining| draining.is_booking());
        let late = i64::try_from(BOOKED_AFTER.as_micros()).unwrap_or(i64::MAX);
        if is_booking { Timestamp(now.0.saturating_sub(late)) } else { Timestamp(0) }
    }
}

impl OfTokens {
    fn of(config: &Config) -> Self {
        Self(config.governance.tokens.clone(), config.governance.management.clone())
    }
}

/// Begins to tell those whom the configuration names.
fn hang(bell: &Bell, settings: &AlertSettings) -> Result<(), Unopened> {
    bell.hang(settings).map_err(|error| no_thread("alerting", &error))
}

fn no_thread(section: &str, error: &std::io::Error) -> Unopened {
    Unopened {
        what: format!("no thread for `{section}`: {error}"),
        help: format!("let the process have more threads, or leave `{section}` out"),
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
            words: None,
            draining: None,
            database: None,
            place: "memory".to_owned(),
            warnings: Vec::new(),
        }
    }
}
