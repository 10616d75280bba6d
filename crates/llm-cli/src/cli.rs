//! The command line.

use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::{Parser, Subcommand};

use crate::backend::Connection;
use crate::commands::{
    bench, chat, compare, completions, health, import, init, keys, list, query, stats, usage,
};

const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(Style::new().dimmed());

const MORE: &str = "\
Examples:
  llm init                         choose vendors, enter their keys, test them
  llm query \"why is the sky blue?\" --model gpt-4o
  git diff | llm query \"review this\" --stream
  llm chat --model claude-sonnet-4-5 --stream
  llm compare \"explain quantum computing\" --models gpt-4o claude-sonnet-4-5
  llm list --config config.yaml    without a gateway that runs
  llm usage --group-by team --from 2026-11-01
  llm keys create --alias ada --models gpt-4o --max-budget 5

Which gateway:
  --config FILE   answers from that configuration, inside this program
  --url, LLM_URL  asks the gateway that runs there, else http://127.0.0.1:4000;
                  where nobody listens, vendors' keys of the environment or of
                  .env will do, and it says so

Exit codes:
  0    done
  1    the gateway or a model answered with an error, or is down
  2    wrong usage or configuration
  3    nobody answers at the address
  4    the key was refused, or may not do this
  130  Ctrl-C

Variables:
  LLM_URL, LLM_KEY, LLM_MODEL         address, key and model when no flag says
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE  colours; without them on terminals only";

/// Language models from the command line, through a gateway that runs or one of a configuration.
#[derive(Parser)]
#[command(name = "llm", version, after_help = MORE, styles = STYLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub connection: Connection,
    /// Print JSON; what comes piece by piece as lines of JSON. Errors are JSON on standard error.
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Say nothing beside the output: no progress, no notes.
    #[arg(long, global = true, help_heading = "Output")]
    pub quiet: bool,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the models: vendor, context, prices.
    #[command(visible_alias = "models")]
    List(list::List),
    /// Ask a model one question.
    Query(query::Query),
    /// Talk with a model.
    Chat(chat::Chat),
    /// Ask several models the same, side by side.
    Compare(compare::Compare),
    /// Ask every model whether it answers; exit code 1 when one does not.
    Health(health::Health),
    /// Show requests, spend and latency of the last days, as tables and pictures.
    Stats(stats::Stats),
    /// Make, show, change and end virtual keys.
    Keys(keys::Keys),
    /// Show what was used and spent, by model, key, team, day …
    Usage(usage::Usage),
    /// Measure a model under load.
    Bench(bench::Bench),
    /// Take over keys, teams and users of another gateway.
    Import(import::Import),
    /// Choose vendors, enter their keys, write config.yaml and .env, and test them.
    Init(init::Init),
    /// Print completions for a shell.
    Completions(completions::Completions),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Terminals of 80 columns show examples as they stand; sentences are broken where the terminal ends, not before.
    #[test]
    fn help_fits_a_terminal() {
        let (mut left, mut seen) = (vec![Cli::command()], 0);
        while let Some(command) = left.pop() {
            left.extend(command.get_subcommands().cloned());
            let Some(help) = command.get_after_help().map(ToString::to_string) else { continue };
            let lines: Vec<&str> = help.lines().collect();
            for (at, line) in lines.iter().enumerate() {
                let is_example = line.starts_with(' ');
                assert!(!is_example || line.chars().count() <= 80, "{}: {line}", command.get_name());
                let goes_on = lines
                    .get(at + 1)
                    .is_some_and(|next| !is_example && next.starts_with(|first: char| first.is_lowercase()));
                assert!(!goes_on, "{}: broken off behind `{line}`", command.get_name());
            }
            seen += 1;
        }
        assert!(seen > 10, "{seen}");
    }

    #[test]
    fn the_seeds_of_this_command_are_understood() {
        for line in [
            "llm list",
            "llm query 你好，请介绍一下自己 --model gpt-4",
            "llm chat --model gemini-pro --stream",
            "llm health",
            "llm compare 解释量子计算 --models gpt-4 claude-3-sonnet gemini-pro",
            "llm usage --from 2026-11-01 --to 2026-11-30 --group-by team",
            "llm keys rotate ada --json",
            "llm list --config config.yaml",
        ] {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(
                parsed.is_ok(),
                "{line}: {}",
                parsed.err().map(|error| error.to_string()).unwrap_or_default()
            );
        }
    }
}
