//! Callbacks that keys and teams name themselves, in the built program.

use serde_json::{Value, json};

use crate::listener::Listener;
use crate::money::{MASTER, Node, chat, folder};

const CONFIG: &str = "model_list: [{model_name: one, litellm_params: {model: mock/echo}}]\n\
                      general_settings: {master_key: sk-master-of-the-tests}\n";

fn logging(url: &str, secret: &str) -> Value {
    json!({"logging": [{"callback_name": "generic_api", "callback_type": "success",
        "callback_vars": {"endpoint": url, "headers": format!("x-log={secret}")}}]})
}

fn ask(node: &Node, key: &str) {
    let answer = node.post("/v1/chat/completions", key, &chat("one")).expect("it answers");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn calls_of_a_key_or_a_team_are_told_where_their_metadata_says() {
    let folder = folder("own-callbacks");
    let (mine, teams) =
        (Listener::start(|_| (200, "{}".to_owned())), Listener::start(|_| (200, "{}".to_owned())));
    let mut node = Node::configured(&folder, CONFIG, &[("LOG_OF_ANN", "x-log=from-the-environment")]);
    let named = node.key(&json!({"key_alias": "ann", "metadata": logging(&mine.url, "hush-1")}));
    let team =
        node.manage("/team/new", &json!({"team_alias": "blue", "metadata": logging(&teams.url, "hush-2")}));
    let of_team = node.key(&json!({"key_alias": "bob", "team_id": team["team_id"]}));
    let other = node.key(&json!({}));
    ask(&node, &other);
    ask(&node, &named);
    let told = mine.next();
    assert!(told.head.contains("x-log: hush-1"), "{}", told.head);
    assert_eq!(told.json()[0]["metadata"]["user_api_key_alias"], "ann");
    ask(&node, &of_team);
    let told = teams.next();
    assert!(told.head.contains("x-log: hush-2"), "{}", told.head);
    assert_eq!(told.json()[0]["metadata"]["user_api_key_alias"], "bob");

    // Nobody is shown it, in answers and in the file; what was shown may be sent back.
    let shown = node.get(&format!("/key/info?key={named}"), MASTER);
    assert!(!shown.body.contains("hush-1") && !shown.body.contains(&mine.url), "{}", shown.body);
    let metadata = shown.json()["info"]["metadata"].clone();
    assert!(
        metadata["logging"][0]["callback_vars"]["endpoint"]
            .as_str()
            .is_some_and(|text| text.starts_with("sealed:"))
    );
    node.manage("/key/update", &json!({"key": named, "metadata": metadata}));
    ask(&node, &named);
    mine.next();
    let changed = json!({"logging": [{"callback_name": "generic_api", "callback_vars": {
        "endpoint": mine.url, "headers": "os.environ/LOG_OF_ANN"}}]});
    node.manage("/key/update", &json!({"key": named, "metadata": changed}));
    ask(&node, &named);
    assert!(mine.next().head.contains("x-log: from-the-environment"));

    // Where the gateway connects to is not for users to say.
    node.manage(
        "/user/new",
        &json!({"user_id": "u-1", "user_role": "internal_user", "auto_create_key": false}),
    );
    let user = node.key(&json!({"user_id": "u-1"}));
    let refused =
        node.post("/key/generate", &user, &json!({"metadata": logging(&mine.url, "x")})).expect("it answers");
    assert_eq!(refused.status, 403, "{}", refused.body);
    // In good order, so that everything is in the file.
    node.run.rest();
    drop(node);
    let kept = std::fs::read(folder.join("data/llm-server.db")).expect("a database");
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(kept.contains("sealed:") && !kept.contains("hush-1") && !kept.contains("hush-2"));
    std::fs::remove_dir_all(folder).expect("it was there");
}
