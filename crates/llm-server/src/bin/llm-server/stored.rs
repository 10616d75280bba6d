//! What is served while the program runs: new files, and the models of the store.

use llm_config::{Asked, Builder, Models, Services};
use llm_gateway::{Gateway, GatewayParts};
use llm_server::Certificate;

use crate::Failure;
use crate::cli::Serve;
use crate::configured::{self, Configured};

/// A gateway that runs, and what it was made from.
pub(crate) struct Reloading<'a> {
    pub flags: &'a Serve,
    pub gateway: &'a Gateway,
    /// What outlives the configuration.
    pub services: Option<&'a Services>,
    /// `None`: none are kept in the store.
    pub models: Option<&'a Models>,
    pub builder: Builder,
    /// The last one that was good.
    pub configured: Configured,
    /// What clients are shown; `None`: connections are not encrypted.
    pub certificate: Option<Certificate>,
}

/// The first configuration with the models of the store. A store that cannot be read now is read later.
pub(crate) async fn first(configured: Configured, models: Option<&Models>) -> Configured {
    if let Some(models) = models
        && let Err(why) = models.read().await
    {
        tracing::error!(why, "models of the store are not served until it can be read");
    }
    configured.with_stored(models)
}

/// Waits until the models of the store should be read.
pub(crate) async fn asked(models: Option<&Models>) -> Asked {
    match models {
        Some(models) => models.asked().await,
        None => std::future::pending().await,
    }
}

impl Reloading<'_> {
    /// Puts a new configuration in place, and says which files to watch from now on. Where it listens, whether it wants
    /// a key and how much it takes stay as they were: those are decided at the start.
    pub(crate) fn reload(&mut self, why: &str) -> Option<Vec<String>> {
        let read = configured::load(self.flags).and_then(|configured| {
            configured.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            self.renew(&configured)?;
            self.put_rules(configured.with_stored(self.models))
        });
        match read {
            Ok(()) => {
                tracing::info!(why, "configuration read again");
                Some(self.configured.files(self.flags))
            }
            Err(failure) => {
                tracing::error!(why, %failure, "the new configuration is wrong, the old one stays");
                None
            }
        }
    }

    /// Shows clients what the files of the certificate hold now. Whether connections are encrypted was decided at the start.
    fn renew(&self, configured: &Configured) -> Result<(), Failure> {
        match &self.certificate {
            Some(certificate) => configured.renew(certificate),
            None => Ok(()),
        }
    }

    /// Reads the models of the store, and serves them when there is anything new.
    pub(crate) async fn stored(&mut self, asked: Asked) {
        let Some(models) = self.models else { return };
        match models.read().await {
            Ok(true) => match self.put_rules(self.configured.clone().with_stored(self.models)) {
                Ok(()) => tracing::info!("models of the store are served as they are now"),
                Err(failure) => tracing::error!(%failure, "what was served before stays"),
            },
            Ok(false) => {}
            Err(why) => {
                tracing::warn!(why, "models of the store cannot be read: what was served before stays");
            }
        }
        models.answer(asked);
    }

    /// Puts a configuration in place with what it says of callers, budgets and alerts: all of it, or nothing.
    fn put_rules(&mut self, configured: Configured) -> Result<(), Failure> {
        let Some(services) = self.services else { return self.put(configured) };
        let prepared = configured.prepared(services)?;
        self.builder.log_to(services.log_after(&prepared));
        let parts = configured.parts_after(&mut self.builder).inspect_err(|_| {
            self.builder.log_to(services.log());
        })?;
        for setting in &prepared.waiting {
            tracing::warn!(setting, "this setting is read at the start: it holds after a restart");
        }
        services.apply(prepared);
        self.serve(configured, parts);
        Ok(())
    }

    fn put(&mut self, configured: Configured) -> Result<(), Failure> {
        let parts = configured.parts_after(&mut self.builder)?;
        self.serve(configured, parts);
        Ok(())
    }

    fn serve(&mut self, configured: Configured, parts: GatewayParts) {
        self.gateway.replace(parts);
        configured.is_served(self.models);
        self.configured = configured;
    }
}
