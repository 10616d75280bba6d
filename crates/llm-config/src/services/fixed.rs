//! What is decided at the start: settings of a new configuration that need a restart are named, and wait for it.

use llm_governance::BudgetMode;
use llm_store::RedisSettings;

use crate::config::Config;
use crate::settings::{ServerSettings, StorageSettings};

/// What a gateway was started with.
pub(super) struct Fixed {
    server: ServerSettings,
    storage: StorageSettings,
    redis: Option<RedisSettings>,
    windows: llm_governance::Windows,
    callers: llm_governance::CallerSettings,
    estimates: bool,
}

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            server: config.server.clone(),
            storage: config.storage.clone(),
            redis: config.redis.clone(),
            windows: config.governance.windows,
            callers: config.governance.callers,
            estimates: config.governance.mode == BudgetMode::Estimate,
        }
    }

    /// The settings that a configuration says differently, by their names in files.
    pub(super) fn differs(&self, config: &Config) -> Vec<&'static str> {
        let (server, storage, callers) = (&config.server, &config.storage, &config.governance.callers);
        let estimates = config.governance.mode == BudgetMode::Estimate;
        let all = [
            ("server.host", self.server.host != server.host),
            ("server.port", self.server.port != server.port),
            ("server.master_key", self.server.master_key != server.master_key),
            ("server.max_request_size_mb", self.server.max_request_bytes != server.max_request_bytes),
            ("server.header_timeout", self.server.header_timeout != server.header_timeout),
            ("server.trusted_proxies", self.server.trusted_proxies != server.trusted_proxies),
            ("server.ssl_certfile_path", self.server.certificate.is_some() != server.certificate.is_some()),
            ("server.dashboard", self.server.dashboard != server.dashboard),
            ("server.data_directory", self.storage.directory != storage.directory),
            ("database.url", self.storage.database != storage.database),
            ("database.connections", self.storage.connections != storage.connections),
            ("database.connect_timeout", self.storage.connect_timeout != storage.connect_timeout),
            ("database.salt_key", self.storage.salt_key != storage.salt_key),
            ("general_settings.store_model_in_db", self.storage.keeps_models != storage.keeps_models),
            ("general_settings.disable_spend_logs", self.storage.keeps_rows != storage.keeps_rows),
            ("ledger.durability", self.storage.durability != storage.durability),
            ("ledger.max_size_mb", self.storage.max_journal != storage.max_journal),
            ("ledger.when_full", self.storage.when_full != storage.when_full),
            ("ledger.keep", self.storage.keep != storage.keep),
            ("router_settings.redis_url", self.redis != config.redis),
            ("governance.limit_windows", self.windows != config.governance.windows),
            ("governance.cache_time", self.callers.time_to_live != callers.time_to_live),
            ("governance.guesses_per_minute", self.callers.guesses_per_minute != callers.guesses_per_minute),
            ("general_settings.user_api_key_cache_max_size", self.callers.capacity != callers.capacity),
            ("governance.budget_mode", self.estimates != estimates),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}
