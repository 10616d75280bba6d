//! `llm keys`: virtual keys made, shown, changed and ended.

mod show;
mod terms;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::usage::encoded;
use crate::backend::Backend;
use crate::failure::{Exit, Failure};
use crate::terminal::{GOOD, STRONG, Terminal, WARN};

pub(crate) use terms::Terms;

/// How many keys the gateway tells at a time.
const PAGE: u64 = 100;

/// What to do with keys.
#[derive(Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of keys.
#[derive(Subcommand)]
#[command(after_help = "\
KEY is the alias of a key, its hash, or the key itself. A gateway shows a key once: when it is made or replaced.

Examples:
  llm keys create --alias ada --models gpt-4o --max-budget 5 --rpm 60
  llm keys list --team research
  llm keys update ada --max-budget 20
  llm keys rotate ada --grace 24h
  llm keys block ada
  llm keys delete ada --yes
  KEY=$(llm keys create --alias ci --duration 1h --json | jq -r .key)

JSON is what the management API answers (docs/management.md): `list` {\"keys\": […], \"total_count\"}, `info` the row of the \
key, `create`, `update` and `rotate` the row with `key`, `delete` {\"deleted_keys\": […]}, `block` and `unblock` the row.")]
pub(crate) enum Command {
    /// Show the keys with their budgets and limits.
    List(List),
    /// Make a key.
    Create(Box<Terms>),
    /// Show everything about a key.
    Info(One),
    /// Change a key.
    Update(Box<Update>),
    /// Delete keys.
    Delete(Delete),
    /// Let keys do nothing until they are unblocked.
    Block(Several),
    /// Let blocked keys work again.
    Unblock(Several),
    /// Give a key another secret; what it may and what it spent stay.
    Rotate(Rotate),
}

/// Which keys are shown.
#[derive(Args)]
pub(crate) struct List {
    /// Only keys of this team.
    #[arg(long)]
    pub team: Option<String>,
    /// Only keys of this user.
    #[arg(long)]
    pub user: Option<String>,
    /// Only keys with this in their alias or hash.
    #[arg(long)]
    pub search: Option<String>,
    /// Only keys that are active, expired or blocked.
    #[arg(long, value_parser = ["active", "expired", "blocked"])]
    pub status: Option<String>,
}

/// A key.
#[derive(Args)]
pub(crate) struct One {
    /// Its alias, its hash, or the key itself.
    #[arg(value_name = "KEY")]
    pub which: String,
}

/// Some keys.
#[derive(Args)]
pub(crate) struct Several {
    /// Their aliases, their hashes, or the keys themselves.
    #[arg(value_name = "KEY", required = true)]
    pub which: Vec<String>,
}

/// A key, and what changes.
#[derive(Args)]
pub(crate) struct Update {
    #[command(flatten)]
    pub one: One,
    #[command(flatten)]
    pub terms: Terms,
}

/// Keys to delete.
#[derive(Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    pub several: Several,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// A key to replace.
#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub one: One,
    /// How long the old one goes on working: 30m, 24h, 7d; without it, it ends at once.
    #[arg(long, value_name = "TIME")]
    pub grace: Option<String>,
}

/// Does it.
///
/// # Errors
/// When the gateway refuses, or has no such key.
pub(crate) async fn run(command: Command, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    match command {
        Command::List(asked) => list(&asked, backend, terminal).await,
        Command::Create(terms) => create(&terms, backend, terminal).await,
        Command::Info(one) => {
            let row = row(backend, &one.which).await?;
            if terminal.json {
                terminal.print_json(&row, false)
            } else {
                terminal.print(&show::card(&row, terminal))
            }
        }
        Command::Update(asked) => update(&asked, backend, terminal).await,
        Command::Delete(asked) => delete(&asked, backend, terminal).await,
        Command::Block(asked) => switch(&asked, "block", backend, terminal).await,
        Command::Unblock(asked) => switch(&asked, "unblock", backend, terminal).await,
        Command::Rotate(asked) => rotate(&asked, backend, terminal).await,
    }
}

async fn list(asked: &List, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let mut filter = String::new();
    let given = [
        ("team_id", &asked.team),
        ("user_id", &asked.user),
        ("search", &asked.search),
        ("status", &asked.status),
    ];
    for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        filter.push_str(&format!("&{name}={}", encoded(value)));
    }
    let keys = all(backend, &filter).await?;
    if terminal.json {
        return terminal.print_json(&json!({"keys": keys, "total_count": keys.len()}), false);
    }
    terminal.print(&show::table(&keys, terminal))
}

/// Every key that fits, page by page.
async fn all(backend: &Backend, filter: &str) -> Result<Vec<Value>, Failure> {
    let mut keys = Vec::new();
    for page in 1_u64.. {
        let path = format!(
            "/key/list?return_full_object=true&include_team_keys=true&size={PAGE}&page={page}{filter}"
        );
        let told = backend.get(&path).await?;
        let found = told["keys"].as_array().cloned().unwrap_or_default();
        let is_last = found.is_empty() || page >= told["total_pages"].as_u64().unwrap_or(0);
        keys.extend(found);
        if is_last {
            break;
        }
    }
    Ok(keys)
}

/// What people call the keys, by their hashes. Who may not see them sees hashes.
pub(crate) async fn aliases(backend: &Backend) -> Vec<(String, String)> {
    let keys = all(backend, "").await.unwrap_or_default();
    let named =
        |key: &Value| Some((key["token"].as_str()?.to_owned(), key["key_alias"].as_str()?.to_owned()));
    keys.iter().filter_map(named).collect()
}

