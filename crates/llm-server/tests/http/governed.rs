//! Keys, teams and budgets of the built program: what administrators and the configuration say holds for the next call.

#![expect(
    clippy::disallowed_methods,
    reason = "no event tells that rows are booked, or that a call waits for its vendor"
)]

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::money::{Answer, MASTER, Node, chat, folder, send};

const MODELS: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
  - model_name: dear-small
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
  - model_name: dear-large
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
  - model_name: slow
    litellm_params: {model: mock/echo, mock_response: here, mock_delay: 1.5, input_cost_per_token: 0.001,
      output_cost_per_token: 0.003}
";

const GENERAL: &str = "general_settings: {master_key: sk-master-of-the-tests}\n";

const CHAT: &str = "/v1/chat/completions";

fn node(folder: &Path) -> Node {
    Node::start_with(folder, &format!("{MODELS}{GENERAL}"))
}

fn ask(node: &Node, key: &str, model: &str) -> Answer {
    node.post(CHAT, key, &chat(model)).expect("it answers")
}

fn manage(node: &Node, path: &str, body: &Value) -> Value {
    let answer = node.post(path, MASTER, body).expect("it answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn look(node: &Node, path: &str) -> Value {
    let answer = send(&node.address, &format!("GET {path}"), MASTER, &json!({})).expect("it answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// Looks until it is so: rows are booked a moment after their call.
fn becomes(what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < patience, "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn end(node: Node, folder: &Path) {
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

/// What a call for a model costs, and the most that is held for it, in dollars.
fn prices(node: &Node, model: &str) -> (f64, f64) {
    let refused = ask(node, &node.key(&json!({"max_budget": 0.000000001})), model);
    let held = refused.body.split("may cost ").nth(1).and_then(|rest| rest.split(',').next());
    let held = held.and_then(|held| held.parse().ok()).unwrap_or_else(|| panic!("{}", refused.body));
    let cost = ask(node, &node.key(&json!({})), model).cost().to_string();
    (cost.parse().expect("dollars"), held)
}

#[test]
fn costs_and_tokens_are_told_without_a_call() {
    let folder = folder("calculate");
    let node = node(&folder);
    let messages = json!([{"role": "user", "content": "how much would this be"}]);
    let before = manage(&node, "/spend/calculate", &json!({"model": "one", "messages": messages}));
    assert!(before["cost"].as_f64().is_some_and(|cost| cost > 0.0 && cost < 0.001), "{before}");
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21});
    let response = json!({"model": "one", "choices": [], "usage": usage});
    let after = manage(&node, "/spend/calculate", &json!({"completion_response": response}));
    assert_eq!(after, json!({"cost": 0.00045}));
    let table = json!({"model": "gpt-4o", "messages": messages});
    assert!(manage(&node, "/spend/calculate", &table)["cost"].as_f64().is_some_and(|cost| cost > 0.0));
    let unknown = json!({"model": "nobody-knows-it", "messages": messages});
    let refused = node.post("/spend/calculate", MASTER, &unknown).expect("it answers");
    assert!(refused.status == 400 && refused.body.contains("no price"), "{}", refused.body);

    let counted = manage(&node, "/utils/token_counter", &json!({"model": "one", "messages": messages}));
    assert!(counted["total_tokens"].as_u64().is_some_and(|count| (4..30).contains(&count)), "{counted}");
    assert_eq!((&counted["request_model"], &counted["error"]), (&json!("one"), &json!(false)));
    assert_eq!(counted["count_source"], "local_estimate");
    for body in [
        json!({"model": "one", "prompt": "how much would this be"}),
        json!({"model": "one", "contents": [{"role": "user", "parts": [{"text": "how much would this be"}]}]}),
    ] {
        let counted = manage(&node, "/utils/token_counter", &body);
        assert!(counted["total_tokens"].as_u64().is_some_and(|count| (4..30).contains(&count)), "{counted}");
    }
    let nothing = node.post("/utils/token_counter", MASTER, &json!({"model": "one"})).expect("it answers");
    assert_eq!(nothing.status, 400, "{}", nothing.body);
    assert_eq!(node.post("/spend/calculate", "sk-nobody", &json!({})).expect("it answers").status, 401);
    end(node, &folder);
}

#[test]
fn lists_are_sorted_and_narrowed_by_what_was_spent() {
    let folder = folder("by-spend");
    let node = node(&folder);
    let mut keys = Vec::new();
    for (team, calls) in [("some", 2), ("none", 0), ("most", 5), ("few", 1)] {
        manage(&node, "/team/new", &json!({"team_id": team}));
        manage(&node, "/user/new", &json!({"user_id": team, "auto_create_key": false}));
        let fields = json!({"team_id": team, "user_id": team, "key_alias": team, "budget_duration": "30d"});
        manage(
            &node,
            "/team/member_add",
            &json!({"team_id": team, "member": {"user_id": team, "role": "user"}}),
        );
        let key = node.key(&fields);
        (0..calls).for_each(|_| assert_eq!(ask(&node, &key, "one").status, 200));
        keys.push(key);
    }
    let listed = |path: &str, list: &str, name: &str| -> Vec<String> {
        let told = look(&node, path);
        let all = if list.is_empty() { &told } else { &told[list] };
        all.as_array()
            .unwrap_or_else(|| panic!("{told}"))
            .iter()
            .filter_map(|one| one[name].as_str().map(str::to_owned))
            .collect()
    };
    let falling = ["most", "some", "few", "none"];
    let page = "/key/list?return_full_object=true&size=3&sort_by=spend&sort_order=desc";
    becomes("keys by spend", || listed(page, "keys", "key_alias") == falling[..3]);
    assert_eq!(listed(&format!("{page}&page=2"), "keys", "key_alias"), falling[3..]);
    for (path, list, name) in [
        ("/team/list?sort_by=spend&sort_order=desc", "", "team_id"),
        ("/v2/team/list?sort_by=spend&sort_order=desc", "teams", "team_id"),
        ("/user/list?sort_by=spend&sort_order=desc", "users", "user_id"),
    ] {
        let found: Vec<String> = listed(path, list, name);
        let found: Vec<&str> = found.iter().map(String::as_str).filter(|id| falling.contains(id)).collect();
        assert_eq!(found, falling, "{path}");
    }
    let spent = look(&node, &format!("/key/info?key={}", keys[0]))["info"]["spend"].clone();
    let narrow = format!("/key/list?return_full_object=true&min_spend={spent}&sort_by=spend&sort_order=asc");
    assert_eq!(listed(&narrow, "keys", "key_alias"), ["some", "most"]);
    let narrow = format!("/v2/team/list?sort_by=spend&max_spend={spent}");
    assert_eq!(listed(&narrow, "teams", "team_id"), ["none", "few", "some"]);
    let wrong = send(&node.address, "GET /key/list?sort_by=colour", MASTER, &json!({})).expect("it answers");
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    end(node, &folder);
}

#[test]
fn the_operator_says_where_keys_stand_and_what_a_spent_budget_is_answered_with() {
    let folder = folder("operator");
    let config = format!(
        "{MODELS}general_settings:\n  master_key: {MASTER}\n  litellm_key_header_name: X-Our-Key\n  \
         enforced_params: [metadata.job]\nlitellm_settings:\n  budget_exceeded_status_code: 402\n  \
         max_end_user_budget: 0.000001\n  tag_budget_config: {{tiny: {{max_budget: 0.000001, budget_duration: 1d}}}}\n  \
         extra_spend_tag_headers: [x-department]\n"
    );
    let node = Node::start_with(&folder, &config);
    let key = node.key(&json!({}));
    let body = |more: Value| {
        let mut body = chat("one");
        body["metadata"] = json!({"job": "j"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
        body
    };
    let post = |headers: &str, body: &Value| {
        send(&node.address, &format!("POST {CHAT}"), headers, body).expect("it answers")
    };
    // The rest of the header line is a header of its own.
    let in_own = format!("sk-of-somebody-else\r\nx-our-key: {key}\r\nx-department: 7");
    assert_eq!(post(&in_own, &body(json!({}))).status, 200);
    assert_eq!(post(&key, &body(json!({}))).status, 200, "where sdks put it is good, too");
    let missing = post(&key, &chat("one"));
    assert!(missing.status == 400 && missing.body.contains("metadata.job"), "{}", missing.body);
    for who in [json!({"user": "a-customer"}), json!({"tags": ["tiny"]})] {
        let refused = post(&key, &body(who.clone()));
        assert!(refused.status == 402 && refused.body.contains("budget"), "{who}: {}", refused.body);
    }
    assert_eq!(post(&key, &body(json!({"tags": ["other"]}))).status, 200);
    becomes("the header is a tag", || {
        let logs = look(&node, "/spend/logs");
        logs.as_array().is_some_and(|rows| {
            rows.iter().any(|row| row["request_tags"].to_string().contains("x-department: 7"))
        })
    });
    end(node, &folder);
}

#[test]
fn a_model_of_a_team_is_served_to_its_keys_alone() {
    let folder = folder("team-models");
    let node = node(&folder);
    for team in ["red", "blue"] {
        manage(&node, "/team/new", &json!({"team_id": team, "models": ["one"]}));
    }
    let (red, blue) = (node.key(&json!({"team_id": "red"})), node.key(&json!({"team_id": "blue"})));
    let narrow = node.key(&json!({"team_id": "red", "models": ["one"]}));
    let alone = node.key(&json!({}));
    let params = json!({"model": "mock/echo", "mock_response": "of the red team"});
    let model = |name: &str, public: Value| {
        let info = json!({"team_id": "red", "team_public_model_name": public});
        json!({"model_name": name, "litellm_params": params, "model_info": info})
    };
    let made = manage(&node, "/model/new", &model("inner", json!("special")));
    manage(&node, "/model/new", &model("one", Value::Null));
    let nobodys = json!({"model_name": "x", "litellm_params": params, "model_info": {"team_id": "nobodys"}});
    assert_eq!(node.post("/model/new", MASTER, &nobodys).expect("it answers").status, 404);

    let answer = ask(&node, &red, "special");
    assert!(answer.status == 200 && answer.body.contains("of the red team"), "{}", answer.body);
    assert_eq!(answer.json()["model"], "special", "the name that the client knows");
    assert!(ask(&node, &red, "one").body.contains("of the red team"), "its own goes before everybody's");
    assert!(!ask(&node, &blue, "one").body.contains("of the red team"));
    assert_eq!(ask(&node, &narrow, "special").status, 403, "its key's own list holds");
    for key in [&blue, &alone] {
        for name in ["special", "inner", "team:red:special"] {
            assert!(matches!(ask(&node, key, name).status, 400 | 403), "{name}");
        }
    }
    let names = |key: &str| {
        let told = send(&node.address, "GET /v1/models", key, &json!({})).expect("it answers").json();
        let all = told["data"].as_array().expect("a list").iter();
        all.map(|one| one["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&red), ["one", "special"]);
    assert_eq!(names(&blue), ["one"]);
    assert!(names(&alone).iter().all(|name| !name.contains("special") && !name.contains("team:")));
    let told = |key: &str| send(&node.address, "GET /model/info", key, &json!({})).expect("it answers").body;
    assert!(
        told(&red).contains("\"team_public_model_name\":\"special\"") && !told(&blue).contains("special")
    );
    let id = made["model_info"]["id"].as_str().expect("an id");
    manage(&node, "/model/delete", &json!({"id": id}));
    assert_ne!(ask(&node, &red, "special").status, 200);
    end(node, &folder);
}

#[test]
fn a_budget_of_a_pattern_is_one_and_calls_go_to_its_fallback() {
    let folder = folder("patterns");
    let node = node(&folder);
    let (cost, held) = prices(&node, "one");
    let limits = json!({"dear-*": {"budget_limit": cost.mul_add(1.5, held), "time_period": "30d"}});
    let key = node.key(&json!({"model_max_budget": limits}));
    for model in ["dear-small", "dear-large"] {
        assert_eq!(ask(&node, &key, model).status, 200, "{model}");
    }
    let refused = ask(&node, &key, "dear-small");
    assert!(refused.status == 422 && refused.body.contains("dear-*"), "{}", refused.body);
    assert_eq!(ask(&node, &key, "one").status, 200, "of another name");
    let fallbacks = json!({"key": key, "budget_fallbacks": {"dear-small": ["unknown", "dear-large", "one"]}});
    manage(&node, "/key/update", &fallbacks);
    let answer = ask(&node, &key, "dear-small");
    assert_eq!(
        (answer.status, answer.header("x-litellm-model-group")),
        (200, Some("one")),
        "{}",
        answer.body
    );
    assert_eq!(ask(&node, &key, "dear-large").status, 422, "it has none");

    let limited = node.key(&json!({"model_rpm_limit": {"dear-*": 2}}));
    let statuses =
        ["dear-small", "dear-large", "dear-small", "one"].map(|model| ask(&node, &limited, model).status);
    assert_eq!(statuses, [200, 200, 429, 200]);
    end(node, &folder);
}

#[test]
fn more_may_be_spent_for_a_while() {
    let folder = folder("for-a-while");
    let node = node(&folder);
    let (cost, held) = prices(&node, "one");
    let key = node.key(&json!({"max_budget": cost.mul_add(0.5, held)}));
    let status = || ask(&node, &key, "one").status;
    assert_eq!((status(), status()), (200, 422));
    let more = |expiry: &str| json!({"key": key, "temp_budget_increase": cost, "temp_budget_expiry": expiry});
    manage(&node, "/key/update", &more("3s"));
    let info = look(&node, &format!("/key/info?key={key}"));
    assert!(info["info"]["metadata"]["temp_budget_expiry"].is_string(), "{info}");
    assert_eq!((status(), status()), (200, 422));
    manage(&node, "/key/update", &json!({"key": key, "temp_budget_increase": cost * 9.0}));
    assert_eq!(status(), 200, "as long as it lasts");
    thread::sleep(Duration::from_millis(3_200));
    assert_eq!(status(), 422, "its time is over");
    let own = node.post("/key/update", &key, &more("1d")).expect("it answers");
    assert!(matches!(own.status, 401 | 403), "nobody gives itself more: {}", own.body);
    end(node, &folder);
}

#[test]
fn a_call_that_began_with_a_replaced_key_is_the_new_keys() {
    let folder = folder("rotated");
    let node = node(&folder);
    let (_, held) = prices(&node, "slow");
    let old = node.key(&json!({"max_budget": held * 1.5, "key_alias": "turned"}));
    let new = thread::scope(|scope| {
        let call = scope.spawn(|| ask(&node, &old, "slow"));
        thread::sleep(Duration::from_millis(500));
        let made = manage(&node, "/key/regenerate", &json!({"key": old}));
        let new = made["key"].as_str().expect("a key").to_owned();
        assert_eq!(ask(&node, &new, "slow").status, 422, "what the call may cost is held of the same budget");
        let answer = call.join().expect("it answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
        (new, answer.cost())
    });
    let (new, cost) = new;
    assert_eq!(ask(&node, &old, "one").status, 401);
    let spent: f64 = cost.to_string().parse().expect("a number");
    becomes("what it cost is booked on the new key", || {
        let info = look(&node, &format!("/key/info?key={new}"));
        info["info"]["spend"].as_f64().is_some_and(|found| (found - spent).abs() < 1e-9)
    });
    let rows = look(&node, &format!("/spend/logs?api_key={new}"));
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "the call, and the one that was refused: {rows}");
    assert_eq!(look(&node, &format!("/key/info?key={new}"))["info"]["rotation_count"], 1);

    // In its grace the old one is the same.
    let again = manage(&node, "/key/regenerate", &json!({"key": new, "grace_period": "1h"}));
    let latest = again["key"].as_str().expect("a key").to_owned();
    for key in [&new, &latest] {
        assert_eq!(ask(&node, key, "one").status, 200);
    }
    becomes("rows of all of them are found", || {
        let rows = look(&node, &format!("/spend/logs?api_key={latest}"));
        rows.as_array().map(Vec::len) == Some(4)
    });
    end(node, &folder);
}

#[test]
fn settings_of_callers_hold_after_a_reload_and_others_are_named() {
    let folder = folder("reloaded");
    let mut node = node(&folder);
    let key = node.key(&json!({}));
    assert_eq!(ask(&node, &key, "one").status, 200);
    let file = folder.join("config.yaml");
    let changed = format!(
        "{MODELS}database: {{connections: 3}}\ngeneral_settings: {{master_key: {MASTER}, \
         admin_only_routes: [/v1/models]}}\ngovernance: {{max_budget: 0.00000001}}\nlitellm_settings:\n  \
         budget_exceeded_status_code: 429\n  default_key_generate_params: {{max_budget: 7}}\n  \
         upperbound_key_generate_params: {{rpm_limit: 5}}\n"
    );
    std::fs::write(&file, &changed).expect("written");
    node.run.signal(Signal::HUP);
    let told = node.run.line("this setting is read at the start");
    assert_eq!(told["setting"], "database.connections", "{told}");
    node.run.line("configuration read again");
    let refused = ask(&node, &key, "one");
    assert!(refused.status == 429 && refused.body.contains("Proxy"), "{}", refused.body);
    assert_eq!(send(&node.address, "GET /v1/models", &key, &json!({})).expect("it answers").status, 403);
    let made = manage(&node, "/key/generate", &json!({}));
    assert_eq!((&made["max_budget"], &made["rpm_limit"]), (&json!(7.0), &json!(5)));

    // One that is wrong changes nothing of it.
    std::fs::write(&file, changed.replace("max_budget: 0.00000001", "max_budget: none, colour: red"))
        .expect("written");
    node.run.signal(Signal::HUP);
    node.run.line("the new configuration is wrong");
    assert_eq!(ask(&node, &key, "one").status, 429);
    std::fs::write(&file, format!("{MODELS}{GENERAL}")).expect("written");
    node.run.signal(Signal::HUP);
    node.run.line("configuration read again");
    assert_eq!(ask(&node, &key, "one").status, 200);
    assert_eq!(send(&node.address, "GET /v1/models", &key, &json!({})).expect("it answers").status, 200);
    end(node, &folder);
}
