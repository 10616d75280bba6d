//! Guardrails that an administrator makes while gateways run.

use std::thread;
use std::time::{Duration, Instant};

use llm_testkit::postgres::PostgresServer;
use serde_json::{Value, json};

use crate::money::{Answer, MASTER, Node, folder, send};

fn config(more: &str) -> String {
    format!(
        "model_list:\n  - {{model_name: echo, litellm_params: {{model: mock/echo}}}}\n\
         guardrails:\n  - {{guardrail_name: filed, litellm_params: {{guardrail: hide-secrets}}}}\n\
         general_settings: {{master_key: {MASTER}{more}}}\n"
    )
}

fn ask(node: &Node, what: &str, body: &Value) -> Answer {
    send(&node.address, what, MASTER, body).expect("it answers")
}

fn status(node: &Node, text: &str) -> u16 {
    let body = json!({"model": "echo", "messages": [{"role": "user", "content": text}]});
    ask(node, "POST /v1/chat/completions", &body).status
}

fn words(name: &str, more: &Value) -> Value {
    let mut params = json!({"guardrail": "banned_keywords", "keywords": ["mango"], "mode": "pre_call", "default_on": true});
    params.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    json!({"guardrail": {"guardrail_name": name, "litellm_params": params, "guardrail_info": {"description": "no fruit"}}})
}

fn made(node: &Node, body: &Value) -> String {
    let made = ask(node, "POST /guardrails", body);
    assert_eq!(made.status, 200, "{}", made.body);
    made.json()["guardrail_id"].as_str().expect("an id").to_owned()
}

/// What cannot be is refused, and changes nothing.
fn refuses_what_cannot_be(node: &Node) {
    for (wrong, says) in [
        (words("fruit", &json!({})), "exists already"),
        (words("filed", &json!({})), "configuration"),
        (words("a,b", &json!({})), "letters without commas"),
        (words("new", &json!({"guardrail": "no-such"})), "no-such"),
        (words("new", &json!({"keyword": ["x"]})), "keyword"),
        (
            words("new", &json!({"keywords": null, "banned_keywords_list": "/etc/hostname"})),
            "cannot name a file",
        ),
    ] {
        let refused = ask(node, "POST /guardrails", &wrong);
        assert!(refused.status == 400 && refused.body.contains(says), "{wrong}: {}", refused.body);
    }
    let missing = ask(node, "POST /guardrails", &json!({"guardrail": {"guardrail_name": "new"}}));
    assert_eq!(missing.status, 422, "{}", missing.body);
    for what in ["PATCH /guardrails/filed", "DELETE /guardrails/filed"] {
        let refused = ask(node, what, &json!({"litellm_params": {"default_on": true}}));
        assert!(refused.status == 400 && refused.body.contains("configuration"), "{what}: {}", refused.body);
    }
    assert_eq!(ask(node, "DELETE /guardrails/nobody", &json!({})).status, 404);
    let key = node.key(&json!({}));
    assert_eq!(node.post("/guardrails", &key, &words("mine", &json!({}))).expect("it answers").status, 403);
}