/// The key, or its hash, that somebody means: aliases are looked up.
///
/// # Errors
/// When there is no such alias.
pub(crate) async fn hash_of(backend: &Backend, named: &str) -> Result<String, Failure> {
    let is_hash = named.len() == 64 && named.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash || named.starts_with("sk-") {
        return Ok(row(backend, named).await?["token"].as_str().unwrap_or(named).to_owned());
    }
    let found = all(backend, &format!("&key_alias={}", encoded(named))).await?;
    let hash = found.first().and_then(|key| key["token"].as_str());
    hash.map(str::to_owned).ok_or_else(|| {
        Failure::new(Exit::Error, format!("there is no key with the alias `{named}`"))
            .help("`llm keys list` shows the aliases of those that you may see")
    })
}

/// The row of a key. The key itself travels in a body, where no log looks for it.
async fn row(backend: &Backend, named: &str) -> Result<Value, Failure> {
    let missing = || Failure::new(Exit::Error, "there is no such key");
    let is_secret = named.starts_with("sk-");
    let hash = if is_secret { named.to_owned() } else { Box::pin(shallow_hash(backend, named)).await? };
    let told = backend.post("/v2/key/info", &json!({"keys": [hash]})).await?;
    let mut row = told["info"].get(0).cloned().ok_or_else(missing)?;
    // The gateway leaves out what it was asked by.
    row["token"] = told["key"][0].clone();
    Ok(row)
}

/// As [`hash_of`], where the row of a hash is not asked for again.
async fn shallow_hash(backend: &Backend, named: &str) -> Result<String, Failure> {
    let is_hash = named.len() == 64 && named.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(named.to_owned()) } else { hash_of(backend, named).await }
}

async fn create(terms: &Terms, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let made = backend.post("/key/generate", &Value::Object(terms.fields()?)).await?;
    if terminal.json {
        return terminal.print_json(&made, false);
    }
    shown_once(&made, terminal)
}

/// A new key, alone in the output: what is said about it stands beside.
fn shown_once(made: &Value, terminal: Terminal) -> Result<(), Failure> {
    let key = made["key"].as_str().unwrap_or_default();
    let alias = made["key_alias"].as_str().map_or_else(String::new, |alias| format!(" for {alias}"));
    terminal.note(&terminal.paint_beside(GOOD, format!("a new key{alias}")));
    terminal.print(&format!("{}\n", terminal.paint(STRONG, key)))?;
    terminal.note(&terminal.paint_beside(WARN, "it is shown this once: keep it now"));
    Ok(())
}

async fn update(asked: &Update, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let mut fields = asked.terms.fields()?;
    if fields.is_empty() {
        return Err(Failure::usage("nothing is to be changed").help("see `llm keys update --help`"));
    }
    fields.insert("key".to_owned(), json!(hash_of(backend, &asked.one.which).await?));
    let updated = backend.post("/key/update", &Value::Object(fields)).await?;
    if terminal.json {
        return terminal.print_json(&updated, false);
    }
    terminal.print(&show::card(&updated, terminal))
}

async fn delete(asked: &Delete, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let mut hashes = Vec::new();
    for named in &asked.several.which {
        hashes.push(hash_of(backend, named).await?);
    }
    if !asked.yes {
        let what = asked.several.which.iter().map(|named| masked(named)).collect::<Vec<_>>().join(", ");
        confirm(&format!("Delete {what}? Nobody can use it any more."))?;
    }
    let deleted = backend.post("/key/delete", &json!({"keys": hashes})).await?;
    if terminal.json {
        return terminal.print_json(&deleted, false);
    }
    terminal.print(&format!("deleted {}\n", hashes.len()))
}

/// A key as it may be shown.
fn masked(named: &str) -> String {
    match named.strip_prefix("sk-") {
        Some(rest) => format!("sk-…{}", rest.get(rest.len().saturating_sub(4)..).unwrap_or_default()),
        None => named.to_owned(),
    }
}

/// Asks a person. Nobody there means no.
///
/// # Errors
/// When the answer is no.
fn confirm(question: &str) -> Result<(), Failure> {
    match inquire::Confirm::new(question).with_default(false).prompt() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(Exit::Error, "nothing was done")),
        Err(inquire::InquireError::NotTTY | inquire::InquireError::IO(_)) => {
            Err(Failure::usage("nobody is there to be asked").help("say --yes"))
        }
        Err(_) => Err(Failure::new(Exit::Interrupted, "nothing was done")),
    }
}

async fn switch(asked: &Several, deed: &str, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    for named in &asked.which {
        let hash = hash_of(backend, named).await?;
        let row = backend.post(&format!("/key/{deed}"), &json!({"key": hash})).await?;
        if terminal.json {
            terminal.print_json(&row, asked.which.len() > 1)?;
        } else {
            terminal.print(&format!("{deed}ed {}\n", masked(named)))?;
        }
    }
    Ok(())
}

async fn rotate(asked: &Rotate, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let hash = hash_of(backend, &asked.one.which).await?;
    let mut body = Map::new();
    body.insert("key".to_owned(), json!(hash));
    if let Some(grace) = &asked.grace {
        body.insert("grace_period".to_owned(), json!(grace));
    }
    let made = backend.post("/key/regenerate", &Value::Object(body)).await?;
    if terminal.json {
        return terminal.print_json(&made, false);
    }
    shown_once(&made, terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_never_repeated_whole() {
        assert_eq!(masked("sk-abcdefgh"), "sk-…efgh");
        assert_eq!(masked("ada"), "ada");
    }
}
