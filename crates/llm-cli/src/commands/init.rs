//! `llm init`: from nothing to a configuration that works.

mod choice;
mod files;
mod trial;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::terminal::{FAINT, GOOD, NAME, STRONG, Terminal};

use choice::Choice;

/// What is set up, for those who do not want to be asked.
#[derive(Args)]
#[command(after_help = "\
Asked are: which vendors, their keys (what is typed is not shown), and whether clients must show a key. Keys of the \
environment are taken as they are. Keys stand in .env (which nobody else may read), config.yaml names them. \
Nothing is overwritten without asking: an existing .env gets what it lacks.

Examples:
  llm init
  OPENAI_API_KEY=sk-… llm init --yes --vendors openai    asks no question
  llm init --yes --vendors ollama --base-url ollama=http://127.0.0.1:11434
  llm init --directory /etc/llm --force

JSON: {\"config\", \"env\", \"vendors\": [{vendor, key_variable, test: {status: works, refused, failed or skipped, model, \
latency_ms, message}}]}. Exit code 1 when a test failed, 4 when a vendor refused its key; the files are written then, too.")]
pub(crate) struct Init {
    /// The vendors, between spaces or commas; `llm init --list` shows them.
    #[arg(long, num_args = 1.., value_delimiter = ',')]
    pub vendors: Vec<String>,
    /// Where a vendor is, such as `ollama=http://127.0.0.1:11434`. Can be repeated.
    #[arg(long, value_name = "VENDOR=URL", value_parser = pair)]
    pub base_url: Vec<(String, String)>,
    /// The model that a vendor is tested with, such as `openai=gpt-4o-mini`. Can be repeated.
    #[arg(long, value_name = "VENDOR=MODEL", value_parser = pair)]
    pub test_model: Vec<(String, String)>,
    /// Where the files are written.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub directory: PathBuf,
    /// Ask nothing.
    #[arg(short, long)]
    pub yes: bool,
    /// Overwrite a config.yaml that is there.
    #[arg(long)]
    pub force: bool,
    /// Let everybody who reaches the gateway use it.
    #[arg(long)]
    pub no_master_key: bool,
    /// Do not call the vendors.
    #[arg(long)]
    pub no_test: bool,
    /// Show the vendors, and do nothing.
    #[arg(long)]
    pub list: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("say VENDOR=…")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Asks, writes, and tests.
///
/// # Errors
/// When something is missing that nobody was asked for, or a test fails.
pub(crate) async fn run(asked: Init, terminal: Terminal) -> Result<(), Failure> {
    if asked.list {
        return list(terminal);
    }
    let choices = choice::choose(&asked, terminal)?;
    let master_key = choice::master_key(&asked)?;
    let files = files::plan(&asked, &choices, master_key.as_ref())?;
    files.write()?;
    terminal.note(&format!("{} {}", terminal.paint_beside(GOOD, "wrote"), files.config.display()));
    terminal.note(&format!("{} {}", terminal.paint_beside(GOOD, "wrote"), files.env.display()));
    let trials = match asked.no_test {
        true => Vec::new(),
        false => Box::pin(trial::all(&asked, &choices, &files, terminal)).await?,
    };
    if terminal.json {
        terminal.print_json(&report(&choices, &files, &trials), false)?;
    } else {
        terminal.print(&trial::table(&trials, terminal))?;
        next_steps(&asked, &files, &trials, terminal);
    }
    let worst = |status| trials.iter().any(|trial: &trial::Trial| trial.status == status);
    match (worst(trial::Status::Refused), worst(trial::Status::Failed)) {
        (true, _) => Err(Failure::told(Exit::Refused)),
        (_, true) => Err(Failure::told(Exit::Error)),
        _ => Ok(()),
    }
}

fn list(terminal: Terminal) -> Result<(), Failure> {
    let known = llm_config::vendors();
    if terminal.json {
        let shown: Vec<Value> = known
            .iter()
            .map(
                |one| json!({"vendor": one.name, "key_variable": one.key_variable, "base_url": one.base_url}),
            )
            .collect();
        return terminal.print_json(&json!({"vendors": shown}), false);
    }
    let line = |one: &llm_config::KnownVendor| {
        let name = terminal.paint(NAME, format!("{:<20}", one.name));
        let at = one.base_url.as_deref().unwrap_or("an address of your own");
        format!("{name} {:<28} {}\n", one.key_variable, terminal.paint(FAINT, at))
    };
    terminal.print(&known.iter().map(line).collect::<String>())
}

fn report(choices: &[Choice], files: &files::Files, trials: &[trial::Trial]) -> Value {
    let vendor = |choice: &Choice| {
        let trial = trials.iter().find(|trial| trial.vendor == choice.vendor.name);
        json!({
            "vendor": choice.vendor.name,
            "key_variable": choice.vendor.key_variable,
            "test": trial.map(trial::Trial::to_json),
        })
    };
    json!({
        "config": files.config,
        "env": files.env,
        "vendors": choices.iter().map(vendor).collect::<Vec<_>>(),
    })
}

fn next_steps(asked: &Init, files: &files::Files, trials: &[trial::Trial], terminal: Terminal) {
    let works = trials.iter().find(|trial| trial.status == trial::Status::Works);
    let model = works.and_then(|trial| trial.model.as_deref()).unwrap_or("MODEL");
    let step = |command: String, what: &str| {
        terminal.note(&format!(
            "  {}  {}",
            terminal.paint_beside(NAME, format!("{command:<58}")),
            terminal.paint_beside(FAINT, what)
        ));
    };
    terminal.note(&terminal.paint_beside(STRONG, "\nNext"));
    if asked.directory != Path::new(".") {
        step(format!("cd {}", asked.directory.display()), ".env is read where a program is started");
    }
    step(format!("llm query \"Hello!\" --model {model} --config config.yaml"), "ask, without a server");
    step("llm-server --config config.yaml".to_owned(), "serve it to everybody else");
    if !asked.no_master_key {
        terminal.note(
            &terminal
                .paint_beside(FAINT, format!("  Clients show LLM_MASTER_KEY of {}.", files.env.display())),
        );
    }
}
