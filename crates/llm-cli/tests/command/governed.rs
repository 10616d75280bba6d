//! Keys, usage and stats of a gateway with a store.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::{Stage, echo};

/// Waits until what was called stands in the database: rows come there a moment later.
fn usage(stage: &Stage, arguments: &[&str], is_there: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let usage = stage.json(arguments);
        if is_there(&usage) || Instant::now() > until {
            return usage;
        }
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

#[test]
fn keys_live_and_end() {
    let stage = Stage::start();
    let made = stage
        .llm(&[
            "keys",
            "create",
            "--alias",
            "ada",
            "--models",
            "smart,fast",
            "--max-budget",
            "5",
            "--rpm",
            "60",
        ])
        .good();
    let key = made.out.trim().to_owned();
    assert!(key.starts_with("sk-"), "the key alone is in the output: {made:?}");
    assert!(made.err.contains("shown this once"), "{made:?}");
    assert_eq!(stage.llm(&["query", "hello", "-m", "smart", "--key", &key]).good().out, echo("hello") + "\n");

    let listed = stage.json(&["keys", "list"]);
    assert_eq!(listed["keys"][0]["key_alias"], "ada");
    let table = stage.llm(&["keys", "list"]).good();
    assert!(table.out.contains("ada") && table.out.contains("60 rpm"), "{table:?}");
    assert!(!table.out.contains(&key), "keys are shown once");

    for named in ["ada", key.as_str()] {
        assert_eq!(stage.json(&["keys", "info", named])["max_budget"], 5.0, "{named}");
    }
    stage.llm(&["keys", "update", "ada", "--max-budget", "20"]).good();
    assert_eq!(stage.json(&["keys", "info", "ada"])["max_budget"], 20.0);

    stage.llm(&["keys", "block", "ada"]).good();
    assert_eq!(stage.llm(&["query", "hello", "-m", "smart", "--key", &key]).code, 4);
    stage.llm(&["keys", "unblock", "ada"]).good();
    stage.llm(&["query", "hello", "-m", "smart", "--key", &key]).good();

    let other = stage.llm(&["keys", "rotate", "ada"]).good().out.trim().to_owned();
    assert_ne!(other, key);
    assert_eq!(stage.llm(&["query", "hello", "-m", "smart", "--key", &key]).code, 4, "the old one has ended");
    stage.llm(&["query", "hello", "-m", "smart", "--key", &other]).good();

    assert_eq!(stage.llm(&["keys", "delete", "ada"]).code, 2, "nobody is there to be asked");
    stage.llm(&["keys", "delete", "ada", "--yes"]).good();
    assert_eq!(stage.llm(&["keys", "info", "ada"]).code, 1);
    assert_eq!(stage.llm(&["keys", "update", "ada"]).code, 2, "nothing to change");
}

#[test]
fn who_may_not_is_told_by_the_code() {
    let stage = Stage::start();
    let key = stage.json(&["keys", "create", "--alias", "guest", "--models", "fast"]);
    let key = key["key"].as_str().expect("a new key").to_owned();
    let ran = stage.llm(&["query", "hello", "-m", "smart", "--key", &key]);
    assert!(ran.code == 4 || ran.code == 1, "{ran:?}");
    let listed = stage.llm(&["list", "--json", "--key", &key]).good().json();
    let names: Vec<&str> = listed["models"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|model| model["model"].as_str())
        .collect();
    assert_eq!(names, ["fast"]);
}

#[test]
fn what_was_used_is_counted() {
    let stage = Stage::start();
    stage.llm(&["keys", "create", "--alias", "ada"]).good();
    for _ in 0..3 {
        stage.llm(&["query", "hello", "-m", "smart"]).good();
    }
    let three = |usage: &Value| usage["total"]["requests"].as_u64() >= Some(3);
    let json = usage(&stage, &["usage"], three);
    assert_eq!(json["group_by"], "model");
    assert_eq!(json["results"][0]["model"], "smart", "{json}");
    assert_eq!(json["total"]["requests"], 3, "{json}");
    for group in [
        "model",
        "key",
        "team",
        "user",
        "day",
        "provider",
        "upstream-model",
        "customer",
        "tag",
        "organization",
    ] {
        stage.llm(&["usage", "--group-by", group]).good();
    }
    let table = stage.llm(&["usage", "--from", "7d", "--to", "today"]).good();
    assert!(table.out.contains("smart") && table.out.contains("100.0 %"), "{table:?}");
    assert_eq!(stage.llm(&["usage", "--from", "today", "--to", "yesterday"]).code, 2);
    assert_eq!(stage.json(&["usage", "--of-key", "ada"])["total"]["requests"], 0);

    let stats = stage.json(&["stats", "--days", "3"]);
    assert_eq!(stats["total"]["requests"], 3, "{stats}");
    let pictures = stage.llm(&["stats"]).good();
    assert!(pictures.out.contains('█') && pictures.out.contains("requests"), "{pictures:?}");
}
