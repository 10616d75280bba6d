//! Who is told when something is wrong, as administrators set it: as it is kept, and as it is served.

use futures_util::future::BoxFuture;
use llm_core::Result;
use llm_core::json::object_of;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sealing::{Sealing, open_members, seal_members};

/// The name of the setting that holds it.
pub const STORED_ALERTS: &str = "config/alerting";

/// What it is sealed for.
const SEALED_FOR: &str = "alerting";

/// Addresses, by the variables that name them elsewhere. Whoever knows one can write there.
pub const ALERT_ADDRESSES: [&str; 2] = ["SLACK_WEBHOOK_URL", "WEBHOOK_URL"];

/// The map of addresses of single types.
const OWN_ADDRESSES: &str = "alert_to_webhook_url";

/// Settings of alerts of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredAlerts {
    /// What is set, with no more of addresses than their hosts.
    pub shown: Map<String, Value>,
    /// All of it.
    pub sealed: String,
}

impl StoredAlerts {
    /// What is kept of these settings.
    ///
    /// # Errors
    /// When they cannot be sealed.
    pub(crate) fn of(settings: &Map<String, Value>, sealing: &dyn Sealing) -> Result<Self> {
        Ok(Self {
            shown: object_of(settings.iter().map(|(name, value)| (name.clone(), shown(name, value)))),
            sealed: seal_members(sealing, SEALED_FOR, settings)?,
        })
    }

    /// The settings.
    ///
    /// # Errors
    /// When they were sealed under another key, or are damaged.
    pub fn open(&self, sealing: &dyn Sealing) -> Result<Map<String, Value>> {
        let damaged = "the stored settings of alerts are damaged: set them again";
        open_members(sealing, SEALED_FOR, &self.sealed, damaged)
    }
}

/// Whoever tells people and programs what is wrong.
pub trait Alarms: Send + Sync + 'static {
    /// Sends a message to try it, to all addresses of a way (`slack`, `webhook`). How many took it.
    ///
    /// # Errors
    /// Why one did not, or that there is none; without addresses.
    fn try_out<'a>(&'a self, way: &'a str) -> BoxFuture<'a, std::result::Result<usize, String>>;
}

/// A setting of alerts as people see it: of addresses, the hosts.
pub fn shown(name: &str, value: &Value) -> Value {
    let is_address = ALERT_ADDRESSES.contains(&name) || name == OWN_ADDRESSES;
    match value {
        Value::String(address) if is_address => Value::from(host_of(address)),
        Value::Array(list) if is_address => list.iter().map(|one| shown(name, one)).collect(),
        Value::Object(map) if is_address => {
            Value::Object(object_of(map.iter().map(|(kind, one)| (kind.clone(), shown(name, one)))))
        }
        other => other.clone(),
    }
}

fn host_of(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return "***".to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}/***")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_addresses_the_hosts_are_shown() {
        let of = |name, value: Value| shown(name, &value);
        assert_eq!(
            of("SLACK_WEBHOOK_URL", json!("https://hooks.slack.com/services/T/B/x")),
            "https://hooks.slack.com/***"
        );
        assert_eq!(of("WEBHOOK_URL", json!("http://me:pw@host:80?key=1")), "http://host:80/***");
        assert_eq!(
            of("alert_to_webhook_url", json!({"budget_alerts": ["https://a/b", "c"]})),
            json!({"budget_alerts": ["https://a/***", "***"]})
        );
        assert_eq!(of("alerting", json!(["slack"])), json!(["slack"]));
    }
}
