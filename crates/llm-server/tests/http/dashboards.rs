//! Dashboards and alerts ask for what the built program serves: each metric that one names is on its `/metrics`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::listener::Listener;
use crate::money::{MASTER, Node, chat, folder};

/// What makes every family appear: limits, a learnt limit, a cache, a guardrail, a callback, a Redis that is gone, and a
/// deployment that fails until it is left alone.
const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, rpm: 100000, tpm: 100000000, adaptive_concurrency: true}
  - model_name: down
    litellm_params: {model: mock/error-500}
general_settings: {master_key: sk-master-of-the-tests}
router_settings: {num_retries: 0, allowed_fails: 0, cooldown_time: 60, redis_url: 'redis://127.0.0.1:1'}
litellm_settings:
  cache: true
  cache_params: {type: local}
  callbacks: [generic_api]
callback_settings: {generic_api: {flush_interval: 0.1}}
guardrails:
  - guardrail_name: pii
    litellm_params: {guardrail: pii, mode: pre_call, default_on: true}
";

/// The files that ask for metrics.
fn asking() -> Vec<(PathBuf, String)> {
    let packaging = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/packaging"));
    let dashboards = std::fs::read_dir(packaging.join("grafana")).expect("dashboards");
    let dashboards = dashboards.map(|file| file.expect("readable").path());
    let files = dashboards.chain([packaging.join("prometheus/alerts.yaml")]);
    files.map(|path| (path.clone(), std::fs::read_to_string(path).expect("text"))).collect()
}

/// Words that can only be names of metrics.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("litellm_") || word.starts_with("llm_")).collect()
}

#[test]
fn every_metric_that_dashboards_and_alerts_name_is_served() {
    let folder = folder("dashboards");
    let told = Listener::start(|_| (200, String::new()));
    let node = Node::configured(&folder, CONFIG, &[("GENERIC_LOGGER_ENDPOINT", &told.url)]);
    for model in ["one", "one", "down"] {
        node.post("/v1/chat/completions", MASTER, &chat(model)).expect("it answers");
    }
    told.next();
    let served = crate::hooks::get(&node.address, "/metrics");
    let families = metrics(&served);
    let files = asking();
    assert!(files.len() >= 4, "{files:?}");
    for (path, text) in &files {
        let asked = metrics(text);
        assert!(asked.len() > 4, "{}: {asked:?}", path.display());
        let missing: Vec<_> = asked.difference(&families).collect();
        assert!(
            missing.is_empty(),
            "{} asks for {missing:?}, which no gateway serves:\n{served}",
            path.display()
        );
    }
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn dashboards_are_whole_and_alike() {
    for (path, text) in asking().iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "json"))
    {
        let board: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let panels = board["panels"].as_array().expect("panels");
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
        assert_eq!(ids.len(), panels.len(), "{}: an id stands twice", path.display());
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()), "{panel}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
            let asks = panel["targets"].as_array().expect("targets");
            assert!(
                asks.iter().all(|ask| ask["expr"].as_str().is_some_and(|expr| !expr.is_empty())),
                "{panel}"
            );
        }
    }
}
