//! `llm completions`: what makes a shell complete commands and flags.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// For which shell.
#[derive(Args)]
#[command(after_help = "\
Examples:
  llm completions bash > ~/.local/share/bash-completion/completions/llm
  llm completions zsh > ~/.zfunc/_llm
  llm completions fish > ~/.config/fish/completions/llm.fish
  llm completions powershell >> $PROFILE")]
pub(crate) struct Completions {
    /// The shell.
    pub shell: Shell,
}

/// Prints them.
///
/// # Errors
/// When the output cannot be written.
pub(crate) fn run(asked: &Completions, terminal: Terminal) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "llm", &mut text);
    terminal.print(&String::from_utf8_lossy(&text))
}
