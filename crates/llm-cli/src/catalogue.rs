//! The models of a gateway: names, vendors, sizes, prices.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::ask::cost_of;
use crate::backend::Backend;
use crate::failure::Failure;

/// How many prices are asked for at a time.
const AT_ONCE: usize = 16;

/// Prices are asked for so many tokens: small enough to be in every model's first tier.
const SAMPLE: u64 = 1_000;

/// A model that may be asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    /// Its public name.
    pub name: String,
    /// Who answers for it.
    pub vendors: Vec<String>,
    /// What it is for; `None`: nobody says, so it is for chat.
    pub mode: Option<String>,
    /// The most tokens of a prompt.
    pub context: Option<u64>,
    /// The most tokens of an answer.
    pub output: Option<u64>,
    /// Dollars for a million tokens of a prompt, and of an answer.
    pub prices: (Option<f64>, Option<f64>),
}

impl Model {
    /// Whether it is asked in words and answers in words.
    pub(crate) fn chats(&self) -> bool {
        self.mode.as_deref().is_none_or(|mode| matches!(mode, "chat" | "responses"))
    }

    /// The model for programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "model": self.name,
            "vendors": self.vendors,
            "mode": self.mode,
            "max_input_tokens": self.context,
            "max_output_tokens": self.output,
            "input_price_per_million": self.prices.0,
            "output_price_per_million": self.prices.1,
        })
    }
}

/// The models that the key may ask, without their prices.
///
/// # Errors
/// When the gateway does not say.
pub(crate) async fn models(backend: &Backend) -> Result<Vec<Model>, Failure> {
    let listed = backend.get("/v1/models").await?;
    let groups = groups(backend).await;
    let listed = listed["data"].as_array().into_iter().flatten().filter_map(|card| {
        let name = card["id"].as_str()?.to_owned();
        let group = groups.iter().find(|(pattern, _)| fits(pattern, &name));
        Some(Model {
            vendors: group.map(|(_, vendors)| vendors.clone()).unwrap_or_default(),
            mode: card["mode"].as_str().map(str::to_owned),
            context: card["max_input_tokens"].as_u64(),
            output: card["max_output_tokens"].as_u64(),
            prices: (None, None),
            name,
        })
    });
    Ok(listed.collect())
}

/// Asks the gateway for the prices of models.
pub(crate) async fn price(backend: &Backend, models: Vec<Model>) -> Vec<Model> {
    let priced = models.into_iter().map(|model| async move {
        let millions = |cost: f64| cost * 1e6 / 1e3;
        let input = cost_of(backend, &model.name, SAMPLE, 0).await.map(millions);
        let output = match input {
            Some(_) => cost_of(backend, &model.name, 0, SAMPLE).await.map(millions),
            None => None,
        };
        Model { prices: (input, output), ..model }
    });
    stream::iter(priced).buffered(AT_ONCE).collect().await
}

/// The names of the gateway that stand for several models, as far as it tells them.
pub(crate) async fn patterns(backend: &Backend) -> Vec<String> {
    let names = groups(backend).await.into_iter().map(|(name, _)| name);
    names.filter(|name| name.contains('*')).collect()
}

/// The groups of the gateway with their vendors: exact names first, then patterns, the longest first. A gateway that
/// does not tell this key has none.
async fn groups(backend: &Backend) -> Vec<(String, Vec<String>)> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let told = match backend.get("/model_group/info").await {
        Ok(told) => pairs(&told["data"], "model_group", "providers"),
        Err(_) => match backend.get("/v1/providers/status").await {
            Ok(told) => pairs(&told["providers"], "model_name", "provider"),
            Err(_) => Vec::new(),
        },
    };
    for (name, vendors) in told {
        let known = groups.entry(name).or_default();
        known.extend(vendors);
        known.sort_unstable();
        known.dedup();
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(name, _)| (name.contains('*'), std::cmp::Reverse(name.len())));
    groups
}

fn pairs(list: &Value, name: &str, vendors: &str) -> Vec<(String, Vec<String>)> {
    let pair = |one: &Value| {
        let vendors = match &one[vendors] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect(),
        };
        Some((one[name].as_str()?.to_owned(), vendors))
    };
    list.as_array().into_iter().flatten().filter_map(pair).collect()
}

/// Whether a name is what a pattern with at most one `*` stands for.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names() {
        assert!(fits("gpt-4o", "gpt-4o"));
        assert!(!fits("gpt-4o", "gpt-4o-mini"));
        assert!(fits("openai/*", "openai/gpt-4o"));
        assert!(fits("*", "anything"));
        assert!(!fits("a*a", "a"));
    }

    #[test]
    fn vendors_are_read_in_both_forms() {
        let groups = json!([{"model_group": "smart", "providers": ["a", "b"]}]);
        assert_eq!(
            pairs(&groups, "model_group", "providers"),
            [("smart".to_owned(), vec!["a".to_owned(), "b".to_owned()])]
        );
        let status = json!([{"model_name": "smart", "provider": "a"}]);
        assert_eq!(pairs(&status, "model_name", "provider"), [("smart".to_owned(), vec!["a".to_owned()])]);
    }
}
