//! `llm import`: what another gateway's database holds, taken over.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use llm_server::import::{FromLitellm, from_litellm};

use crate::failure::Failure;
use crate::progress;
use crate::terminal::Terminal;

/// From where.
#[derive(Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    pub from: From,
}

/// Whose database.
#[derive(Subcommand)]
pub(crate) enum From {
    /// From LiteLLM's PostgreSQL, which is only read. Keys keep working as they are. Done again, it takes over what
    /// changed there since; what was changed here stays.
    #[command(after_help = "\
Examples:
  llm import litellm --database $LITELLM_URL --config config.yaml --dry-run
  llm import litellm --database $LITELLM_URL --config config.yaml

It writes to the store that --config names, also while a gateway of it runs; docs/management.md says what it takes over.")]
    Litellm(FromLitellm),
}

/// Takes it over, and prints what was done.
///
/// # Errors
/// Which database cannot be used.
pub(crate) async fn run(asked: &Import, config: Option<PathBuf>, terminal: Terminal) -> Result<(), Failure> {
    let From::Litellm(asked) = &asked.from;
    let working = progress::spinner(terminal, "importing");
    let report = from_litellm(asked, config, terminal.json).await;
    working.finish_and_clear();
    terminal.print(&report.map_err(|told| Failure::report(&told))?)
}
