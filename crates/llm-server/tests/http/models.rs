//! Models that administrators add while the built program runs.

use serde_json::{Value, json};

use crate::money::{Answer, MASTER, Node, chat, folder, send};
use rustix::process::Signal;

const CONFIG: &str = "
model_list:
  - model_name: of-the-file
    litellm_params: {model: mock/echo}
    model_info: {id: file-1}
general_settings: {master_key: sk-master-of-the-tests}
";

/// What a deployment answers tells which one it is.
fn model(id: &str, says: &str) -> Value {
    let params = json!({"model": "openai/gpt-4o", "api_key": "vendor-key-7731", "mock_response": says});
    json!({"model_name": "added", "litellm_params": params, "model_info": {"id": id, "mode": "chat"}})
}

fn manage(node: &Node, path: &str, body: &Value) -> Answer {
    node.post(path, MASTER, body).expect("it answers")
}

fn ask(node: &Node, name: &str) -> (u16, String) {
    let answer = node.post("/v1/chat/completions", MASTER, &chat(name)).expect("it answers");
    (answer.status, answer.body)
}

/// Whether it answers with this.
fn says(node: &Node, words: &str) -> bool {
    let (status, body) = ask(node, "added");
    assert_eq!(status, 200, "{body}");
    body.contains(words)
}

fn info(node: &Node, key: &str, query: &str) -> Answer {
    send(&node.address, &format!("GET /v1/model/info{query}"), key, &json!({})).expect("it answers")
}

/// The ids of what is served, each with whether it is of the store.
fn served(node: &Node) -> Vec<(String, bool)> {
    let told = info(node, MASTER, "").json();
    let all = told["data"].as_array().expect("a list").iter().map(|one| &one["model_info"]);
    all.map(|info| (info["id"].as_str().expect("an id").to_owned(), info["db_model"] == json!(true)))
        .collect()
}

#[test]
fn what_is_added_answers_at_once_and_after_a_restart() {
    let folder = folder("models");
    let node = Node::start_with(&folder, CONFIG);
    assert_eq!(ask(&node, "added").0, 400);
    let made = manage(&node, "/model/new", &model("added-1", "the first answer"));
    assert!(made.status == 200 && !made.body.contains("vendor-key-7731"), "{}", made.body);
    assert!(says(&node, "the first answer"), "the very next call");
    assert_eq!(ask(&node, "of-the-file").0, 200);

    let changed =
        json!({"model_info": {"id": "added-1"}, "litellm_params": {"mock_response": "another answer"}});
    assert_eq!(manage(&node, "/model/update", &changed).status, 200);
    assert!(says(&node, "another answer"), "the very next call");
    assert_eq!(served(&node), [("file-1".to_owned(), false), ("added-1".to_owned(), true)]);
    let told = info(&node, MASTER, "?litellm_model_id=added-1");
    assert!(told.body.contains("openai/gpt-4o") && !told.body.contains("vendor-key-7731"), "{}", told.body);
    let groups = node.look("/model_group/info")["data"].clone();
    let names: Vec<_> = groups.as_array().expect("a list").iter().map(|one| &one["model_group"]).collect();
    assert_eq!(
        (names, &groups[0]["providers"]),
        (vec![&json!("added"), &json!("of-the-file")], &json!(["openai"])),
        "{groups}"
    );
    let narrow = node.key(&json!({"models": ["of-the-file"]}));
    let own = node.get("/model_group/info", &narrow);
    assert!(own.status == 200 && !own.body.contains("added"), "{}", own.body);
    let told = info(&node, &narrow, "");
    assert!(told.status == 200 && !told.body.contains("added"), "{}", told.body);
    drop(node);

    let mut node = Node::start_with(&folder, CONFIG);
    assert!(says(&node, "another answer"), "after a restart");
    node.run.signal(Signal::HUP);
    node.run.line("configuration read again");
    assert!(says(&node, "another answer"), "after a reload");
    assert_eq!(manage(&node, "/model/delete", &json!({"id": "added-1"})).status, 200);
    assert_eq!(ask(&node, "added").0, 400, "the very next call");
    assert_eq!(ask(&node, "of-the-file").0, 200);
    drop(node);
    let node = Node::start_with(&folder, CONFIG);
    assert_eq!(ask(&node, "added").0, 400, "after a restart");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn models_of_one_name_share_a_group() {
    let folder = folder("groups");
    let node = Node::start_with(&folder, &CONFIG.replace("of-the-file", "added"));
    let added = model("more", "from the store");
    assert_eq!(manage(&node, "/model/new", &added).status, 200);
    let found: Vec<bool> = (0..60).map(|_| says(&node, "from the store")).collect();
    assert!(found.contains(&true) && found.contains(&false));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn models_that_cannot_be_served_are_refused_with_the_reason() {
    let folder = folder("refused-models");
    let node = Node::start_with(&folder, CONFIG);
    for (params, info, reason) in [
        (json!({"model": "no-such-vendor-at-all/x"}), json!({}), "no-such-vendor-at-all"),
        (json!({"model": "mock/echo", "rpm": "many"}), json!({}), "`rpm`"),
        (json!({"model": "mock/echo", "unheard_of": 1}), json!({}), "unheard_of"),
        (
            json!({"model": "openai/x", "api_key": "os.environ/NO_SUCH_VARIABLE"}),
            json!({}),
            "NO_SUCH_VARIABLE",
        ),
        (json!({"model": "openai/x", "api_key": "k", "api_base": "no address"}), json!({}), "address"),
        (json!({"model": "mock/echo"}), json!({"id": "file-1"}), "file-1"),
    ] {
        let body = json!({"model_name": "wrong", "litellm_params": params, "model_info": info});
        let answer = manage(&node, "/model/new", &body);
        assert!(answer.status == 400 && answer.body.contains(reason), "{reason}: {}", answer.body);
    }
    assert_eq!(served(&node).len(), 1);
    assert_eq!(ask(&node, "wrong").0, 400);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_stored_model_that_is_wrong_by_now_keeps_nothing_from_being_served() {
    let folder = folder("wrong-by-now");
    let with_vendor = format!(
        "{CONFIG}vendors: [{{name: own, dialect: openai.chat, base_url: 'http://127.0.0.1:9/v1', auth: none}}]\n"
    );
    let node = Node::start_with(&folder, &with_vendor);
    let mut own = model("own-1", "its own");
    own["litellm_params"]["model"] = json!("own/x");
    let made = manage(&node, "/model/new", &own);
    assert_eq!(made.status, 200, "{}", made.body);
    assert!(says(&node, "its own"));
    drop(node);
    let node = Node::start_with(&folder, CONFIG);
    assert_eq!((ask(&node, "added").0, ask(&node, "of-the-file").0), (400, 200));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn without_models_in_the_store_the_routes_say_so() {
    let folder = folder("no-models");
    let with = Node::start_with(&folder, CONFIG);
    assert_eq!(manage(&with, "/model/new", &model("added-1", "x")).status, 200);
    drop(with);
    let config = CONFIG.replace("tests}", "tests, store_model_in_db: false}");
    let node = Node::start_with(&folder, &config);
    for path in ["/model/new", "/model/update", "/model/delete"] {
        let answer = manage(&node, path, &model("added-2", "x"));
        assert!(answer.status == 400 && answer.body.contains("store_model_in_db"), "{path}: {}", answer.body);
    }
    assert_eq!((ask(&node, "added").0, ask(&node, "of-the-file").0), (400, 200));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
