//! Callbacks that an administrator makes while gateways run.

use std::thread;
use std::time::{Duration, Instant};

use llm_testkit::postgres::PostgresServer;
use serde_json::{Value, json};

use crate::alerts::Listener;
use crate::money::{Answer, MASTER, Node, folder, send};

fn config() -> String {
    format!(
        "model_list:\n  - {{model_name: echo, litellm_params: {{model: mock/echo}}}}\n\
         litellm_settings: {{callbacks: [file]}}\n\
         general_settings: {{master_key: {MASTER}}}\n"
    )
}

fn ask(node: &Node, what: &str, body: &Value) -> Answer {
    send(&node.address, what, MASTER, body).expect("it answers")
}

/// A call; how the gateway answered.
fn chat(node: &Node, text: &str) -> u16 {
    let body = json!({"model": "echo", "messages": [{"role": "user", "content": text}]});
    ask(node, "POST /v1/chat/completions", &body).status
}

/// Everybody who is told of calls, as people see them: name, kind, calls, source.
fn told(node: &Node) -> Vec<[String; 4]> {
    let shown = ask(node, "GET /get/config/callbacks", &json!({})).json();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let all = shown["callbacks"].as_array().expect("a list").iter();
    // One that was read a moment ago is listed, with that as its problem.
    all.filter(|one| one["problem"].is_null())
        .map(|one| ["name", "kind", "type", "source"].map(|name| text(one, name)))
        .collect()
}

/// An address that takes each call by itself, and at once.
fn to(listener: &Listener, calls: &str) -> Value {
    let vars = json!({
        "endpoint": format!("{}/calls", listener.url), "headers": "x-key=fabricated-secret", "log_format": "single", "batch_size": 1,
    });
    json!({"callback_name": "logs", "callback_kind": "generic_api", "callback_type": calls, "callback_vars": vars})
}

fn refuses_what_cannot_be(node: &Node, listener: &Listener) {
    let with = |name: &str, value: Value| {
        let mut body = to(listener, "success");
        body["callback_name"] = "new".into();
        body[name] = value;
        body
    };
    for (wrong, says) in [
        (to(listener, "success"), "exists already"),
        (with("callback_name", json!("file")), "configuration"),
        (with("callback_kind", json!("file")), "of one machine"),
        (with("callback_kind", json!("datadog")), "langfuse"),
        (with("callback_vars", json!({"endpoint": "no address"})), "address"),
        (with("callback_vars", json!({"endpoint": "http://127.0.0.1:1", "endpiont": "x"})), "endpiont"),
        (with("callback_vars", json!({"endpoint": "os.environ/NOT_SET_ANYWHERE"})), "not set"),
        (with("callback_name", json!("spend_logs")), "choose another name"),
    ] {
        let refused = ask(node, "POST /callbacks", &wrong);
        assert!(refused.status == 400 && refused.body.contains(says), "{wrong}: {}", refused.body);
    }
    for wrong in [with("callback_name", json!("a b")), with("callback_type", json!("always")), json!({})] {
        assert_eq!(ask(node, "POST /callbacks", &wrong).status, 422, "{wrong}");
    }
    let refused = ask(node, "DELETE /callbacks/file", &json!({}));
    assert!(refused.status == 400 && refused.body.contains("configuration"), "{}", refused.body);
    assert_eq!(ask(node, "DELETE /callbacks/nobody", &json!({})).status, 404);
    let key = node.key(&json!({}));
    assert_eq!(node.post("/callbacks", &key, &to(listener, "success")).expect("it answers").status, 403);
}

