//! The one place that reads configurations: everything else of the program sees [`Configured`].

use std::sync::Arc;
use std::time::Duration;

use llm_config::{Builder, CertificateFiles, Flags, Loaded, Models, Origin, Prepared, Services};
use llm_gateway::GatewayParts;
use llm_server::{Certificate, Dashboard, Limits};

use crate::Failure;
use crate::cli::{Serve, Source};

/// What the program needs to know of a configuration.
#[derive(Clone)]
pub(crate) struct Configured {
    loaded: Arc<Loaded>,
    /// The address to listen on; `None`: nobody said.
    pub host: Option<String>,
    /// The port to listen on.
    pub port: u16,
    /// Clients must show a key.
    pub has_key: bool,
    /// What clients may send.
    pub limits: Limits,
    /// The files of the certificate that clients are shown, and of its key; `None`: connections are not encrypted.
    pub certificate: Option<CertificateFiles>,
    /// Proxies that stand in front.
    pub proxies: usize,
    /// What the pages at `/ui` are; `None`: there are none.
    pub dashboard: Option<Dashboard>,
    /// How long open requests may take at the end.
    pub drain_timeout: Duration,
    /// JSON lines, whatever the output is.
    pub json_logs: Option<bool>,
    /// Log more.
    pub verbose: bool,
    /// Where the configuration came from, in words.
    pub found: String,
    /// The names of what is served, in the order of the configuration.
    pub models: Vec<String>,
    /// What is weak about it, in words.
    pub warnings: Vec<String>,
}

/// Reads the configuration that the command line names, or what stands in for one.
pub(crate) fn load(flags: &Serve) -> Result<Configured, Failure> {
    let said = Flags {
        host: flags.host.clone(),
        port: flags.port,
        debug: flags.debug,
        record: flags.record.clone(),
        replay: flags.replay.clone(),
        certificate: flags.ssl_certfile_path.clone(),
        certificate_key: flags.ssl_keyfile_path.clone(),
    };
    if flags.mock {
        let options =
            llm_config::Options { flags: said, mock_server: true, ..llm_config::Options::default() };
        return loaded(&options).map(Configured::of);
    }
    read(&flags.source, said).map(Configured::of)
}

/// What a configuration would serve, in words.
pub(crate) fn check(source: &Source) -> Result<String, Failure> {
    let configured = read(source, Flags::default()).map(Configured::of)?;
    // Building finds what reading cannot: addresses and headers that are none.
    configured.parts()?;
    Ok(llm_config::describe(&configured.loaded))
}

/// What the gateway of a configuration is made from.
pub(crate) fn parts(source: &Source) -> Result<GatewayParts, Failure> {
    Configured::of(read(source, Flags::default())?).parts()
}

/// The JSON schema of configurations.
pub(crate) fn schema() -> String {
    llm_config::schema()
}

fn read(source: &Source, flags: Flags) -> Result<Loaded, Failure> {
    let options =
        llm_config::Options { config: source.config.clone(), flags, ..llm_config::Options::from_process() };
    loaded(&options)
}

fn loaded(options: &llm_config::Options) -> Result<Loaded, Failure> {
    llm_config::load(options).map_err(|report| Failure(report.to_string()))
}

/// What the files of a certificate hold: the chain, and its private key.
type CertificateParts = (Vec<u8>, Vec<u8>);

impl Configured {
    fn of(loaded: Loaded) -> Self {
        let server = &loaded.config.server;
        let limits =
            Limits { body: server.max_request_bytes, head_time: server.header_timeout, ..Limits::default() };
        Self {
            host: server.host.clone(),
            port: server.port,
            has_key: server.master_key.is_some(),
            limits,
            certificate: server.certificate.clone(),
            proxies: server.trusted_proxies,
            dashboard: dashboard(&loaded),
            drain_timeout: server.drain_timeout,
            json_logs: server.json_logs,
            verbose: server.verbose,
            found: found(&loaded),
            models: models(&loaded),
            warnings: loaded.warnings.problems.iter().map(ToString::to_string).collect(),
            loaded: Arc::new(loaded),
        }
    }

    /// The files that it was read from, as far as they are to be watched.
    pub(crate) fn files(&self, flags: &Serve) -> Vec<String> {
        if flags.no_watch {
            return Vec::new();
        }
        let sources = &self.loaded.sources;
        let files = sources.files.iter().chain(&sources.dotenv).map(|file| file.to_string());
        let renewed = self.certificate.iter().flat_map(|files| [files.chain.clone(), files.key.clone()]);
        files.chain(renewed).collect()
    }

