//! The commands, one module each.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod query;
pub(crate) mod stats;
pub(crate) mod usage;

use crate::backend::choose;
use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs a command.
///
/// # Errors
/// Why it failed.
pub(crate) async fn run(cli: Cli, terminal: Terminal) -> Result<(), Failure> {
    let connection = cli.connection;
    // Large: a whole gateway may be built in it.
    let backend = || Box::pin(choose(&connection, terminal));
    match cli.command {
        Command::Completions(asked) => completions::run(&asked, terminal),
        Command::Import(asked) => import::run(&asked, connection.config, terminal).await,
        Command::Init(asked) => Box::pin(init::run(asked, terminal)).await,
        Command::List(asked) => list::run(&asked, &backend().await?, terminal).await,
        Command::Query(asked) => query::run(&asked, &backend().await?, terminal).await,
        Command::Chat(asked) => Box::pin(chat::run(asked, &backend().await?, terminal)).await,
        Command::Compare(asked) => compare::run(&asked, &backend().await?, terminal).await,
        Command::Health(asked) => health::run(&asked, &backend().await?, terminal).await,
        Command::Stats(asked) => stats::run(&asked, &backend().await?, terminal).await,
        Command::Keys(asked) => Box::pin(keys::run(asked.command, &backend().await?, terminal)).await,
        Command::Usage(asked) => usage::run(&asked, &backend().await?, terminal).await,
        Command::Bench(asked) => bench::run(&asked, &backend().await?, terminal).await,
    }
}
