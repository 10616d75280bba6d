//! Settings of the router that an administrator changes while gateways run.

use std::thread;
use std::time::{Duration, Instant};

use llm_testkit::postgres::PostgresServer;
use serde_json::{Value, json};

use crate::money::{Answer, MASTER, Node, folder, send};

fn config(more: &str) -> String {
    format!(
        "model_list:\n  - {{model_name: one, litellm_params: {{model: mock/error-500}}}}\n  \
         - {{model_name: two, litellm_params: {{model: mock/echo}}}}\n\
         router_settings: {{num_retries: 0, allowed_fails: 9, disable_cooldowns: true}}\n\
         general_settings: {{master_key: {MASTER}{more}}}\n"
    )
}

fn ask(node: &Node, what: &str, body: &Value) -> Answer {
    send(&node.address, what, MASTER, body).expect("it answers")
}

fn change(node: &Node, settings: &Value) -> Answer {
    ask(node, "POST /config/update", &json!({"router_settings": settings}))
}

fn shown(node: &Node) -> Value {
    ask(node, "GET /router/settings", &json!({})).json()
}

fn status(node: &Node) -> u16 {
    let body = json!({"model": "one", "messages": [{"role": "user", "content": "hello"}]});
    ask(node, "POST /v1/chat/completions", &body).status
}

/// What cannot be is refused, and changes nothing.
fn refuses_what_cannot_be(node: &Node) {
    for wrong in [
        json!({"fallbacks": [{"one": ["gone"]}]}),
        json!({"num_retris": 1}),
        json!({"num_retries": "many"}),
        json!({"redis_host": "elsewhere"}),
    ] {
        let refused = change(node, &wrong);
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.body);
    }
    let elsewhere = ask(node, "POST /config/update", &json!({"litellm_settings": {"drop_params": true}}));
    assert!(elsewhere.status == 400 && elsewhere.body.contains("litellm_settings"), "{}", elsewhere.body);
    let key = node.key(&json!({}));
    assert_eq!(
        node.post("/config/update", &key, &json!({"router_settings": {}})).expect("it answers").status,
        403
    );
}

#[test]
fn what_is_changed_holds_at_once_outlasts_a_restart_and_is_given_back() {
    let folder = folder("stored-settings");
    let node = Node::start_with(&folder, &config(""));
    assert_eq!(status(&node), 500);
    let before = shown(&node);
    assert_eq!(
        (&before["source"]["num_retries"], &before["source"]["fallbacks"]),
        (&json!("config"), &json!("default"))
    );
    let field = |name: &str| {
        let fields = before["fields"].as_array().expect("a list");
        fields.iter().find(|one| one["field_name"] == name).cloned().expect("a field")
    };
    assert_eq!(
        (&field("num_retries")["field_value"], &field("num_retries")["field_type"]),
        (&json!(0), &json!("Integer"))
    );
    assert!(
        field("routing_strategy")["options"].as_array().is_some_and(|all| all.contains(&json!("least-busy")))
    );

    let wanted = json!({"fallbacks": [{"one": ["two"]}], "routing_strategy": "least-busy", "timeout": 7, "retry_policy": {"TimeoutErrorRetries": 4}});
    let changed = change(&node, &wanted);
    assert_eq!((changed.status, changed.json()), (200, json!({"message": "Config updated successfully"})));
    assert_eq!(status(&node), 200, "the fallback answers");
    let after = shown(&node);
    let current = &after["current_values"];
    assert_eq!(
        (&current["routing_strategy"], &current["timeouts"]["answer"]),
        (&json!("least-busy"), &json!(7.0))
    );
    assert_eq!(
        (&current["retry_policy"], &current["allowed_fails"]),
        (&json!({"TimeoutErrorRetries": 4}), &json!(9))
    );
    assert_eq!((&after["source"]["timeout"], &after["stored"]), (&json!("db"), &wanted));

    refuses_what_cannot_be(&node);
    assert_eq!(shown(&node)["stored"], wanted);

    drop(node);
    let node = Node::start_with(&folder, &config(""));
    assert_eq!(status(&node), 200, "it holds after a restart");
    let back = json!({"fallbacks": null, "routing_strategy": null, "timeout": null, "retry_policy": null});
    assert_eq!(change(&node, &back).status, 200);
    assert_eq!((status(&node), &shown(&node)["stored"]), (500, &json!({})));
    let audit = ask(&node, "GET /audit", &json!({})).body;
    assert!(audit.contains("config/router_settings"), "{audit}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn where_nothing_is_kept_in_the_store_settings_are_not_either() {
    let folder = folder("no-stored-settings");
    let node = Node::start_with(&folder, &config(", store_model_in_db: false"));
    let refused = change(&node, &json!({"num_retries": 1}));
    assert!(refused.status == 400 && refused.body.contains("store_model_in_db"), "{}", refused.body);
    assert_eq!(shown(&node)["current_values"]["num_retries"], 0);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

/// Waits until calls end with this status, a good while less than the half a minute after which the store is read anyway.
fn becomes(node: &Node, wanted: u16) {
    let late = Instant::now() + Duration::from_secs(8);
    while status(node) != wanted {
        assert!(Instant::now() < late, "the other gateway does not know of it");
        thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn other_gateways_of_the_same_store_have_it_too() {
    let Some(postgres) = PostgresServer::start("other_gateways_of_the_same_store_have_it_too") else {
        return;
    };
    let folders = ["one", "other"].map(|name| folder(&format!("stored-settings-{name}")));
    let [one, other] = folders
        .each_ref()
        .map(|folder| Node::configured(folder, &config(""), &[("DATABASE_URL", &postgres.url())]));
    assert_eq!(change(&one, &json!({"fallbacks": [{"one": ["two"]}]})).status, 200);
    becomes(&other, 200);
    // Both listen by now: what is changed later is told, too.
    assert_eq!(change(&other, &json!({"fallbacks": null})).status, 200);
    becomes(&one, 500);
    drop((one, other));
    folders.iter().for_each(|folder| std::fs::remove_dir_all(folder).expect("it was there"));
}