#[test]
fn one_that_is_made_holds_at_once_is_changed_outlasts_a_restart_and_goes() {
    let folder = folder("stored-guardrails");
    let node = Node::start_with(&folder, &config(""));
    assert_eq!(status(&node, "a mango"), 200);
    let id = made(&node, &words("fruit", &json!({})));
    assert_eq!((status(&node, "a mango"), status(&node, "an apple")), (400, 200), "it holds at once");

    let listed = ask(&node, "GET /v2/guardrails/list", &json!({})).json();
    let of = |one: &Value| {
        (
            one["guardrail_name"].clone(),
            one["guardrail_definition_location"].clone(),
            one["guardrail_id"].clone(),
        )
    };
    let all: Vec<_> = listed["guardrails"].as_array().expect("a list").iter().map(of).collect();
    assert_eq!(
        all,
        [(json!("filed"), json!("config"), Value::Null), (json!("fruit"), json!("db"), json!(id))]
    );
    let shown = ask(&node, &format!("GET /guardrails/{id}/info"), &json!({})).json();
    assert_eq!(
        (&shown["litellm_params"]["keywords"], &shown["guardrail_info"]["description"]),
        (&json!(["mango"]), &json!("no fruit"))
    );
    assert_eq!(
        ask(&node, "GET /guardrails/filed", &json!({})).json()["guardrail_definition_location"],
        "config"
    );

    refuses_what_cannot_be(&node);
    let mended =
        ask(&node, &format!("PATCH /guardrails/{id}"), &json!({"litellm_params": {"keywords": ["apple"]}}));
    assert_eq!(mended.status, 200, "{}", mended.body);
    assert_eq!((status(&node, "a mango"), status(&node, "an apple")), (200, 400));
    let off = ask(
        &node,
        &format!("PATCH /guardrails/{id}"),
        &json!({"default_on": false, "guardrail_name": "fruits"}),
    );
    assert_eq!(off.json()["litellm_params"]["default_on"], json!(false), "{}", off.body);
    assert_eq!(status(&node, "an apple"), 200);
    assert_eq!(ask(&node, &format!("PUT /guardrails/{id}"), &words("fruit", &json!({}))).status, 200);

    drop(node);
    let node = Node::start_with(&folder, &config(""));
    assert_eq!(status(&node, "a mango"), 400, "it holds after a restart");
    assert_eq!(ask(&node, &format!("DELETE /guardrails/{id}"), &json!({})).status, 200);
    assert_eq!(status(&node, "a mango"), 200);
    let audit = ask(&node, "GET /audit", &json!({})).body;
    assert!(audit.contains(&format!("guardrail/{id}")), "{audit}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn its_keys_are_shown_to_nobody_and_stay_when_they_are_sent_back_hidden() {
    let folder = folder("sealed-guardrails");
    let node = Node::start_with(&folder, &config(""));
    let params = json!({"guardrail": "generic_guardrail_api", "keywords": null, "default_on": false, "api_base": "http://127.0.0.1:9",
                        "api_key": "fabricated-secret"});
    let id = made(&node, &words("service", &params));
    let mut shown = ask(&node, &format!("GET /guardrails/{id}"), &json!({})).json();
    assert_eq!(
        (&shown["litellm_params"]["api_key"], &shown["litellm_params"]["api_base"]),
        (&json!("***"), &json!("http://127.0.0.1:9"))
    );
    shown["litellm_params"]["timeout"] = json!(3);
    let put = ask(&node, &format!("PUT /guardrails/{id}"), &json!({"guardrail": shown}));
    assert_eq!((put.status, &put.json()["litellm_params"]["api_key"]), (200, &json!("***")), "{}", put.body);
    let audit = ask(&node, "GET /audit", &json!({})).body;
    let database = std::fs::read(folder.join("data/llm-server.db")).expect("a database");
    let is_in = |bytes: &[u8]| bytes.windows(17).any(|part| part == b"fabricated-secret");
    assert!(!is_in(audit.as_bytes()) && !is_in(&database));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn one_that_cannot_be_opened_any_more_lets_nothing_through() {
    let folder = folder("other-salt");
    let salted = |salt: &'static str| [("LITELLM_SALT_KEY", salt)];
    let node = Node::configured(&folder, &config(""), &salted("salt-of-the-first-life"));
    made(&node, &words("fruit", &json!({})));
    assert_eq!(status(&node, "an apple"), 200);
    drop(node);
    let node = Node::configured(&folder, &config(""), &salted("salt-of-another-life"));
    assert_eq!(status(&node, "an apple"), 503, "nobody can say what it would have refused");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn every_gateway_of_the_store_has_it_at_once() {
    let Some(postgres) = PostgresServer::start("every_gateway_of_the_store_has_it_at_once") else { return };
    let folders = ["one", "other"].map(|name| folder(&format!("stored-guardrails-{name}")));
    let [one, other] = folders
        .each_ref()
        .map(|folder| Node::configured(folder, &config(""), &[("DATABASE_URL", &postgres.url())]));
    let becomes = |node: &Node, wanted: u16| {
        // A good while less than the half a minute after which the store is read anyway.
        let late = Instant::now() + Duration::from_secs(8);
        while status(node, "a mango") != wanted {
            assert!(Instant::now() < late, "the other gateway does not know of it");
            thread::park_timeout(Duration::from_millis(50));
        }
    };
    let id = made(&one, &words("fruit", &json!({})));
    becomes(&other, 400);
    assert_eq!(ask(&other, &format!("DELETE /guardrails/{id}"), &json!({})).status, 200);
    becomes(&one, 200);
    drop((one, other));
    folders.iter().for_each(|folder| std::fs::remove_dir_all(folder).expect("it was there"));
}
