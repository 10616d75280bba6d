#![doc = include_str!("../README.md")]

mod ask;
mod backend;
mod catalogue;
mod cli;
mod commands;
mod days;
mod failure;
mod numbers;
mod progress;
mod prompt;
mod sparkline;
mod table;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use failure::{Exit, Failure};
use terminal::Terminal;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => return misused(&told),
    };
    let terminal = Terminal::of_process(cli.json, cli.quiet);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(until_interrupted(cli, terminal)),
        Err(error) => Err(Failure::new(Exit::Error, format!("cannot start: {error}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal.fail(&failure);
            failure.exit.into()
        }
    }
}

/// Help and the version are shown; wrong usage is told as every other error is.
fn misused(told: &clap::Error) -> ExitCode {
    let is_json =
        std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if !told.use_stderr() || !is_json {
        told.exit();
    }
    let failure = Failure::of_usage(&told.to_string());
    Terminal::of_process(true, true).fail(&failure);
    failure.exit.into()
}

/// Runs a command until it is done or Ctrl-C is pressed, which cancels and settles what is under way. A conversation
/// has its own use for Ctrl-C.
async fn until_interrupted(cli: Cli, terminal: Terminal) -> Result<(), Failure> {
    if matches!(cli.command, Command::Chat(_)) {
        return Box::pin(commands::run(cli, terminal)).await;
    }
    tokio::select! {
        done = Box::pin(commands::run(cli, terminal)) => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::told(Exit::Interrupted)),
    }
}
