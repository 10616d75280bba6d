//! Settings that hold for the whole gateway, layered: defaults, then the file, `.env`, the process environment and
//! the flags, the later one winning.

use std::collections::BTreeMap;
use std::time::Duration;

use figment::Figment;
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::BudgetDuration;
use llm_providers::MediaSettings;
use llm_router::{Limits, RouterSettings};
use llm_store::RedisSettings;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::environment::Environment;
use crate::keys::Shape;
use crate::node::Node;
use crate::report::{Place, Report};
use crate::strict::{flag, number, period, seconds, whole};

mod alerts;
mod bucket;
mod cache;
mod callbacks;
mod endpoints;
mod forwards;
mod governance;
mod guardrails;
mod health;
mod hooks;
mod limits;
mod management;
mod media;
mod otlp;
mod prompts;
mod recordings;
mod redis;
mod router;
mod setting;
mod storage;
mod table;
mod tokens;

pub use alerts::{AlertFormat, AlertKind, AlertSettings, AlertTarget};
pub use bucket::Bucket;
pub use cache::{CacheConfig, CachePlace};
pub(crate) use callbacks::{Reading, callbacks};
pub use endpoints::EndpointConfig;
pub(crate) use endpoints::endpoints;
pub use forwards::ForwardSettings;
pub use governance::GovernanceSettings;
pub use guardrails::GuardrailConfig;
pub(crate) use health::allowed_fails;
pub(crate) use hooks::hooks;
pub use hooks::{HookConfig, HookTarget};
pub use limits::{BudgetConfig, LimitSettings};
pub(crate) use prompts::{Templates, listed, prompts};
pub use recordings::RecordingSettings;
pub(crate) use router::strategy;
use setting::Setting;
pub(crate) use storage::IN_MEMORY;
pub use storage::StorageSettings;
use table::SETTINGS;

/// Where and how the server listens.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettings {
    /// The address to listen on; `None`: nobody said.
    pub host: Option<String>,
    /// The port to listen on.
    pub port: u16,
    /// The key that clients must show; `None`: anyone may ask.
    pub master_key: Option<Secret>,
    /// The largest request body in bytes.
    pub max_request_bytes: usize,
    /// Logs as JSON lines; `None`: as the output is.
    pub json_logs: Option<bool>,
    /// More logs.
    pub verbose: bool,
    /// How long a client may take to send its headers.
    pub header_timeout: Duration,
    /// How long running requests may take after a stop.
    pub drain_timeout: Duration,
    /// How many proxies stand in front, each of which adds to `x-forwarded-for`.
    pub trusted_proxies: usize,
    /// What clients are shown, who then must speak TLS; `None`: connections are not encrypted.
    pub certificate: Option<CertificateFiles>,
    /// What is said of the dashboard; `None`: there is to be none.
    pub dashboard: Option<DashboardSettings>,
}

/// The files of a certificate, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate with its intermediates.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

/// Who signs in to the dashboard, beside those who have a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DashboardSettings {
    /// The name that an administrator may sign in with.
    pub username: Option<String>,
    /// Its password; `None`: the master key.
    pub password: Option<Secret>,
}

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--host`.
    pub host: Option<String>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--debug`.
    pub debug: bool,
    /// `--record`.
    pub record: Option<String>,
    /// `--replay`.
    pub replay: Option<String>,
    /// `--ssl-certfile-path`.
    pub certificate: Option<String>,
    /// `--ssl-keyfile-path`.
    pub certificate_key: Option<String>,
}

/// The settings, and where each one came from.
pub(crate) struct Settings {
    pub(crate) server: ServerSettings,
    pub(crate) router: RouterSettings,
    pub(crate) media: MediaSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) recordings: Option<RecordingSettings>,
    pub(crate) redis: Option<RedisSettings>,
    pub(crate) governance: GovernanceSettings,
    pub(crate) storage: StorageSettings,
    pub(crate) alerts: AlertSettings,
    pub(crate) guardrails: Vec<GuardrailConfig>,
    pub(crate) cache: Option<CacheConfig>,
    pub(crate) places: BTreeMap<&'static str, Place>,
}

