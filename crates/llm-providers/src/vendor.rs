//! One vendor: a row of the vendors table. The embedded table and a user's configuration share this form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A vendor that speaks one of the gateway's dialects: where it is, how it wants its key, and how its wire
/// differs from its dialect's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// The name, and the first prefix of its models (`name/model`).
    pub name: String,
    /// Other prefixes for the same vendor.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Whether this gateway can call it.
    #[serde(default)]
    pub status: Status,
    /// The wire format that it speaks. Empty only for planned vendors.
    #[serde(default)]
    pub dialect: String,
    /// Where its API begins, version segment included. `{name}` stands for a parameter. Absent when every user has
    /// their own.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The parameter that holds another base URL, where one does.
    #[serde(default)]
    pub base_parameter: Option<String>,
    /// What else it needs to be told (a region, a project, a tenant), by LiteLLM's names, with the environment
    /// variables that may hold it, the first one set wins.
    #[serde(default)]
    pub parameters: BTreeMap<String, Vec<String>>,
    /// What parameters are when nobody says.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
    /// Parameters that follow from others, by name.
    #[serde(default)]
    pub derived: BTreeMap<String, Derived>,
    /// Parameters that are the text of a file when they do not begin as JSON does: the configuration reads it.
    #[serde(default)]
    pub files: Vec<String>,
    /// Where its API begins for those who show a plain key where others are asked for tokens.
    #[serde(default)]
    pub key_base_url: Option<String>,
    /// Rows for models that speak another format or have another address, by the beginning of the model's name; the
    /// longest beginning wins.
    #[serde(default)]
    pub by_model: BTreeMap<String, String>,
    /// What the query of every request has, by name; `{name}` in a value stands for a parameter. An entry whose
    /// parameter is not known is left out.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Environment variables that may hold the key, the first one set wins.
    #[serde(default)]
    pub key_env: Vec<String>,
    /// Environment variables that may hold another base URL, the first one set wins.
    #[serde(default)]
    pub base_env: Vec<String>,
    /// How the key is shown.
    #[serde(default)]
    pub auth: Auth,
    /// Whether it works without a key (servers on one's own machine).
    #[serde(default)]
    pub key_optional: bool,
    /// The header that names the organization that pays, where there is one.
    #[serde(default)]
    pub organization_header: Option<String>,
    /// Hosts of its API; one that begins with a dot stands for all hosts below it.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Paths that users write on these hosts (on any, when there are none) for another of its APIs, and the path that
    /// is meant.
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
    /// Ends of a base URL that mean another API of the same servers, and the row that speaks it.
    #[serde(default)]
    pub variants: BTreeMap<String, String>,
    /// The page that this row follows.
    #[serde(default)]
    pub docs: String,
    /// When that page was read last; empty when the row follows other sources.
    #[serde(default)]
    pub checked: String,
    /// Its prefix in the price table; absent: its models are priced without one, or not at all.
    #[serde(default)]
    pub price_prefix: Option<String>,
    /// Named wire behaviours, read by the dialect.
    #[serde(default)]
    pub quirks: serde_json::Map<String, serde_json::Value>,
    /// More of them, of the vendor's own hosts alone: other servers that speak its format behind an address of one's
    /// own do not have them.
    #[serde(default)]
    pub own_quirks: serde_json::Map<String, serde_json::Value>,
}

/// A parameter that follows from another one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The other parameter.
    pub from: String,
    /// What this one is, by the value of the other.
    pub values: BTreeMap<String, String>,
    /// What it is for all other values; `{name}` stands for a parameter.
    pub otherwise: String,
}

/// Whether a vendor can be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It can.
    #[default]
    Ready,
    /// Its prefix is known, its wire format is not there yet.
    Planned,
}

/// How a vendor wants its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `authorization: Bearer …`.
    #[default]
    Bearer,
    /// `x-api-key: …`.
    XApiKey,
    /// `api-key: …`.
    ApiKey,
    /// `api-key: …`, or without a key a token of Microsoft Entra (`azure_ad_token`, `client_secret` …).
    Azure,
    /// `x-goog-api-key: …`.
    XGoogApiKey,
    /// A token of Google Cloud's, made of the parameter `vertex_credentials`; a plain key goes as `x-goog-api-key`.
    Google,
    /// `authorization` and `x-api-key`, for vendors in front of which something wants the other one.
    Both,
    /// `authorization: Bearer …` for a key, else a signature of AWS with its credentials.
    AwsSigv4,
    /// No key at all.
    None,
}

impl Vendor {
    /// The prefixes of its models, its name first.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// The wire behaviours of a server at this host.
    pub(crate) fn quirks_at(&self, host: &str) -> Cow<'_, serde_json::Map<String, serde_json::Value>> {
        if self.own_quirks.is_empty() || !self.has_host(host) {
            return Cow::Borrowed(&self.quirks);
        }
        let own = self.own_quirks.iter().map(|(name, value)| (name.clone(), value.clone()));
        let mut quirks = self.quirks.clone();
        quirks.extend(own);
        Cow::Owned(quirks)
    }

    /// Whether a host belongs to it. Hosts are compared without case.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| {
            if known.starts_with('.') {
                let below = host.len().checked_sub(known.len());
                below.is_some_and(|at| at > 0 && ends_with_ignoring_case(host, known))
            } else {
                known.eq_ignore_ascii_case(host)
            }
        })
    }
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    let (text, end) = (text.as_bytes(), end.as_bytes());
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_a_leading_dot_stands_for_those_below_it() {
        let vendor = Vendor { hosts: vec!["api.acme.ai".into(), ".acme.cloud".into()], ..acme() };
        for host in ["api.acme.ai", "API.acme.AI", "eu.acme.cloud", "a.b.Acme.cloud"] {
            assert!(vendor.has_host(host), "{host}");
        }
        for host in ["acme.ai", "evilapi.acme.ai", "acme.cloud", ".acme.cloud", "acme.cloud.evil.example", ""]
        {
            assert!(!vendor.has_host(host), "{host}");
        }
    }

    #[test]
    fn a_misspelt_key_of_a_row_is_an_error() {
        let row = serde_json::json!({"name": "acme", "dialect": "x", "base_ulr": "https://acme.ai"});
        let fault = serde_json::from_value::<Vendor>(row).expect_err("no such key");
        assert!(fault.to_string().contains("base_ulr"), "{fault}");
    }

    fn acme() -> Vendor {
        serde_json::from_value(serde_json::json!({"name": "acme"})).expect("a row needs no more than a name")
    }
}
