//! Which vendors, with which keys: from flags and the environment, or from a person.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use inquire::{Confirm, InquireError, MultiSelect, Password, PasswordDisplayMode, Text};
use llm_config::KnownVendor;
use llm_core::Secret;

use super::Init;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// Random bytes of a master key.
const RANDOM: usize = 24;

/// A vendor, and how it is reached.
pub(super) struct Choice {
    pub vendor: KnownVendor,
    /// Its key; `None`: it wants none.
    pub key: Option<Secret>,
    /// Its address, where it is another one than the table's.
    pub base_url: Option<String>,
}

/// The vendors that are set up.
///
/// # Errors
/// When nobody says which, or a key is missing.
pub(super) fn choose(asked: &Init, terminal: Terminal) -> Result<Vec<Choice>, Failure> {
    let known = llm_config::vendors();
    let vendors = if asked.vendors.is_empty() { selected(asked, known)? } else { named(asked, &known)? };
    if vendors.is_empty() {
        return Err(Failure::usage("no vendor was chosen")
            .help("say --vendors NAME, or set a vendor's key in the environment; `llm init --list` shows the vendors"));
    }
    vendors.into_iter().map(|vendor| choice(asked, vendor, terminal)).collect()
}

fn named(asked: &Init, known: &[KnownVendor]) -> Result<Vec<KnownVendor>, Failure> {
    let find = |name: &String| {
        let found = known.iter().find(|one| one.name == *name).cloned();
        found.ok_or_else(|| {
            Failure::usage(format!("no vendor is called `{name}`"))
                .help("`llm init --list` shows their names")
        })
    };
    asked.vendors.iter().map(find).collect()
}

/// Those that a person picks, or with --yes those whose keys are in the environment.
fn selected(asked: &Init, known: Vec<KnownVendor>) -> Result<Vec<KnownVendor>, Failure> {
    let has_key = |one: &KnownVendor| key_of_environment(one).is_some();
    if asked.yes {
        return Ok(known.into_iter().filter(has_key).collect());
    }
    let set: Vec<usize> =
        known.iter().enumerate().filter(|(_, one)| has_key(one)).map(|(at, _)| at).collect();
    let names: Vec<String> = known.iter().map(|one| one.name.clone()).collect();
    let picked = MultiSelect::new("Which vendors?", names)
        .with_default(&set)
        .with_page_size(12)
        .with_help_message("type to search, space to choose, enter when done")
        .prompt()
        .map_err(|error| unasked(&error))?;
    Ok(known.into_iter().filter(|one| picked.contains(&one.name)).collect())
}

fn choice(asked: &Init, vendor: KnownVendor, terminal: Terminal) -> Result<Choice, Failure> {
    let said = asked.base_url.iter().find(|(name, _)| *name == vendor.name).map(|(_, url)| url.clone());
    let of_environment = vendor.base_variable.as_deref().and_then(variable);
    let base_url = match said.or(of_environment) {
        None if vendor.base_url.is_none() => Some(address(asked, &vendor)?),
        said => said,
    };
    if let Some(url) =
        base_url.as_ref().filter(|url| !url.starts_with("http://") && !url.starts_with("https://"))
    {
        return Err(Failure::usage(format!("`{url}` is no address: it begins with http:// or https://")));
    }
    let key = key(asked, &vendor, terminal)?;
    Ok(Choice { vendor, key, base_url })
}

fn address(asked: &Init, vendor: &KnownVendor) -> Result<String, Failure> {
    if asked.yes {
        let name = &vendor.name;
        return Err(Failure::usage(format!("{name} has an address of your own"))
            .help(format!("say --base-url {name}=https://…")));
    }
    Text::new(&format!("Where is {}?", vendor.name))
        .with_placeholder("https://…")
        .prompt()
        .map_err(|error| unasked(&error))
}

fn key(asked: &Init, vendor: &KnownVendor, terminal: Terminal) -> Result<Option<Secret>, Failure> {
    if let Some((name, key)) = key_of_environment(vendor) {
        terminal.note(&format!("{}: the key in {name}", vendor.name));
        return Ok(Some(key));
    }
    if asked.yes {
        return match vendor.key_optional {
            true => Ok(None),
            false => Err(Failure::usage(format!("the key of {} is missing", vendor.name))
                .help(format!("set {} in the environment", vendor.key_variable))),
        };
    }
    let message = format!("Key of {}:", vendor.name);
    let help = if vendor.key_optional {
        "what you type is not shown; nothing if it wants none"
    } else {
        "what you type is not shown"
    };
    let typed = Password::new(&message)
        .with_display_mode(PasswordDisplayMode::Masked)
        .without_confirmation()
        .with_help_message(help)
        .prompt()
        .map_err(|error| unasked(&error))?;
    let typed = typed.trim();
    if typed.is_empty() && !vendor.key_optional {
        return Err(Failure::usage(format!("{} wants a key", vendor.name)));
    }
    Ok((!typed.is_empty()).then(|| Secret::new(typed.to_owned())))
}

/// The key that the environment has of a vendor, and under which name.
fn key_of_environment(vendor: &KnownVendor) -> Option<(&str, Secret)> {
    let names = std::iter::once(&vendor.key_variable).chain(&vendor.other_key_variables);
    names.filter_map(|name| Some((name.as_str(), Secret::new(variable(name)?)))).next()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A new master key, where one is wanted.
///
/// # Errors
/// When nobody answers, or the system has no random numbers.
pub(super) fn master_key(asked: &Init) -> Result<Option<Secret>, Failure> {
    if asked.no_master_key {
        return Ok(None);
    }
    if !asked.yes {
        let wanted = Confirm::new("Must clients show a key? A master key is made then.").with_default(true);
        if !wanted.prompt().map_err(|error| unasked(&error))? {
            return Ok(None);
        }
    }
    let mut random = [0; RANDOM];
    rand::fill(&mut random).map_err(|_| Failure::new(Exit::Error, "the system gives no random numbers"))?;
    Ok(Some(Secret::new(format!("sk-{}", URL_SAFE_NO_PAD.encode(random)))))
}

/// Nobody answered.
pub(super) fn unasked(error: &InquireError) -> Failure {
    match error {
        InquireError::NotTTY | InquireError::IO(_) => Failure::usage("nobody is there to be asked")
            .help("say --yes and --vendors, with the keys in the environment: see `llm init --help`"),
        _ => Failure::new(Exit::Interrupted, "nothing was written"),
    }
}