/// Puts the layers together. `root` is the checked file.
pub(crate) fn settings(
    root: &Node,
    environment: &Environment,
    flags: &Flags,
    report: &mut Report,
) -> Settings {
    settings_under(root, None, (environment, flags), report)
}

/// The same with what the store says over it. `root` has that already; `stored` is it alone.
pub(crate) fn settings_under(
    root: &Node,
    stored: Option<&Node>,
    (environment, flags): (&Environment, &Flags),
    report: &mut Report,
) -> Settings {
    let (read, places) = read(root, stored, (environment, flags), report);
    let router = read.router.settings(root, &places, report);
    let router = RouterSettings {
        check_interval: read.checks.interval(),
        allows_mock_failures: read.checks.dangerously_allow_mock_testing_request_params,
        ..router
    };
    let (media, limits) = (read.media.settings(root), read.limits.settings(root, report));
    let recordings = read.recordings.settings().unwrap_or_else(|(message, help)| {
        let place = places.get("recordings.mode").cloned().unwrap_or_default();
        report.error(&place, message).help(help);
        None
    });
    let redis = read.redis.settings().unwrap_or_else(|(path, message)| {
        report.error(&places.get(path).cloned().unwrap_or_default(), message);
        None
    });
    let (governance, storage) = (read.governance.settings(root, report), read.storage.settings(environment));
    whole_certificate(&read.server, &places, report);
    let (server, alerts): (ServerSettings, _) = (read.server.into(), read.alerts.settings(root, report));
    let tokens = tokens::settings(root, environment, server.master_key.as_ref(), report);
    let governance = GovernanceSettings { tokens, ..governance };
    let guardrails = guardrails::settings(root, environment, report);
    let cache = cache::settings(root, (redis.as_ref(), &storage), environment, report);
    Settings {
        server,
        router,
        media,
        limits,
        recordings,
        redis,
        governance,
        storage,
        alerts,
        guardrails,
        cache,
        places,
    }
}

/// Says which half of a certificate is missing: clients must not be served without TLS because of it.
fn whole_certificate(read: &ReadServer, places: &BTreeMap<&'static str, Place>, report: &mut Report) {
    let (given, missing) = match (&read.ssl_certfile_path, &read.ssl_keyfile_path) {
        (Some(_), None) => ("ssl_certfile_path", "ssl_keyfile_path"),
        (None, Some(_)) => ("ssl_keyfile_path", "ssl_certfile_path"),
        _ => return,
    };
    let place = places.iter().find(|(path, _)| path.ends_with(given)).map(|(_, place)| place.clone());
    let message = format!("`{given}` stands alone: TLS needs a `{missing}`, too");
    report.error(&place.unwrap_or_default(), message).help("give both, or none");
}

/// All layers, one over the other, and where each setting came from.
fn read(
    root: &Node,
    stored: Option<&Node>,
    (environment, flags): (&Environment, &Flags),
    report: &mut Report,
) -> (Read, BTreeMap<&'static str, Place>) {
    let mut places: BTreeMap<&'static str, Place> = BTreeMap::new();
    let mut figment = Figment::new();
    let is_file = |place: &Place| matches!(place, Place::File { .. });
    let layers = [
        Layer::defaults(),
        Layer::file(root, report),
        Layer::variables("`.env`", environment, is_file, report),
        Layer::variables("environment", environment, |place| !is_file(place), report),
        Layer::flags(flags),
    ];
    // What an administrator sets while the gateway runs wins over all that it was started with.
    let stored = stored.map(|stored| Layer::file(stored, report));
    for layer in layers.into_iter().chain(stored) {
        places.extend(layer.places.clone());
        figment = figment.merge(layer);
    }
    let merged = merged(&figment);
    let read = Read::deserialize(&merged).unwrap_or_else(|_| {
        explain(&merged, &places, report);
        read_defaults()
    });
    (read, places)
}

