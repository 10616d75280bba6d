//! Which gateway is asked: the one that the command line names, the usual one, or what the environment has keys for.

use std::path::PathBuf;

use clap::Args;
use llm_config::{Loaded, Options, Origin};
use llm_core::Secret;

use super::{Backend, Remote, Way, of_loaded};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Where gateways listen when nobody says otherwise.
const USUAL: &str = "http://127.0.0.1:4000";

/// Which gateway to ask, and with which key.
#[derive(Args, Clone, Default)]
pub(crate) struct Connection {
    /// The address of a running gateway [env: LLM_URL] [default: http://127.0.0.1:4000].
    #[arg(long, global = true, value_name = "URL", conflicts_with = "config", help_heading = "Gateway")]
    pub url: Option<String>,
    /// Answer from this configuration inside this process; nothing has to run.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Gateway")]
    pub config: Option<PathBuf>,
    /// The key to show [env: LLM_KEY]; of a --config it is the master key that stands there.
    #[arg(long, global = true, value_name = "KEY", help_heading = "Gateway")]
    pub key: Option<String>,
}

/// Finds the gateway. `--config` is answered from inside this process; else `--url`, LLM_URL or the usual address are
/// asked. Where nobody named an address and nobody listens at the usual one, vendors' keys in the environment and in
/// `.env` (or a configuration that LLM_CONFIG names) will do.
///
/// # Errors
/// When there is none, and what to do.
pub(crate) async fn choose(connection: &Connection, terminal: Terminal) -> Result<Backend, Failure> {
    let key = connection.key.clone().map(Secret::new);
    if let Some(file) = &connection.config {
        let options = Options { config: Some(file.clone()), ..Options::from_process() };
        let loaded = load(&options)?;
        return Box::pin(embedded(loaded, key, file.display().to_string(), terminal)).await;
    }
    let named = connection.url.clone().or_else(|| variable("LLM_URL"));
    let remote = Remote::new(named.as_deref().unwrap_or(USUAL))?;
    if named.is_none() && !remote.listens().await {
        let loaded = load(&Options::from_process())?;
        if loaded.sources.deployments == Origin::Mock {
            return Err(remote
                .unreachable("nobody listens there, and no vendor's key is in the environment or in .env"));
        }
        let place = place(&loaded);
        terminal.note(&format!("no gateway runs at {USUAL}: answering from {place}, inside this program"));
        return Box::pin(embedded(loaded, key, place, terminal)).await;
    }
    let key = key.or_else(|| variable("LLM_KEY").map(Secret::new));
    let place = remote.url().to_owned();
    Ok(Backend { way: Way::Remote(remote), key, place })
}

async fn embedded(
    loaded: Loaded,
    key: Option<Secret>,
    place: String,
    terminal: Terminal,
) -> Result<Backend, Failure> {
    let (backend, warnings) = Box::pin(of_loaded(loaded, key, place)).await?;
    warnings.iter().for_each(|warning| terminal.warn(warning));
    Ok(backend)
}

fn load(options: &Options) -> Result<Loaded, Failure> {
    llm_config::load(options).map_err(|report| Failure::report(&report.to_string()))
}

fn place(loaded: &Loaded) -> String {
    let sources = &loaded.sources;
    let files: Vec<&str> = sources.files.iter().chain(&sources.dotenv).map(|file| &**file).collect();
    match (sources.deployments, files.is_empty()) {
        (Origin::Files, _) => files.join(", "),
        (_, true) => "the vendors' keys in the environment".to_owned(),
        (_, false) => format!("the vendors' keys in {} and the environment", files.join(", ")),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
