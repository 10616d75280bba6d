//! From files and variables to a checked configuration: the one way that everything goes.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use llm_core::json::object_of;
use llm_providers::{Registry, Vendor};

use crate::config::{Config, DeploymentConfig, Loaded, Origin, Read, Sources};
use crate::deployments::{Draft, Maker, Network, discovery, shapes};
use crate::dotenv::{self, Variable};
use crate::environment::Environment;
use crate::files;
use crate::inference::Known;
use crate::kept::spelling;
use crate::keys::{ROOT, Shape};
use crate::node::{Node, Value};
use crate::report::{Place, Report};
use crate::settings::{
    Flags, ForwardSettings, Reading, Settings, callbacks, endpoints, hooks, prompts, settings,
};
use crate::stored_callbacks::StoredCallbacks;
use crate::{prices, references, relays, strict};

/// Where a configuration is looked for. Nothing else is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; `None`: the one that `LLM_CONFIG` or `CONFIG_FILE_PATH` names, else none.
    pub config: Option<PathBuf>,
    /// The configuration itself, in the place of a file.
    pub text: Option<String>,
    /// The file with variables; `None`: `.env` in the directory, if there is one.
    pub dotenv: Option<PathBuf>,
    /// What relative paths are relative to.
    pub directory: PathBuf,
    /// The process environment.
    pub variables: Vec<(String, String)>,
    /// The command line.
    pub flags: Flags,
    /// Serve the built-in mock to tests, under every name, whatever the rest says.
    pub mock_server: bool,
}

impl Options {
    /// What this process has: its environment, and its working directory.
    pub fn from_process() -> Self {
        let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        Self { variables, ..Self::default() }
    }
}

/// Reads, checks and resolves a configuration. Opens no connection, unless the price table is to be fetched.
///
/// # Errors
/// Everything that is wrong with it, and what is weak.
pub fn load(options: &Options) -> Result<Loaded, Report> {
    let mut report = Report::default();
    let mut sources = Sources::default();
    let mut environment = Environment::new(&options.variables);
    sources.dotenv = read_dotenv(options, &mut environment, &mut report);

    let mut root = written(options, &environment, &mut sources, &mut report);
    add_own_variables(&mut root, &mut environment, &mut report);
    strict::check(&mut root, &ROOT, &environment, &mut report);

    let mut settings = settled(&root, &environment, options, &mut report);
    sources.settings = std::mem::take(&mut settings.places);
    let prices = Arc::new(prices::price_book(&options.directory, &root, &environment, &mut report));
    let vendors = vendors(&root, &environment, &mut report);
    let known = Known { vendors: &vendors, prices: &prices };
    let served = served(options, &root, (&environment, known), &mut report);
    sources.deployments = served.origin;

    let directory = options.directory.as_path();
    let reading = Reading { root: &root, environment: &environment, vendors: &vendors, directory };
    let callbacks = callbacks(&reading, &mut report);
    let relays = relays::of_environment(&served.deployments, &root, &environment, known);
    let has_key = settings.server.master_key.is_some();
    let mut config = Config {
        server: settings.server,
        router: settings.router,
        media: settings.media,
        limits: settings.limits,
        recordings: settings.recordings,
        redis: settings.redis.filter(|_| !options.mock_server),
        governance: settings.governance,
        storage: settings.storage,
        alerts: settings.alerts,
        guardrails: settings.guardrails,
        callbacks,
        stored_callbacks: StoredCallbacks::default(),
        forwards_trace: forwards_trace(&root),
        forwards: ForwardSettings::of(&root),
        hooks: hooks(&root, &mut report),
        prompts: prompts(&root, &mut report),
        cache: settings.cache.filter(|_| !options.mock_server),
        mock_server: options.mock_server,
        deployments: served.deployments,
        relays,
        endpoints: endpoints(&root, &environment, has_key, &mut report),
        aliases: BTreeMap::new(),
        default_model: None,
        vendors,
        prices,
    };
    config.governance.calls.tells_callers = config.forwards.callers;
    references::resolve(&mut config, &root, &served.names, served.origin, &sources.settings, &mut report);
    if report.has_errors() {
        return Err(report);
    }
    let (around, names) = (spelling(&root), Arc::new(served.names));
    let read = Arc::new(Read { root, environment, flags: options.flags.clone() });
    let (overrides, alerts) = (Arc::default(), Arc::default());
    Ok(Loaded { config, warnings: report, sources, around, read, names, overrides, alerts })
}