/// The layers as one value, of a type that much else is read from: what figment reads itself is compiled six times over.
fn merged(figment: &Figment) -> Json {
    figment.extract().expect("layers are maps of names; a test reads them")
}

fn read_defaults() -> Read {
    let defaults = merged(&Figment::from(Layer::defaults()));
    Read::deserialize(&defaults).expect("the defaults are complete; a test reads them")
}

/// What can be wrong is a number outside its range: everything else was checked when the layers were made.
fn explain(merged: &Json, places: &BTreeMap<&'static str, Place>, report: &mut Report) {
    for (path, place) in places {
        let Some((section, name)) = path.split_once('.') else { continue };
        // The defaults with this one value: who refuses them refuses it.
        let mut alone = self::merged(&Figment::from(Layer::defaults()));
        alone[section][name] = merged[section][name].clone();
        if Read::deserialize(&alone).is_err() {
            report.error(place, format!("`{name}` is outside its range")).help("a port is at most 65535");
        }
    }
}

/// One layer of settings by path, with their places.
struct Layer {
    name: &'static str,
    values: Dict,
    places: BTreeMap<&'static str, Place>,
}

impl Layer {
    fn new(name: &'static str) -> Self {
        Self { name, values: Dict::new(), places: BTreeMap::new() }
    }

