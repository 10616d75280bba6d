//! Where a request may go: its own lists of fallbacks, and what it says in the place of the router's settings.

use std::time::Duration;

use llm_core::provider::Inbound;
use llm_core::{Error, Result};
use llm_router::{FallbackList, RetryPolicy};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{CallOptions, seconds};

const OVERRIDE: &str = "router_settings_override";
const DISABLE: &str = "disable_fallbacks";

const LISTS: [FallbackList; 3] =
    [FallbackList::General, FallbackList::ContextWindow, FallbackList::ContentPolicy];

/// The router's settings that a request may replace.
const SETTINGS: [&str; 14] = [
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "disable_fallbacks",
    "fallbacks",
    "first_content_timeout",
    "idle_timeout",
    "max_fallbacks",
    "mid_stream",
    "num_retries",
    "retry_policy",
    "routing_strategy",
    "stream_timeout",
    "timeout",
    "total_timeout",
];

/// Whether a field says where the request may go. These are read together, when all are known.
pub(super) fn is_one(key: &str) -> bool {
    // Most fields end here: they begin with another letter, or are shorter.
    key.len() >= "fallbacks".len()
        && matches!(key.as_bytes().first(), Some(b'c' | b'd' | b'f' | b'r'))
        && (key == OVERRIDE || key == DISABLE || LISTS.iter().any(|list| list.key() == key))
}

/// An entry of a list: a name, `{"model": name}`, or `{group: [names]}` as in a configuration.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Name(String),
    Object(Map<String, Value>),
}

impl CallOptions {
    /// Fields of the body win over the same ones in `router_settings_override`.
    pub(super) fn read_routing(&mut self, inbound: &Inbound) -> Result<()> {
        let mut disable = inbound.option::<bool>(DISABLE)?;
        for list in LISTS {
            if let Some(entries) = inbound.option::<Vec<Entry>>(list.key())? {
                self.set_list(list, entries)?;
            }
        }
        for (key, value) in inbound.option::<Map<String, Value>>(OVERRIDE)?.unwrap_or_default() {
            if key == DISABLE {
                let own = read(&key, value)?;
                disable = disable.or(own);
            } else {
                self.replace(&key, value)?;
            }
        }
        if disable == Some(true) {
            self.route.disable_fallbacks();
        }
        Ok(())
    }

    fn replace(&mut self, key: &str, value: Value) -> Result<()> {
        let route = &mut self.route;
        match key {
            "num_retries" => route.num_retries = route.num_retries.or(read(key, value)?),
            "max_fallbacks" => route.max_fallbacks = read(key, value)?,
            "retry_policy" => route.retry_policy = retry_policy(read(key, value)?.unwrap_or_default())?,
            "routing_strategy" => {
                let own = read::<String>(key, value)?.as_deref().map(str::parse).transpose()?;
                route.strategy = route.strategy.or(own);
            }
            "mid_stream" => {
                let own = read::<String>(key, value)?.as_deref().map(str::parse).transpose()?;
                route.mid_stream = route.mid_stream.or(own);
            }
            "timeout" | "total_timeout" => {
                let own = time(key, value)?;
                route.limits.total = route.limits.total.or(own);
            }
            "stream_timeout" | "first_content_timeout" => {
                let own = time(key, value)?;
                route.limits.first_content = route.limits.first_content.or(own);
            }
            "idle_timeout" => route.limits.idle = time(key, value)?,
            _ => {
                let list = LISTS.into_iter().find(|list| list.key() == key).ok_or_else(|| unknown(key))?;
                let entries = read::<Vec<Entry>>(key, value)?;
                if let (Some(entries), None) = (entries, self.list(list)) {
                    self.set_list(list, entries)?;
                }
            }
        }
        Ok(())
    }

    fn list(&mut self, list: FallbackList) -> &mut Option<Vec<String>> {
        match list {
            FallbackList::ContextWindow => &mut self.route.context_window_fallbacks,
            FallbackList::ContentPolicy => &mut self.route.content_policy_fallbacks,
            FallbackList::General | FallbackList::Default => &mut self.route.fallbacks,
        }
    }

    /// A list that has entries for other groups only is none for this request.
    fn set_list(&mut self, list: FallbackList, entries: Vec<Entry>) -> Result<()> {
        let (mut names, mut found) = (Vec::new(), entries.is_empty());
        for entry in entries {
            match entry {
                Entry::Name(name) => names.push(name),
                Entry::Object(mut target) => match target.remove("model") {
                    Some(Value::String(name)) => {
                        names.push(name);
                        let left_out = target.keys().map(|key| format!("{}[].{key}", list.key()));
                        self.ignored.extend(left_out);
                    }
                    Some(_) => return Err(wrong(list)),
                    None => match own_entry(&target, &self.model) {
                        Some(own) => names.extend(texts(own).ok_or_else(|| wrong(list))?),
                        None => continue,
                    },
                },
            }
            found = true;
        }
        if found {
            *self.list(list) = Some(names);
        }
        Ok(())
    }
}

/// The entry of a group among `{group: [names]}`.
fn own_entry<'a>(groups: &'a Map<String, Value>, model: &str) -> Option<&'a Value> {
    groups.get(model).or_else(|| groups.get("*"))
}

fn texts(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(|name| Some(name.as_str()?.to_owned())).collect()
}

fn wrong(list: FallbackList) -> Error {
    let key = list.key();
    let message =
        format!("invalid `{key}`: use a list of names, of `{{\"model\": name}}`, or of `{{group: [names]}}`");
    Error::invalid(message).with_param(key)
}

fn unknown(key: &str) -> Error {
    let shown: String = key.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let known = SETTINGS.join(", ");
    Error::invalid(format!("unknown setting `{shown}` in `{OVERRIDE}`: a request may set {known}"))
        .with_param(OVERRIDE)
}

fn read<T: serde::de::DeserializeOwned>(key: &str, value: Value) -> Result<Option<T>> {
    serde_json::from_value(value).map_err(|fault| {
        let complaint = llm_core::json::complaint(&fault);
        Error::invalid(format!("invalid `{key}` in `{OVERRIDE}`: {complaint}")).with_param(OVERRIDE)
    })
}

fn time(key: &str, value: Value) -> Result<Option<Duration>> {
    read(key, value)?.map(|value| seconds(key, value)).transpose()
}

fn retry_policy(entries: Map<String, Value>) -> Result<RetryPolicy> {
    let mut policy = RetryPolicy::default();
    for (key, value) in entries {
        let Some(retries) = read::<u32>("retry_policy", value)? else { continue };
        if !policy.set_key(&key, retries) {
            let shown: String = key.chars().filter(|letter| !letter.is_control()).take(64).collect();
            let message = format!(
                "unknown error class `{shown}` in `retry_policy`: use names such as RateLimitErrorRetries, or {}",
                RetryPolicy::DEFAULT
            );
            return Err(Error::invalid(message).with_param(OVERRIDE));
        }
    }
    Ok(policy)
}
