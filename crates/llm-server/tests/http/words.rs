//! One call in full: its trail, and what was said where that is kept; and what guardrails found.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::money::{Answer, MASTER, Node, folder, send};

fn config(keeps: bool) -> String {
    format!(
        "model_list:\n  - {{model_name: echo, litellm_params: {{model: mock/echo}}}}\n  \
         - {{model_name: broken, litellm_params: {{model: mock/error-500}}, model_info: {{id: broken-1}}}}\n\
         router_settings: {{num_retries: 1, retry_after: 0, disable_cooldowns: true, fallbacks: [{{broken: [echo]}}]}}\n\
         guardrails:\n  - {{guardrail_name: no-secrets, litellm_params: {{guardrail: hide-secrets, mode: pre_call, default_on: true}}}}\n\
         general_settings: {{master_key: {MASTER}, store_prompts_in_spend_logs: {keeps}}}\n"
    )
}

fn ask(node: &Node, key: &str, body: &Value) -> Answer {
    send(&node.address, "POST /v1/chat/completions", key, body).expect("it answers")
}

fn get(node: &Node, path: &str) -> Value {
    send(&node.address, &format!("GET {path}"), MASTER, &json!({})).expect("it answers").json()
}

/// The row of an answer, once it is booked and `is_there`.
fn row(node: &Node, answer: &Answer, is_there: impl Fn(&Value) -> bool) -> Value {
    let id = answer.header("x-litellm-call-id").expect("an id").to_owned();
    let late = Instant::now() + Duration::from_secs(20);
    loop {
        let row = get(node, &format!("/spend/logs?request_id={id}"))[0].clone();
        if row.is_object() && is_there(&row) {
            return row;
        }
        assert!(Instant::now() < late, "the row does not come: {row}");
        thread::park_timeout(Duration::from_millis(50));
    }
}

fn says(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

#[test]
fn a_call_shows_its_trail_and_what_was_said() {
    let folder = folder("words");
    let node = Node::start_with(&folder, &config(true));
    let key = node.key(&json!({"key_alias": "talker"}));
    let plain = ask(&node, &key, &says("echo", "good morning"));
    let shown = row(&node, &plain, |row| row["messages"].is_array());
    assert_eq!(shown["metadata"]["trail"], json!([]), "the first deployment answered");
    assert_eq!(shown["messages"][0]["content"], "good morning");
    assert_eq!(shown["proxy_server_request"]["model"], "echo");
    let said = shown["response"]["choices"][0]["message"]["content"].as_str().expect("text");
    assert!(said.contains("good morning"), "{said}");

    let saved = ask(&node, &key, &says("broken", "my key is AKIAIOSFODNN7EXAMPLE"));
    assert_eq!(saved.status, 200, "{}", saved.body);
    let shown = row(&node, &saved, |row| row["messages"].is_array());
    let trail = shown["metadata"]["trail"].as_array().expect("a list");
    let steps: Vec<&str> = trail.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(steps.first(), Some(&"failed"), "{steps:?}");
    assert_eq!(steps[steps.len() - 2..], ["fallback", "answered"], "{steps:?}");
    assert_eq!((&trail[0]["deployment"], &trail[0]["status"]), (&json!("broken-1"), &json!(500)));
    let kept = shown["messages"].to_string() + &shown["response"].to_string();
    assert!(!kept.contains("AKIAIOSFODNN7EXAMPLE"), "it is masked: {kept}");

    // Of lists it is left out.
    let list = get(&node, "/spend/logs/v2?page_size=10");
    assert_eq!(list["data"][0]["messages"], json!({}));

    let hits = get(&node, "/guardrails/hits");
    let hit = &hits["hits"][0];
    assert_eq!(
        (&hit["guardrail"], &hit["action"], &hit["side"]),
        (&json!("no-secrets"), &json!("masked"), &json!("request"))
    );
    assert_eq!((&hit["key_alias"], &hit["model"]), (&json!("talker"), &json!("broken")));
    assert_eq!(hit["call_id"].as_str(), saved.header("x-litellm-call-id"));
    assert!(!hits.to_string().contains("AKIA"), "no text: {hits}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn nothing_that_was_said_is_kept_where_nobody_wants_it() {
    let folder = folder("no-words");
    let node = Node::start_with(&folder, &config(false));
    let answer = ask(&node, MASTER, &says("echo", "a word that is nowhere"));
    let shown = row(&node, &answer, |_| true);
    assert_eq!(
        (&shown["messages"], &shown["response"], &shown["proxy_server_request"]),
        (&json!({}), &json!({}), &json!({}))
    );
    drop(node);
    let files = ["llm-server.db", "llm-server.db-wal"].map(|name| folder.join("data").join(name));
    for file in files.iter().filter(|file| file.exists()) {
        let bytes = std::fs::read(file).expect("a file");
        let words = b"a word that is nowhere";
        assert!(!bytes.windows(words.len()).any(|some| some == words), "{}", file.display());
    }
    std::fs::remove_dir_all(folder).expect("it was there");
}
