//! The files of a new configuration: config.yaml, and .env with its secrets.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use inquire::Confirm;
use llm_core::Secret;
use serde_json::json;

use super::Init;
use super::choice::{Choice, unasked};
use crate::failure::{Exit, Failure};

/// The variable of the master key.
const MASTER: &str = "LLM_MASTER_KEY";

/// What is going to be written, and where.
pub(super) struct Files {
    pub config: PathBuf,
    pub env: PathBuf,
    yaml: String,
    variables: String,
    overwrites: bool,
}

/// Thinks it over, and asks before anything is overwritten. Nothing is written yet.
///
/// # Errors
/// When a file is there that must stay, or a key cannot be written.
pub(super) fn plan(asked: &Init, choices: &[Choice], master_key: Option<&Secret>) -> Result<Files, Failure> {
    let (config, env) = (asked.directory.join("config.yaml"), asked.directory.join(".env"));
    let overwrites = config.exists();
    if overwrites && !asked.force {
        may_overwrite(asked, &config)?;
    }
    let mut secrets: Vec<(&str, &Secret)> = choices
        .iter()
        .filter_map(|choice| Some((choice.vendor.key_variable.as_str(), choice.key.as_ref()?)))
        .collect();
    secrets.extend(master_key.map(|key| (MASTER, key)));
    let there = match fs::read_to_string(&env) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::file("read", &env, &error)),
    };
    let variables = variables(&there, &secrets)?;
    Ok(Files { yaml: yaml(choices, master_key.is_some()), config, env, variables, overwrites })
}

fn may_overwrite(asked: &Init, config: &Path) -> Result<(), Failure> {
    let there = format!("{} is there already", config.display());
    if asked.yes {
        return Err(
            Failure::usage(there).help("say --force to overwrite it, or --directory for another folder")
        );
    }
    match Confirm::new(&format!("{there}. Overwrite it?"))
        .with_default(false)
        .prompt()
        .map_err(|error| unasked(&error))?
    {
        true => Ok(()),
        false => Err(Failure::new(Exit::Error, "nothing was written")),
    }
}

/// The lines that a `.env` lacks. Variables that it has stay as they are: somebody wrote them.
fn variables(there: &str, secrets: &[(&str, &Secret)]) -> Result<String, Failure> {
    let has = |name: &str| {
        there.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("export ");
            line.split_once('=').is_some_and(|(known, _)| known.trim() == name)
        })
    };
    let mut lines = String::new();
    for (name, secret) in secrets.iter().filter(|(name, _)| !has(name)) {
        // A string takes everything.
        let _ = writeln!(lines, "{name}={}", quoted(name, secret)?);
    }
    if !there.is_empty() && !there.ends_with('\n') && !lines.is_empty() {
        lines.insert(0, '\n');
    }
    Ok(lines)
}

/// A value as `.env` files have it.
fn quoted(name: &str, secret: &Secret) -> Result<String, Failure> {
    let text = secret.expose();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./+=@:,".contains(&byte));
    match (is_plain, text.contains(['\'', '\n', '\r'])) {
        (true, _) => Ok(text.to_owned()),
        (false, false) => Ok(format!("'{text}'")),
        (false, true) => Err(Failure::usage(format!("{name} has a quote or a line end, which no key has"))),
    }
}

fn yaml(choices: &[Choice], has_master_key: bool) -> String {
    let mut out = "# Written by `llm init`; docs/configuration.md says what else may stand here.\n\
                   # Secrets stand in .env. Try it: llm-server check --config config.yaml\n\
                   model_list:\n"
        .to_owned();
    for Choice { vendor, key, base_url } in choices {
        let name = &vendor.name;
        // A string takes everything; JSON's texts are YAML's.
        let _ = writeln!(out, "  - model_name: {name}/*\n    litellm_params:\n      model: {name}/*");
        if key.is_some() {
            let _ = writeln!(out, "      api_key: os.environ/{}", vendor.key_variable);
        }
        if let Some(url) = base_url {
            let _ = writeln!(out, "      api_base: {}", json!(url));
        }
    }
    if has_master_key {
        let _ = writeln!(out, "general_settings:\n  master_key: os.environ/{MASTER}");
    }
    out
}

impl Files {
    /// Writes them, the secrets first: for nobody else to read.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(&self) -> Result<(), Failure> {
        if let Some(folder) = self.config.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
        }
        append_private(&self.env, &self.variables)
            .map_err(|error| Failure::file("write", &self.env, &error))?;
        let mut options = OpenOptions::new();
        // One that appeared since then is not ours.
        options.write(true).create(true).truncate(true).create_new(!self.overwrites);
        let written = options.open(&self.config).and_then(|mut file| file.write_all(self.yaml.as_bytes()));
        written.map_err(|error| Failure::file("write", &self.config, &error))
    }
}

fn append_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        file.set_permissions(mode)?;
    }
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use llm_config::KnownVendor;

    use super::*;

    fn choice(name: &str, key: Option<&str>, base_url: Option<&str>) -> Choice {
        let vendor = KnownVendor {
            name: name.to_owned(),
            key_variable: format!("{}_API_KEY", name.to_uppercase()),
            other_key_variables: Vec::new(),
            base_variable: None,
            base_url: None,
            key_optional: key.is_none(),
        };
        let key = key.map(|key| Secret::new(key.to_owned()));
        Choice { vendor, key, base_url: base_url.map(str::to_owned) }
    }

    #[test]
    fn keys_are_named_in_the_configuration_and_stand_elsewhere() {
        let text = yaml(
            &[choice("acme", Some("secret"), None), choice("local", None, Some("http://localhost:1"))],
            true,
        );
        assert!(!text.contains("secret"));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn variables_that_are_there_stay() {
        let (one, two) = (Secret::new("a".to_owned()), Secret::new("b c".to_owned()));
        let secrets = [("ONE", &one), ("TWO", &two)];
        assert_eq!(variables("", &secrets).as_deref(), Ok("ONE=a\nTWO='b c'\n"));
        assert_eq!(variables("export ONE = x", &secrets).as_deref(), Ok("\nTWO='b c'\n"));
        assert_eq!(variables("ONE=x\nTWO=y\n", &secrets).as_deref(), Ok(""));
        let bad = Secret::new("a'b".to_owned());
        assert!(variables("", &[("BAD", &bad)]).is_err());
    }
}
