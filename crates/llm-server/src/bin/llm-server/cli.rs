//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use llm_server::import::FromLitellm;

const EXAMPLES: &str = "\
Examples:
  llm-server                                 serve what the environment and .env have keys for
  llm-server --config config.yaml            serve what a configuration says (LiteLLM's format is read as it is)
  llm-server check --config config.yaml      say what would be served, and what is wrong where
  llm-server explain -c config.yaml -m gpt-4o   say which deployments would be asked, and which not and why
  llm-server import litellm --database postgres://…   take over LiteLLM's keys, teams, users and what they spent
  llm-server healthcheck                     ask the gateway of this machine whether it is alive
  llm-server schema > schema.json            a JSON schema of the configuration, for editors
  llm-server mock                            a vendor for tests: every API, every fault, by the model's name
  llm-server --record traffic                keep what vendors answer in files, without keys
  llm-server --replay traffic                answer from these files alone

Signals:
  TERM, INT   finish open requests, then end; a second one ends at once
  HUP         read the configuration again, as when one of its files changes; open requests end as they began

Exit codes:
  0 ended as asked   1 wrong configuration, the address is in use, or no gateway answers   2 wrong usage";

/// A gateway to large language models: one address for programs that speak any of the common APIs.
///
/// Point the base URL of an SDK at it. Without a configuration it serves the vendors whose keys it finds in the
/// environment or in .env; without any key, built-in mock models.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a configuration and print what would be served.
    Check(Source),
    /// Print what the router would do with a request, without asking a vendor.
    Explain(Explain),
    /// Take over keys, teams, users and what they spent from another gateway's database.
    Import(Import),
    /// Ask a gateway whether it is alive: for containers, which have nothing else that could.
    Healthcheck(Healthcheck),
    /// Print what a shell needs to complete commands.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print a JSON schema of the configuration.
    Schema,
    /// Serve the built-in mock to tests: any model name answers, and names such as `cut-3` break on the wire.
    ///
    /// Reads no configuration and no variables; wants no key.
    Mock(Listen),
}

/// Where the configuration is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Source {
    /// The configuration file (YAML or JSON).
    #[arg(short, long, value_name = "FILE", env = "CONFIG_FILE_PATH")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub source: Source,
    /// The model that is asked for.
    #[arg(short, long, required_unless_present = "body")]
    pub model: Option<String>,
    /// As a streamed request.
    #[arg(long)]
    pub stream: bool,
    /// A file with the body of a chat request (JSON); --model and --stream replace what it says.
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// Print JSON, as `POST /v1/route/explain` answers.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The gateway's address [default: this machine, at $LLM_PORT, $PORT or 4000].
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Ask whether it takes new requests, not only whether it lives.
    #[arg(long)]
    pub ready: bool,
    /// How long the answer may take.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    pub from: ImportFrom,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportFrom {
    /// From LiteLLM's PostgreSQL, which is only read. Keys keep working as they are. Done again, it takes over what
    /// changed there since; what was changed here stays.
    Litellm(ImportLitellm),
}

#[derive(Debug, Args)]
pub(crate) struct ImportLitellm {
    #[command(flatten)]
    pub from: FromLitellm,
    #[command(flatten)]
    pub source: Source,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where the mock listens.
#[derive(Clone, Debug, Args)]
pub(crate) struct Listen {
    /// The port to listen on; 0 for a free one.
    #[arg(short, long, default_value = "4010")]
    pub port: u16,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: String,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub source: Source,
    /// Keep each exchange with a vendor as a file in this directory, without credentials.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "replay")]
    pub record: Option<String>,
    /// Answer from the files in this directory alone, without a network.
    #[arg(long, value_name = "DIRECTORY")]
    pub replay: Option<String>,
    /// Serve the mock to tests.
    #[arg(skip)]
    pub mock: bool,
    /// The port to listen on [default: 4000, or $PORT].
    #[arg(short, long)]
    pub port: Option<u16>,
    /// The address to listen on [default: all addresses with a master key, this machine only without].
    #[arg(long, value_name = "ADDRESS", env = "HOST", hide_env_values = true)]
    pub host: Option<String>,
    /// The certificate (PEM, with its intermediates) to show to clients, who then must speak TLS [or $SSL_CERTFILE_PATH].
    #[arg(long, alias = "ssl_certfile_path", value_name = "FILE")]
    pub ssl_certfile_path: Option<String>,
    /// Its private key (PEM) [or $SSL_KEYFILE_PATH].
    #[arg(long, alias = "ssl_keyfile_path", value_name = "FILE")]
    pub ssl_keyfile_path: Option<String>,
    /// Share the port with other gateways of this user that say the same: a successor may start before this one ends.
    #[arg(long, env = "LLM_REUSE_PORT", hide_env_values = true)]
    pub reuse_port: bool,
    /// Threads that serve requests [default: one for each core].
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// Do not read the configuration again when one of its files changes.
    #[arg(long, env = "LLM_NO_WATCH", hide_env_values = true)]
    pub no_watch: bool,
    /// Log more.
    #[arg(long)]
    pub debug: bool,
    /// Log JSON lines, also on a terminal.
    #[arg(long)]
    pub json_logs: bool,
    /// After a TERM, answer for this long as before while readiness says 503, for load balancers to notice.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds, env = "LLM_DRAIN_DELAY")]
    pub drain_delay: Duration,
}

impl From<&Listen> for Serve {
    fn from(listen: &Listen) -> Self {
        let (port, host) = (Some(listen.port), Some(listen.host.clone()));
        Self { mock: true, port, host, ..Self::default() }
    }
}

/// What a shell needs to complete commands.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "llm-server", &mut script);
    String::from_utf8(script).expect("the names of commands are text")
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_and_commands_are_read() {
        let cli = Cli::try_parse_from(["llm-server", "--port", "80", "--drain-delay", "1.5"]).expect("valid");
        assert_eq!((cli.serve.port, cli.serve.drain_delay), (Some(80), Duration::from_millis(1500)));
        let cli = Cli::try_parse_from(["llm-server", "check", "-c", "a.yaml"]).expect("valid");
        assert!(matches!(cli.command, Some(Command::Check(Source { config: Some(_) }))));
        assert!(Cli::try_parse_from(["llm-server", "--drain-delay", "-1"]).is_err());
        assert!(Cli::try_parse_from(["llm-server", "--record", "a", "--replay", "a"]).is_err());
        let cli = Cli::try_parse_from(["llm-server", "mock", "--port", "0"]).expect("valid");
        let Some(Command::Mock(listen)) = cli.command else { panic!("the mock") };
        assert_eq!((listen.port, listen.host.as_str()), (0, "127.0.0.1"));
        let import =
            ["llm-server", "import", "litellm", "--database", "postgres://a:secret@b/c", "--dry-run"];
        let cli = Cli::try_parse_from(import).expect("valid");
        assert!(!format!("{cli:?}").contains("secret"));
    }
}
