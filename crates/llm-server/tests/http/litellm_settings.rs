//! Keys of LiteLLM's configuration in the built program: endpoints that pass through, headers that go on, limits without
//! keys, names and routes.

use std::thread;

use serde_json::{Value, json};

use crate::hooks::raw;
use crate::listener::Listener;
use crate::money::{MASTER, Node, chat, folder};
use crate::program::program;

const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

fn vendor() -> Listener {
    Listener::start(|_| (200, ANSWER.to_owned()))
}

/// What is answered to a request with these headers.
fn request(node: &Node, what: &str, headers: &[&str], body: &Value) -> String {
    let body = body.to_string();
    let mut text =
        format!("{what} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n");
    headers.iter().for_each(|header| text.push_str(&format!("{header}\r\n")));
    raw(&node.address, &format!("{text}content-length: {}\r\n\r\n{body}", body.len()))
}

fn endpoints(url: &str) -> String {
    format!(
        "general_settings:\n  master_key: {MASTER}\n  pass_through_endpoints:\n\
         \x20   - {{path: /own/rank, target: '{url}/v1/rank?a=1&key=hush', auth: true, cost_per_request: 0.25, methods: [POST],\n\
         \x20      headers: {{Authorization: bearer os.environ/TARGET_KEY, x-fixed: yes-please}}}}\n\
         \x20   - {{path: /own/tree, target: '{url}/tree', auth: true, include_subpath: true, forward_headers: true}}\n\
         \x20   - {{path: /own/open, target: '{url}/open', auth: false, forward_headers: true, merge_query_params: true}}\n"
    )
}

