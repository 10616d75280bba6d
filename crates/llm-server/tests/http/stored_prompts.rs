//! Prompts of the store, and callbacks that a reload opens, in the built program.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::money::{Answer, MASTER, Node, folder, send};

fn config(more: &str) -> String {
    format!(
        "model_list:\n  - model_name: echo\n    litellm_params: {{model: mock/echo}}\ngeneral_settings: {{master_key: {MASTER}}}\n\
         prompts:\n  - {{prompt_id: filed, messages: [{{role: user, content: 'from a file'}}]}}\n{more}"
    )
}

fn ask(node: &Node, what: &str, body: &Value) -> Answer {
    send(&node.address, what, MASTER, body).expect("it answers")
}

fn said(node: &Node, prompt: &Value) -> Answer {
    let mut body = json!({"model": "echo", "messages": [], "prompt_variables": {"who": "Ann"}});
    body["prompt_id"] = prompt["id"].clone();
    body["prompt_version"] = prompt["version"].clone();
    node.post("/v1/chat/completions", MASTER, &body).expect("it answers")
}

#[test]
fn prompts_of_the_store_have_versions_and_are_served_at_once() {
    let folder = folder("stored-prompts");
    let node = Node::start_with(&folder, &config(""));
    let text = |text: &str| json!({"prompt_id": "greet", "litellm_params": {"prompt_integration": "dotprompt", "dotprompt_content": text}});
    let made = ask(&node, "POST /prompts", &text("User: hello {{who}}"));
    assert_eq!((made.status, &made.json()["version"]), (200, &json!(1)), "{}", made.body);
    assert!(said(&node, &json!({"id": "greet"})).body.contains("hello Ann"));
    assert_eq!(ask(&node, "POST /prompts", &text("User: again")).status, 400);
    let second = ask(&node, "PUT /prompts/greet", &text("User: good day, {{who}}"));
    assert_eq!(second.json()["version"], json!(2), "{}", second.body);
    assert!(said(&node, &json!({"id": "greet"})).body.contains("good day, Ann"));
    assert!(said(&node, &json!({"id": "greet", "version": 1})).body.contains("hello Ann"));
    let mended = ask(&node, "PATCH /prompts/greet", &text("User: good night, {{who}}"));
    assert_eq!(mended.json()["version"], json!(2), "{}", mended.body);
    assert!(said(&node, &json!({"id": "greet"})).body.contains("good night, Ann"));

    // What nobody could use is not kept, and names of the configuration stay its own.
    let wrong = ask(&node, "PUT /prompts/greet", &text("User: {% if %}"));
    assert!(wrong.status == 400 && wrong.body.contains("template"), "{}", wrong.body);
    let mut taken = text("User: mine");
    taken["prompt_id"] = json!("filed");
    assert_eq!(ask(&node, "POST /prompts", &taken).status, 400);

    let list = ask(&node, "GET /prompts/list", &json!({})).json();
    let kinds: Vec<&Value> = list["prompts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["prompt_info"]["prompt_type"])
        .collect();
    assert_eq!(kinds, ["db", "config"], "{list}");
    let first = ask(&node, "GET /prompts/greet.v1/info", &json!({})).json();
    assert_eq!(first["prompt_spec"]["litellm_params"]["dotprompt_content"], "User: hello {{who}}", "{first}");
    let versions = ask(&node, "GET /prompts/greet/versions", &json!({})).json();
    assert_eq!(versions["prompts"].as_array().map(Vec::len), Some(2), "{versions}");
    let key = node.key(&json!({}));
    assert_eq!(send(&node.address, "GET /prompts/list", &key, &json!({})).expect("it answers").status, 403);

    drop(node);
    let node = Node::start_with(&folder, &config(""));
    assert!(said(&node, &json!({"id": "greet"})).body.contains("good night, Ann"));
    assert_eq!(ask(&node, "DELETE /prompts/greet", &json!({})).status, 200);
    let gone = said(&node, &json!({"id": "greet"}));
    assert!(gone.status == 400 && gone.body.contains("there is no prompt"), "{}", gone.body);
    assert_eq!(ask(&node, "GET /prompts/greet", &json!({})).status, 404);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_prompt_is_tried_before_it_is_kept() {
    let folder = folder("tried-prompts");
    let node = Node::start_with(&folder, &config(""));
    let tried = |content: &str, key: &str| {
        let body = json!({"dotprompt_content": content, "prompt_variables": {"who": "Ann"}}).to_string();
        let length = body.len();
        crate::hooks::raw(
            &node.address,
            &format!(
                "POST /prompts/test HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        )
    };
    let answer = tried("---\nmodel: echo\n---\nUser: hello {{who}}", MASTER);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("text/event-stream"), "{answer}");
    assert!(answer.contains("Ann") && answer.contains("data: [DONE]"), "{answer}");
    assert!(tried("User: hello", MASTER).starts_with("HTTP/1.1 400"), "no model");
    assert!(tried("---\nmodel: echo\n---\nUser: hello", "sk-nobody").starts_with("HTTP/1.1 401"));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn gateways_that_share_a_database_share_prompts() {
    let Some(postgres) =
        llm_testkit::postgres::PostgresServer::start("gateways_that_share_a_database_share_prompts")
    else {
        return;
    };
    let folders = [folder("prompts-one"), folder("prompts-two")];
    let url = postgres.url();
    let nodes =
        folders.each_ref().map(|folder| Node::configured(folder, &config(""), &[("DATABASE_URL", &url)]));
    let text = |text: &str| json!({"prompt_id": "greet", "litellm_params": {"prompt_integration": "dotprompt", "dotprompt_content": text}});
    let becomes = |node: &Node, wanted: &str| {
        // A good while less than the half a minute after which the store is read anyway.
        let late = Instant::now() + Duration::from_secs(8);
        while !said(node, &json!({"id": "greet"})).body.contains(wanted) {
            assert!(Instant::now() < late, "the other gateway never says `{wanted}`");
            thread::park_timeout(Duration::from_millis(50));
        }
    };
    assert_eq!(ask(&nodes[0], "POST /prompts", &text("User: hello {{who}}")).status, 200);
    becomes(&nodes[1], "hello Ann");
    assert_eq!(ask(&nodes[1], "PUT /prompts/greet", &text("User: good day, {{who}}")).status, 200);
    becomes(&nodes[0], "good day, Ann");
    assert_eq!(ask(&nodes[0], "DELETE /prompts/greet", &json!({})).status, 200);
    becomes(&nodes[1], "there is no prompt");
    drop(nodes);
    folders.iter().for_each(|folder| std::fs::remove_dir_all(folder).expect("it was there"));
}

/// Waits until a file has so many lines.
fn has_lines(file: &Path, count: usize) -> bool {
    let late = Instant::now() + Duration::from_secs(20);
    while Instant::now() < late {
        if std::fs::read_to_string(file).is_ok_and(|text| text.lines().count() >= count) {
            return true;
        }
        thread::park_timeout(Duration::from_millis(50));
    }
    false
}

#[test]
fn callbacks_of_a_new_configuration_are_told_and_the_old_ones_are_not() {
    let folder = folder("reloaded-callbacks");
    let (first, second) = (folder.join("first.jsonl"), folder.join("second.jsonl"));
    let told = |file: &Path| {
        config(&format!(
            "litellm_settings: {{callbacks: [file]}}\ncallback_settings: {{file: {{path: '{}', flush_interval: 0.1}}}}\n",
            file.display()
        ))
    };
    let mut node = Node::start_with(&folder, &told(&first));
    assert_eq!(said(&node, &json!({"id": "filed"})).status, 200);
    assert!(has_lines(&first, 1));
    std::fs::write(folder.join("config.yaml"), told(&second)).expect("written");
    node.run.signal(Signal::HUP);
    node.run.line("configuration read again");
    assert_eq!(said(&node, &json!({"id": "filed"})).status, 200);
    assert!(has_lines(&second, 1));
    assert_eq!(std::fs::read_to_string(&first).expect("a file").lines().count(), 1);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