    /// What clients are shown, read from its files.
    pub(crate) fn certificate(&self) -> Result<Option<Certificate>, Failure> {
        let Some((chain, key)) = self.certificate_parts()? else { return Ok(None) };
        Certificate::new(&chain, &key).map(Some).map_err(|error| unusable(&error))
    }

    /// Shows clients what the files hold now.
    pub(crate) fn renew(&self, shown: &Certificate) -> Result<(), Failure> {
        let Some((chain, key)) = self.certificate_parts()? else { return Ok(()) };
        shown.replace(&chain, &key).map_err(|error| unusable(&error))
    }

    fn certificate_parts(&self) -> Result<Option<CertificateParts>, Failure> {
        let Some(files) = &self.certificate else { return Ok(None) };
        let read = |path: &str| {
            std::fs::read(path).map_err(|error| {
                Failure(format!("error: the file {path} cannot be read: {error}\n  help: name a file in PEM"))
            })
        };
        Ok(Some((read(&files.chain)?, read(&files.key)?)))
    }

    /// What the gateway is made from.
    pub(crate) fn parts(&self) -> Result<GatewayParts, Failure> {
        self.parts_after(&mut Builder::default())
    }

    /// What outlives the configuration; nothing for a vendor for tests.
    pub(crate) async fn services(&self) -> Result<Option<Services>, Failure> {
        if self.loaded.config.mock_server {
            return Ok(None);
        }
        let opened = Services::open(&self.loaded).await.map_err(|error| Failure(error.to_string()))?;
        opened.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        tracing::info!(place = opened.place, "keys and rows of calls are kept here");
        Ok(Some(opened))
    }

    /// What it says of callers, budgets and alerts, for services that run.
    pub(crate) fn prepared(&self, services: &Services) -> Result<Prepared, Failure> {
        services.prepare(&self.loaded).map_err(|error| Failure(error.to_string()))
    }

    /// Tells those of calls whom it and the store name.
    pub(crate) fn tell(&self, services: &Services) -> Result<(), Failure> {
        services.tell_of(&self.loaded).map_err(|error| Failure(error.to_string()))
    }

    /// Puts the models of the store, as they were read last, beside those of the files.
    pub(crate) fn with_stored(mut self, models: Option<&Models>) -> Self {
        if let Some(models) = models {
            models.put_beside(Arc::make_mut(&mut self.loaded));
        }
        self
    }

    /// Tells those who ask what is served that it is this.
    pub(crate) fn is_served(&self, models: Option<&Models>) {
        if let Some(models) = models {
            models.serves(Arc::clone(&self.loaded));
        }
    }

    /// The same, where an earlier configuration was built: what did not change stays.
    pub(crate) fn parts_after(&self, builder: &mut Builder) -> Result<GatewayParts, Failure> {
        builder.build(&self.loaded).map_err(|report| Failure(report.to_string()))
    }
}

fn unusable(error: &llm_core::Error) -> Failure {
    Failure(format!("error: {}\n  help: see --ssl-certfile-path and --ssl-keyfile-path", error.message()))
}

/// A vendor for tests has no pages.
fn dashboard(loaded: &Loaded) -> Option<Dashboard> {
    let server = &loaded.config.server;
    let said = server.dashboard.as_ref().filter(|_| !loaded.config.mock_server)?;
    let (username, password) = (said.username.clone(), said.password.clone());
    Some(Dashboard { master_key: server.master_key.clone(), username, password })
}

fn found(loaded: &Loaded) -> String {
    let sources = &loaded.sources;
    let files: Vec<&str> = sources.files.iter().chain(&sources.dotenv).map(|file| &**file).collect();
    let files = files.join(", ");
    if loaded.config.mock_server {
        return "nothing: this is a vendor for tests, whose models do what their names say".to_owned();
    }
    match (sources.deployments, files.is_empty()) {
        (Origin::Files, _) => files,
        (Origin::Environment, true) => "keys of vendors in the environment".to_owned(),
        (Origin::Environment, false) => format!("keys of vendors in {files} and the environment"),
        (Origin::Mock, _) => {
            "no configuration and no vendor's key, so built-in mock models answer; set a vendor's key, or give a \
             --config"
                .to_owned()
        }
    }
}

fn models(loaded: &Loaded) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for deployment in &loaded.config.deployments {
        if !names.contains(&deployment.public) {
            names.push(deployment.public.clone());
        }
    }
    names
}