/// What is served: the built-in mock's models, or what is written.
fn served(
    options: &Options,
    root: &Node,
    (environment, known): (&Environment, Known<'_>),
    report: &mut Report,
) -> Served {
    match options.mock_server {
        true => Served::mock(environment, known, report),
        false => Served::find(root, environment, known, &[], report),
    }
}

/// What is written: in a text, or in files.
fn written(options: &Options, environment: &Environment, sources: &mut Sources, report: &mut Report) -> Node {
    if let Some(text) = &options.text {
        return files::text(text, report);
    }
    let Some(path) = options.config.clone().or_else(|| named(environment)) else {
        return Node { value: Value::Null, at: Place::Default };
    };
    let read = files::read(&options.directory, &path, report);
    sources.files = read.read;
    read.root
}

/// Whether vendors are told the trace that a request is part of.
fn forwards_trace(root: &Node) -> bool {
    let litellm = root.get("litellm_settings");
    litellm.and_then(|litellm| litellm.get_flag("forward_traceparent_to_llm_provider")) == Some(true)
}

/// The settings, with what files beside the configuration say.
fn settled(root: &Node, environment: &Environment, options: &Options, report: &mut Report) -> Settings {
    let mut settings = settings(root, environment, &options.flags, report);
    if let Some(recordings) = &mut settings.recordings {
        recordings.directory = options.directory.join(&recordings.directory);
    }
    for guardrail in &mut settings.guardrails {
        guardrail.read_files(&options.directory, report);
    }
    if options.mock_server {
        // A vendor tries nothing again: each fault is the caller's to deal with.
        settings.router.num_retries = 0;
    }
    settings
}

/// The file that a variable names.
fn named(environment: &Environment) -> Option<PathBuf> {
    environment.get("LLM_CONFIG").or_else(|| environment.get("CONFIG_FILE_PATH")).map(PathBuf::from)
}

fn read_dotenv(options: &Options, environment: &mut Environment, report: &mut Report) -> Option<Arc<str>> {
    let path = options.dotenv.clone().unwrap_or_else(|| PathBuf::from(".env"));
    let name: Arc<str> = Arc::from(path.to_string_lossy());
    let content = match std::fs::read(options.directory.join(&path)) {
        Ok(content) => content,
        Err(error) => {
            if options.dotenv.is_some() {
                let message = format!("the file {name} cannot be read: {}", files::reason(&error));
                report.error(&Place::Default, message);
            }
            return None;
        }
    };
    let Ok(content) = String::from_utf8(content) else {
        report.error(&Place::file(&name), "the file is not UTF-8 text").help("save it as UTF-8");
        return None;
    };
    let outside = |variable: &str| environment.get(variable).map(str::to_owned);
    let variables = dotenv::parse(&name, &content, outside, report);
    environment.add_weaker(variables);
    Some(name)
}

/// The file's own `environment_variables`: weaker than all others, and there for every reference in the file.
fn add_own_variables(root: &mut Node, environment: &mut Environment, report: &mut Report) {
    let Value::Map(entries) = &mut root.value else { return };
    let Some(own) = entries.iter_mut().find(|entry| entry.key == "environment_variables") else { return };
    strict::check_texts(&mut own.value, environment, report);
    let variables = own.value.entries().iter().filter_map(|entry| {
        let value = entry.value.text()?.to_owned();
        Some(Variable { name: entry.key.clone(), value, at: entry.at.clone() })
    });
    environment.add_weaker(variables.collect::<Vec<_>>());
}

/// The vendors table with the rows of the file, and with those that variables describe.
fn vendors(root: &Node, environment: &Environment, report: &mut Report) -> Registry {
    let list = root.get("vendors");
    let mut rows: Vec<Vendor> = Vec::new();
    for node in list.map(Node::elements).unwrap_or_default() {
        match serde_json::from_value::<Vendor>(row(node)) {
            Ok(vendor) => rows.push(vendor),
            Err(error) => {
                report.error(&node.at, format!("this is no row of the vendors table: {error}"));
            }
        }
    }
    let place = list.map(|node| node.at.clone()).unwrap_or_default();
    let with_rows = Registry::with_rows(rows.clone()).unwrap_or_else(|error| {
        report.error(&place, error.message().to_owned());
        Registry::builtin()
    });
    for found in discovery::own_rows(&with_rows, environment) {
        // A variable that is no vendor's after all must not keep anything from starting.
        let Ok(vendor) = serde_json::from_value::<Vendor>(found) else { continue };
        if Registry::with_rows(vec![vendor.clone()]).is_ok() {
            rows.push(vendor);
        }
    }
    Registry::with_rows(rows).unwrap_or(with_rows)
}

/// A row in the table's own form: one text where the table wants a list is a list of one.
fn row(node: &Node) -> serde_json::Value {
    let Some(Shape::Sections(section)) = ROOT.find("vendors").map(|key| key.shape) else {
        return serde_json::Value::Null;
    };
    let value = |key: &str, node: &Node| match section.find(key).map(|key| key.shape) {
        Some(Shape::Texts) => node.elements().iter().filter_map(Node::text).collect(),
        Some(Shape::Bool) => node.text().and_then(strict::flag).map_or(serde_json::Value::Null, Into::into),
        Some(Shape::Json | Shape::TextMap) => node.json().read().unwrap_or_default(),
        _ => node.text().map_or(serde_json::Value::Null, Into::into),
    };
    let set = node.entries().iter().filter(|entry| !entry.value.is_null());
    object_of(set.map(|entry| (entry.key.clone(), value(&entry.key, &entry.value)))).into()
}

/// What is served, and how it was found.
pub(crate) struct Served {
    pub(crate) deployments: Vec<DeploymentConfig>,
    /// Every public name that is known, served or not.
    pub(crate) names: HashSet<String>,
    origin: Origin,
}

impl Served {
    /// The mock under its own names and, for programs that ask for others, under all.
    fn mock(environment: &Environment, known: Known<'_>, report: &mut Report) -> Self {
        let (names, network) = (HashSet::new(), Network::default());
        let mut maker = Maker { known, environment, report, made: Vec::new(), names, network };
        for public in ["mock/echo", "mock/*", "*"] {
            let model = if public == "*" { "mock/*" } else { public };
            maker.make(&Draft { public: public.to_owned(), ..plain(model) });
        }
        let (deployments, names) = maker.finish();
        Self { deployments, names, origin: Origin::Mock }
    }

    /// What a file names, or else the environment, with the entries of the store beside it.
    pub(crate) fn find(
        root: &Node,
        environment: &Environment,
        known: Known<'_>,
        stored: &[Node],
        report: &mut Report,
    ) -> Self {
        let errors = report.has_errors();
        let drafts = shapes::drafts(root, report);
        let off = shapes::switched_off(root);
        let named = !drafts.is_empty() || !off.is_empty() || root.get("model_list").is_some();
        let (names, network) = (off.into_iter().collect(), Network::of(root, environment));
        let mut maker = Maker { known, environment, report, made: Vec::new(), names, network };
        let defaults = root.get("llm");
        let mut origin = Origin::Files;
        if named {
            drafts.into_iter().for_each(|draft| make(&mut maker, draft, defaults));
        } else {
            origin = Origin::Environment;
            discovery::discover(known, environment).iter().for_each(|found| maker.serve(found, defaults));
        }
        for entry in stored {
            let draft = shapes::entry(root, entry, maker.report);
            draft.into_iter().for_each(|draft| make(&mut maker, draft, defaults));
        }
        if maker.made.is_empty() && !named && !errors {
            origin = Origin::Mock;
            ["mock/echo", "mock/*"].iter().for_each(|name| maker.make(&plain(name)));
        }
        let (deployments, names) = maker.finish();
        Self { deployments, names, origin }
    }
}

pub(crate) fn make(maker: &mut Maker<'_>, mut draft: Draft<'_>, defaults: Option<&Node>) {
    if draft.model == "*" && draft.vendor.is_none() {
        if draft.public == "*" {
            // LiteLLM's catch-all: every vendor that has a key.
            maker.names.insert(draft.public);
            let all = discovery::discover(maker.known, maker.environment);
            return all.iter().for_each(|found| maker.serve(found, defaults));
        }
        let of_public = maker.known.vendors.split(&draft.public);
        draft.vendor = of_public.map(|(vendor, _)| vendor.name.clone());
    }
    maker.make(&draft);
}

/// A deployment of which only the model is known.
pub(crate) fn plain(name: &str) -> Draft<'static> {
    Draft {
        public: name.to_owned(),
        team: None,
        model: name.to_owned(),
        vendor: None,
        id: None,
        layers: Vec::new(),
        info: None,
        access: Vec::new(),
        at: Place::Default,
    }
}