#[test]
fn endpoints_of_the_operators_own_pass_through() {
    let folder = folder("endpoints");
    let target = Listener::start(|told| {
        (if told.path.ends_with("broken") { 500 } else { 200 }, r#"{"ok": true}"#.to_owned())
    });
    let text = endpoints(&target.url);
    let node = Node::configured(&folder, &text, &[("TARGET_KEY", "target-key")]);
    let key = node.key(&json!({"max_budget": 0.6}));
    let shown = format!("authorization: Bearer {key}");
    let body = json!({"model": "rank-1", "query": "x"});

    let answer =
        request(&node, "POST /own/rank", &[&shown, "x-client: 1", "x-pass-beta: 2", "cookie: c"], &body);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#"{"ok": true}"#), "{answer}");
    let told = target.next();
    let head = told.head.to_ascii_lowercase();
    assert_eq!((told.path.as_str(), told.json()), ("/v1/rank?a=1&key=hush", body.clone()));
    assert!(
        head.contains("authorization: bearer target-key") && head.contains("x-fixed: yes-please"),
        "{head}"
    );
    assert!(head.contains("beta: 2") && !head.contains("x-client") && !head.contains("cookie"), "{head}");
    assert!(!head.contains(&key.to_ascii_lowercase()), "{head}");

    // No key, a wrong method, and what is below where nothing is meant to be.
    assert!(request(&node, "POST /own/rank", &[], &body).starts_with("HTTP/1.1 401"));
    assert!(request(&node, "GET /own/rank", &[&shown], &body).starts_with("HTTP/1.1 405"));
    assert!(request(&node, "POST /own/rank/more", &[&shown], &body).starts_with("HTTP/1.1 404"));
    assert!(target.rest().is_empty());

    // The second one is paid, too; the third would pass the budget.
    assert!(request(&node, "POST /own/rank?b=2&key=mine", &[&shown], &body).starts_with("HTTP/1.1 200"));
    assert_eq!(target.next().path, "/v1/rank?b=2&key=hush");
    assert!(request(&node, "POST /own/rank", &[&shown], &body).starts_with("HTTP/1.1 422"));

    let other = format!("authorization: Bearer {}", node.key(&json!({})));
    assert!(
        request(&node, "PUT /own/tree/a/b?c=d", &[&other, "x-client: 1"], &body).starts_with("HTTP/1.1 200")
    );
    let told = target.next();
    assert_eq!(told.path, "/tree/a/b?c=d");
    assert!(told.head.starts_with("PUT ") && told.head.contains("x-client: 1"), "{}", told.head);
    assert!(!told.head.to_ascii_lowercase().contains("authorization"), "{}", told.head);
    assert!(request(&node, "PUT /own/tree/broken", &[&other], &body).starts_with("HTTP/1.1 500"));

    // Without a key the credentials are the client's own business with the address.
    target.next();
    assert!(
        request(&node, "GET /own/open?b=2", &["authorization: Bearer its-own"], &json!({}))
            .starts_with("HTTP/1.1 200")
    );
    assert!(target.next().head.contains("Bearer its-own"));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

fn forwarding(url: &str) -> String {
    let model = |name: &str| {
        format!(
            "  - {{model_name: {name}, litellm_params: {{model: openai/m, api_key: vendor-key, api_base: '{url}/v1', extra_headers: {{x-own: ours}}}}}}\n"
        )
    };
    format!(
        "model_list:\n{}{}general_settings: {{master_key: {MASTER}, litellm_key_header_name: x-our-key}}\n\
         litellm_settings:\n  add_user_information_to_llm_headers: true\n\
         \x20 model_group_settings: {{forward_client_headers_to_llm_api: [told]}}\n",
        model("told"),
        model("other")
    )
}

#[test]
fn headers_of_clients_go_on_where_the_configuration_says_so_and_never_credentials() {
    let folder = folder("forwarded");
    let vendor = vendor();
    let text = forwarding(&vendor.url);
    let node = Node::start_with(&folder, &text);
    node.manage("/user/new", &json!({"user_id": "u-1", "auto_create_key": false}));
    let key = node.key(&json!({"key_alias": "ann", "user_id": "u-1"}));
    let shown = format!("x-our-key: Bearer {key}");
    let sent = |model: &str| {
        let headers = [
            shown.as_str(),
            "x-tenant: blue",
            "x-own: theirs",
            "x-api-key: secret-1",
            "x-session-token: secret-2",
            "x-litellm-user_api_key_user_id: somebody-else",
            "authorization: Bearer secret-3",
        ];
        let answer = request(&node, "POST /v1/chat/completions", &headers, &chat(model));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        vendor.next().head
    };
    let head = sent("told");
    assert!(
        head.contains("x-tenant: blue") && head.contains("x-own: ours") && !head.contains("theirs"),
        "{head}"
    );
    assert!(
        !head.contains("secret-") && !head.contains(&key) && head.contains("Bearer vendor-key"),
        "{head}"
    );
    assert!(
        head.contains("x-litellm-user_api_key_user_id: u-1")
            && head.contains("x-litellm-user_api_key_alias: ann"),
        "{head}"
    );
    let head = sent("other");
    assert!(!head.contains("x-tenant") && head.contains("x-litellm-user_api_key_user_id: u-1"), "{head}");
    drop(node);
    let everybody = "forward_client_headers_to_llm_api: true, litellm_key_header_name";
    let text = text.replace("litellm_key_header_name", everybody);
    let text = text.replace("add_user_information_to_llm_headers: true", "drop_params: false");
    let node = Node::start_with(&folder, &text);
    let shown = format!("x-our-key: {MASTER}");
    assert!(
        request(&node, "POST /v1/chat/completions", &[&shown, "x-tenant: red"], &chat("other"))
            .contains("200")
    );
    let head = vendor.next().head;
    assert!(
        head.contains("x-tenant: red") && !head.contains("user_api_key") && !head.contains(MASTER),
        "{head}"
    );
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn calls_at_a_time_are_limited_without_any_key() {
    let folder = folder("at-a-time");
    let text = "model_list: [{model_name: slow, litellm_params: {model: mock/echo, mock_response: hello, mock_delay: 5}}]\n\
                general_settings: {global_max_parallel_requests: 4}\n";
    let node = Node::start_with(&folder, text);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let asked: Vec<_> = (0..12)
            .map(|_| {
                scope.spawn(|| {
                    node.post("/v1/chat/completions", "", &chat("slow")).expect("it answers").status
                })
            })
            .collect();
        asked.into_iter().map(|one| one.join().expect("it answers")).collect()
    });
    let count = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert!(count(200) >= 1 && count(200) <= 4, "{statuses:?}");
    assert_eq!(count(200) + count(429) + count(503), 12, "{statuses:?}");
    drop(node);
    // LiteLLM's examples write 0 for no limit.
    let text = text.replace(
        "global_max_parallel_requests: 4",
        "global_max_parallel_requests: 0, max_parallel_requests: 0",
    );
    let node = Node::start_with(&folder, &text.replace("mock_delay: 5", "mock_delay: 0"));
    assert_eq!(node.post("/v1/chat/completions", "", &chat("slow")).expect("it answers").status, 200);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn names_routes_and_sizes_are_as_litellm_says_them() {
    let folder = folder("litellm-keys");
    let vendor = Listener::start(|told| {
        let said = if told.body.contains("much") { "x".repeat(3 << 20) } else { "hello".to_owned() };
        (200, ANSWER.replace("hello", &said))
    });
    let text = format!(
        "model_list: [{{model_name: smart, litellm_params: {{model: openai/m, api_key: k, api_base: '{}/v1'}}}}]\n\
         general_settings:\n  master_key: {MASTER}\n  max_response_size_mb: 1\n  reject_clientside_metadata_tags: true\n\
         \x20 allowed_routes: [/v1/chat/completions, /key/generate]\n  proxy_batch_write_at: 10\n\
         \x20 disable_master_key_return: true\n  allow_requests_on_db_unavailable: true\n\
         litellm_settings: {{model_alias_map: {{gpt-4: smart}}, redact_messages_in_exceptions: true, num_retries: 0}}\n",
        vendor.url
    );
    let node = Node::start_with(&folder, &text);
    let config = folder.join("config.yaml");
    let checked = program(&["check", "--config", config.to_str().expect("text")])
        .output()
        .expect("the program is built");
    let checked = String::from_utf8(checked.stdout).expect("text");
    assert!(checked.contains("gpt-4") && !checked.contains("has no effect"), "{checked}");
    let ask = |body: &Value| node.post("/v1/chat/completions", MASTER, body).expect("it answers");
    assert_eq!(ask(&chat("gpt-4")).status, 200);
    let mut tagged = chat("smart");
    tagged["metadata"] = json!({"tags": ["mine"]});
    let refused = ask(&tagged);
    assert!(refused.status == 400 && refused.body.contains("metadata.tags"), "{}", refused.body);
    let mut long = chat("smart");
    long["messages"][0]["content"] = json!("say much");
    assert!(ask(&long).status >= 500, "an answer of 3 MiB is too large");
    let closed = node.get("/v1/models", MASTER);
    assert!(closed.status == 403 && closed.body.contains("not allowed"), "{}", closed.body);
    node.key(&json!({}));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