    fn defaults() -> Self {
        let mut layer = Self::new("defaults");
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                layer.set(setting, default, &Place::Default, &mut Report::default());
            }
        }
        layer
    }

    fn file(root: &Node, report: &mut Report) -> Self {
        let mut layer = Self::new("file");
        for setting in SETTINGS {
            let found = setting.files.iter().find_map(|path| root.at_path(path));
            if let Some((node, text)) = found.and_then(|node| Some((node, node.text()?))) {
                layer.set(setting, text, &node.at, report);
            }
        }
        layer
    }

    fn variables(
        name: &'static str,
        environment: &Environment,
        wanted: impl Fn(&Place) -> bool,
        report: &mut Report,
    ) -> Self {
        let mut layer = Self::new(name);
        for setting in SETTINGS {
            let mut names = setting.variables.iter().filter(|name| wanted(&environment.place(name)));
            if let Some((name, value)) = names.find_map(|name| Some((name, environment.get(name)?))) {
                layer.set(setting, value, &environment.place(name), report);
            }
        }
        layer
    }

    fn flags(flags: &Flags) -> Self {
        let mut layer = Self::new("flags");
        let port = flags.port.map(|port| port.to_string());
        let verbose = flags.debug.then(|| "true".to_owned());
        let record = flags.record.as_ref().map(|_| "record".to_owned());
        let replay = flags.replay.as_ref().map(|_| "replay".to_owned());
        for (path, flag, value) in [
            ("server.host", "--host", &flags.host),
            ("server.port", "--port", &port),
            ("server.verbose", "--debug", &verbose),
            ("server.ssl_certfile_path", "--ssl-certfile-path", &flags.certificate),
            ("server.ssl_keyfile_path", "--ssl-keyfile-path", &flags.certificate_key),
            ("recordings.mode", "--record", &record),
            ("recordings.directory", "--record", &flags.record),
            ("recordings.mode", "--replay", &replay),
            ("recordings.directory", "--replay", &flags.replay),
        ] {
            let setting = SETTINGS.iter().find(|setting| setting.path == path);
            if let (Some(setting), Some(value)) = (setting, value) {
                layer.set(setting, value, &Place::Flag(flag), &mut Report::default());
            }
        }
        layer
    }

    fn set(&mut self, setting: &'static Setting, text: &str, place: &Place, report: &mut Report) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let (value, wanted) = match setting.shape {
            Shape::Bool => (flag(text).map(Value::from), "true or false"),
            Shape::Whole => (whole(text).map(Value::from), "a whole number"),
            Shape::Number => (number(text).map(Value::from), "a number"),
            Shape::Seconds => {
                (seconds(text).map(|time| Value::from(time.as_secs_f64())), "a number of seconds")
            }
            Shape::Choice(choices) => {
                let choice = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text));
                (choice.map(|choice| Value::from(*choice)), "one of the words that the docs list")
            }
            Shape::Dollars => (NanoDollars::parse(text).map(|_| Value::from(text)), "a number of dollars"),
            Shape::Duration => {
                (BudgetDuration::parse(text).map(|_| Value::from(text)), "a period such as `30d` or `1mo`")
            }
            Shape::Period => (period(text).map(|_| Value::from(text)), "a time such as `30d`"),
            _ => (Some(Value::from(text)), "a text"),
        };
        let Some(value) = value else {
            let name = setting.path.rsplit('.').next().unwrap_or(setting.path);
            report.error(place, format!("`{name}` must be {wanted}"));
            return;
        };
        let Some((section, name)) = setting.path.split_once('.') else { return };
        let section = self.values.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
        if let Value::Dict(_, entries) = section {
            entries.insert(name.to_owned(), value);
            self.places.insert(setting.path, place.clone());
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

#[derive(Deserialize)]
struct Read {
    server: ReadServer,
    router: router::ReadRouter,
    media: media::ReadMedia,
    checks: health::ReadChecks,
    limits: limits::ReadLimits,
    recordings: recordings::ReadRecordings,
    redis: redis::ReadRedis,
    governance: governance::ReadGovernance,
    storage: storage::ReadStorage,
    alerts: alerts::ReadAlerts,
}

#[derive(Deserialize)]
struct ReadServer {
    host: Option<String>,
    port: u16,
    master_key: Option<Secret>,
    max_request_size_mb: f64,
    json_logs: Option<bool>,
    verbose: bool,
    header_timeout: f64,
    drain_timeout: f64,
    trusted_proxies: Option<usize>,
    has_proxy: bool,
    ssl_certfile_path: Option<String>,
    ssl_keyfile_path: Option<String>,
    dashboard: bool,
    no_dashboard: bool,
    dashboard_username: Option<String>,
    dashboard_password: Option<Secret>,
}

impl From<ReadServer> for ServerSettings {
    fn from(read: ReadServer) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let max_request_bytes = (read.max_request_size_mb.clamp(0.0, 1_048_576.0) * 1_048_576.0) as usize;
        Self {
            host: read.host,
            port: read.port,
            master_key: read.master_key,
            max_request_bytes,
            json_logs: read.json_logs,
            verbose: read.verbose,
            header_timeout: Duration::from_secs_f64(read.header_timeout),
            drain_timeout: Duration::from_secs_f64(read.drain_timeout),
            trusted_proxies: read.trusted_proxies.unwrap_or(usize::from(read.has_proxy)),
            certificate: read
                .ssl_certfile_path
                .zip(read.ssl_keyfile_path)
                .map(|(chain, key)| CertificateFiles { chain, key }),
            dashboard: (read.dashboard && !read.no_dashboard).then_some(DashboardSettings {
                username: read.dashboard_username.filter(|name| !name.is_empty()),
                password: read.dashboard_password.filter(|password| !password.expose().is_empty()),
            }),
        }
    }
}

/// Timeouts as they are written, of the router or of a deployment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Phases {
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) first_content: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    pub(crate) total: Option<Duration>,
}

impl Phases {
    /// The limits that they mean, with what they leave open taken from `above`.
    ///
    /// `timeout` bounds an attempt's wait for its answer, as it does in LiteLLM, not the whole call: else no time
    /// would be left for a retry. The whole call must then last at least as long as one attempt may.
    pub(crate) fn limits(&self, above: Limits) -> Limits {
        let own = Limits {
            connect: self.connect,
            headers: self.timeout,
            first_content: self.first_content.or(self.stream).or(self.timeout),
            idle: self.idle.or(self.stream),
            total: self.total,
        };
        let limits = own.or(above);
        let longest = [own.headers, own.first_content, own.idle].into_iter().flatten().max();
        let total = self
            .total
            .or_else(|| limits.total.map(|total| longest.map_or(total, |longest| total.max(longest))));
        Limits { total, ..limits }
    }
}

#[cfg(test)]
mod tests;
