//! The dialects that are built in: the one place that knows which cargo feature brings which.

mod clients;
mod defaults;
mod entries;
mod placed;
#[cfg(feature = "sagemaker")]
mod sagemaker;

use std::sync::Arc;

use llm_core::{Dialect, DialectId, Error, Result};

use crate::base_url::{BaseUrl, UrlRules};
pub use clients::ingresses;
pub use defaults::{CHAT_DEFAULTS, chat_defaults};
use entries::ENTRIES;
use placed::{PLACED, Placed};

/// Named wire behaviours of a vendor, as its row has them.
pub(crate) type Quirks = serde_json::Map<String, serde_json::Value>;

/// A dialect of the vendor side that is built in.
struct Entry {
    id: DialectId,
    rules: UrlRules,
    make: fn(&Quirks) -> serde_json::Result<Arc<dyn Dialect>>,
}

/// The region of AWS that a model's name demands, in an ARN or before the id.
#[cfg(feature = "bedrock")]
pub use llm_providers_bedrock::region_of as aws_region_of;

/// The region of AWS that a model's name demands: none without the format that has such names.
#[cfg(not(feature = "bedrock"))]
pub fn aws_region_of(_model: &str) -> Option<&str> {
    None
}

/// The vendor sides of all dialects that are built in, without quirks.
pub fn dialects() -> Vec<Arc<dyn Dialect>> {
    let made = ENTRIES.iter().map(|entry| (entry.make)(&Quirks::new()));
    made.map(|dialect| dialect.expect("a dialect without quirks is always valid")).collect()
}

/// A dialect without quirks, where it is built in and needs no address.
pub(crate) fn plain(id: DialectId) -> Option<Arc<dyn Dialect>> {
    let entry = ENTRIES.iter().find(|entry| entry.id == id)?;
    (entry.make)(&Quirks::new()).ok()
}

/// A dialect without quirks, whichever comes first: what it reads tells little of an unknown address.
pub(crate) fn any() -> Option<Arc<dyn Dialect>> {
    ENTRIES.iter().find_map(|entry| (entry.make)(&Quirks::new()).ok())
}

/// A dialect by its name, with a vendor's quirks, for a base URL.
pub(crate) fn dialect(name: &str, quirks: &Quirks, base: &BaseUrl) -> Result<Arc<dyn Dialect>> {
    let made = match placed(name) {
        Some(placed) => (placed.make)(quirks, base),
        None => (entry(name)?.make)(quirks),
    };
    made.map_err(|fault| Error::invalid(format!("invalid quirks for the dialect `{name}`: {fault}")))
}

/// How users of a dialect write base URLs; `None`: in a form of its own, that [`place`] reads.
pub(crate) fn url_rules(name: &str) -> Result<Option<UrlRules>> {
    if placed(name).is_some() {
        return Ok(None);
    }
    entry(name).map(|entry| Some(entry.rules))
}

/// The address that is meant, for dialects with addresses of a form of their own; others' stay as they are.
pub(crate) fn place(name: &str, base: BaseUrl) -> BaseUrl {
    match placed(name) {
        Some(placed) => (placed.place)(&base),
        None => base,
    }
}

fn placed(name: &str) -> Option<&'static Placed> {
    PLACED.iter().find(|placed| placed.name == name)
}

fn entry(name: &str) -> Result<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.id.name() == name).ok_or_else(|| {
        let known = ENTRIES.iter().map(|entry| format!("`{}`", entry.id));
        let known: Vec<String> =
            known.chain(PLACED.iter().map(|placed| format!("`{}`", placed.name))).collect();
        let shown: String = name.chars().take(64).collect();
        Error::invalid(format!(
            "unknown dialect `{shown}`: this program was built with {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        ))
    })
}

#[allow(dead_code, reason = "every dialect has quirks or none, and none may be built in")]
fn read<T: serde::de::DeserializeOwned>(quirks: &Quirks) -> serde_json::Result<T> {
    serde_json::from_value(serde_json::Value::Object(quirks.clone()))
}