#[test]
fn one_that_is_made_is_told_at_once_is_changed_outlasts_a_restart_and_goes() {
    let folder = folder("stored-callbacks");
    let (listener, other) = (Listener::start(0), Listener::start(0));
    let node = Node::start_with(&folder, &config());
    let made = ask(&node, "POST /callbacks", &to(&listener, "success"));
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(made.json()["variables"]["headers"], "***");
    assert_eq!(chat(&node, "one"), 200);
    let (path, call) = listener.next();
    assert_eq!((path.as_str(), &call["status"]), ("/calls", &json!("success")));
    assert_eq!(call["messages"], Value::Null, "prompts are not told unless somebody says so");
    let own = ["logs", "generic_api", "success", "db"].map(str::to_owned);
    assert_eq!(told(&node), [["file", "file", "success_and_failure", "config"].map(str::to_owned), own]);
    let lists = ask(&node, "GET /callbacks/list", &json!({})).json();
    assert_eq!(lists, json!({"success": ["logs"], "failure": [], "success_and_failure": ["file"]}));

    refuses_what_cannot_be(&node, &listener);
    // What was shown as hidden stays as it is, and what is not named goes.
    let vars = json!({"endpoint": format!("{}/other", other.url), "headers": "***", "log_format": "single", "batch_size": 1, "message_logging": true});
    let changed = ask(&node, "PUT /callbacks/logs", &json!({"callback_vars": vars}));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(chat(&node, "two"), 200);
    let (path, call) = other.next();
    assert_eq!((path.as_str(), &call["messages"][0]["content"]), ("/other", &json!("two")));
    let shown = ask(&node, "GET /audit", &json!({})).body;
    let database = std::fs::read(folder.join("data/llm-server.db")).expect("a database");
    let is_in = |bytes: &[u8]| bytes.windows(17).any(|part| part == b"fabricated-secret");
    assert!(shown.contains("callback/logs") && !is_in(shown.as_bytes()) && !is_in(&database));

    drop(node);
    let node = Node::start_with(&folder, &config());
    assert_eq!(chat(&node, "three"), 200);
    assert_eq!(other.next().1["messages"][0]["content"], "three", "it is told after a restart");
    assert_eq!(ask(&node, "DELETE /callbacks/logs", &json!({})).status, 200);
    assert_eq!(chat(&node, "four"), 200);
    other.is_quiet();
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn it_is_set_in_the_words_of_litellm() {
    let folder = folder("callbacks-of-litellm");
    let listener = Listener::start(0);
    let node = Node::start_with(&folder, &config());
    let update = |settings: Value, variables: Value| {
        ask(
            &node,
            "POST /config/update",
            &json!({"litellm_settings": settings, "environment_variables": variables}),
        )
    };
    let keys =
        json!({"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_HOST": listener.url});
    let set = update(json!({"success_callback": ["langfuse"]}), keys);
    assert_eq!(set.status, 200, "{}", set.body);
    let more = update(json!({"failure_callback": ["langfuse"]}), json!({"LANGFUSE_SECRET_KEY": "another"}));
    assert_eq!(more.status, 200, "{}", more.body);
    assert_eq!(told(&node)[1], ["langfuse", "langfuse", "success_and_failure", "db"].map(str::to_owned));
    for (settings, variables, says) in [
        (json!({"callbacks": ["datadog"]}), json!({}), "langfuse"),
        (json!({"drop_params": true}), json!({}), "litellm_settings.drop_params"),
        (json!({"callbacks": ["otel"]}), json!({"OTEL_ENDPOINT": "http://127.0.0.1:1", "PATH": "x"}), "PATH"),
    ] {
        let refused = update(settings.clone(), variables);
        assert!(refused.status == 400 && refused.body.contains(says), "{settings}: {}", refused.body);
    }
    assert!(!told(&node).iter().any(|one| one[0] == "otel"), "nothing is done by halves");
    let ended = ask(&node, "POST /config/callback/delete", &json!({"callback_name": "langfuse"})).json();
    assert_eq!(
        (&ended["removed_callback"], &ended["remaining_callbacks"]),
        (&json!("langfuse"), &json!(["file"]))
    );
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn every_gateway_of_the_store_tells_it() {
    let Some(postgres) = PostgresServer::start("every_gateway_of_the_store_tells_it") else { return };
    let listener = Listener::start(0);
    let folders = ["one", "other"].map(|name| folder(&format!("stored-callbacks-{name}")));
    let [one, other] = folders
        .each_ref()
        .map(|folder| Node::configured(folder, &config(), &[("DATABASE_URL", &postgres.url())]));
    assert_eq!(ask(&one, "POST /callbacks", &to(&listener, "success")).status, 200);
    // A good while less than the half a minute after which the store is read anyway.
    let late = Instant::now() + Duration::from_secs(8);
    while told(&other).len() < 2 {
        assert!(Instant::now() < late, "the other gateway does not know of it");
        thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(chat(&other, "hello"), 200);
    assert_eq!(listener.next().1["status"], "success");
    drop((one, other));
    folders.iter().for_each(|folder| std::fs::remove_dir_all(folder).expect("it was there"));
}
