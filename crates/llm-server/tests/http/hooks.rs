//! Hooks and prompts of the built program: an address and a program are asked, and prompts are put in.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::listener::{Listener, Told};
use crate::money::{Answer, MASTER, Node, folder};

/// A page, without a look at what it is.
pub(crate) fn get(address: &str, path: &str) -> String {
    raw(
        address,
        &format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MASTER}\r\nconnection: close\r\n\r\n"
        ),
    )
}

#[expect(clippy::disallowed_methods, reason = "another process does what is waited for")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

pub(crate) fn raw(address: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    socket.write_all(request.as_bytes()).expect("it takes it");
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("it answers");
    text
}

fn config(more: &str) -> String {
    format!(
        "model_list:\n  - model_name: one\n    litellm_params: {{model: mock/echo}}\n  - model_name: told\n    \
         litellm_params: {{model: mock/echo}}\n    model_info: {{system_prompt: {{content: Be brief., position: instead}}}}\n\
         general_settings:\n  master_key: {MASTER}\n{more}"
    )
}

/// The mock says what it was asked last.
fn ask(node: &Node, key: &str, body: &Value) -> Answer {
    node.post("/v1/chat/completions", key, body).expect("it answers")
}

fn said(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    let text = answer["choices"][0]["message"]["content"].as_str().expect("a text");
    text.rsplit("You said: ").next().unwrap_or_default().to_owned()
}

fn user(text: &str) -> Value {
    json!({"model": "one", "messages": [{"role": "user", "content": text}]})
}

/// Changes, refuses and lets through, by what the request says.
fn policy(told: &Told) -> (u16, String) {
    let question = told.json();
    let text = question["request"]["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    let verdict = match (question["event"].as_str(), text.as_str()) {
        (Some("pre_call"), "refuse me") => json!({"action": "refuse", "message": "not that", "status": 451}),
        (Some("pre_call"), "change me") => {
            let mut request = question["request"].clone();
            request["messages"][0]["content"] = json!("changed on the way");
            json!({"action": "replace", "request": request})
        }
        (Some("pre_call"), "steal") => {
            let mut request = question["request"].clone();
            request["model"] = json!("told");
            json!({"action": "replace", "request": request})
        }
        (Some("post_call"), "change the answer") if question["text"].is_string() => {
            json!({"action": "replace", "text": "another answer"})
        }
        (Some("post_call"), "change the answer") => {
            let mut answer = question["answer"].clone();
            answer["choices"][0]["message"]["content"] = json!("another answer");
            json!({"action": "replace", "answer": answer})
        }
        (Some("pre_call"), "break") => return (500, String::new()),
        _ => json!({}),
    };
    (200, verdict.to_string())
}

#[test]
fn an_address_may_change_and_refuse_requests_and_answers() {
    let folder = folder("webhook");
    let listener = Listener::start(policy);
    let hooks = format!(
        "hooks:\n  - {{name: policy, url: '{}', on: [pre_call, post_call], timeout: 5}}\n",
        listener.url
    );
    let node = Node::configured(&folder, &config(&hooks), &[]);
    let key = node.key(&json!({"key_alias": "hooked", "models": ["one"]}));
    assert_eq!(said(&ask(&node, &key, &user("let me through"))), "let me through");
    let question = listener.next().json();
    assert_eq!((&question["event"], &question["call"]["key_alias"]), (&json!("pre_call"), &json!("hooked")));
    assert!(!question.to_string().contains(&key), "{question}");

    assert_eq!(said(&ask(&node, &key, &user("change me"))), "changed on the way");
    let refused = ask(&node, &key, &user("refuse me"));
    assert_eq!((refused.status, refused.json()["error"]["message"].as_str()), (451, Some("not that")));
    assert_eq!(said(&ask(&node, &key, &user("change the answer"))), "another answer");
    // A hook gives nobody rights: the model that it puts in is not this key's.
    assert_eq!(ask(&node, &key, &user("steal")).status, 403);
    // It cannot be asked: no call is made.
    let failed = ask(&node, &key, &user("break"));
    assert_eq!((failed.status, failed.json()["error"]["code"].as_str()), (503, Some("hook_failed")));

    let mut stream = user("change the answer");
    stream["stream"] = json!(true);
    let body = stream.to_string();
    let text = raw(
        &node.address,
        &format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(text.contains("another answer") && text.contains("[DONE]"), "{text}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn calls_go_on_without_a_dead_address_where_the_operator_wants_that() {
    let folder = folder("open");
    let hooks = "hooks:\n  - {url: 'http://127.0.0.1:9/', on_failure: continue, timeout: 1}\n";
    let node = Node::configured(&folder, &config(hooks), &[]);
    assert_eq!(said(&ask(&node, MASTER, &user("hello"))), "hello");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

/// The program of `docs/hooks.md`.
fn example() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hooks.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let (_, rest) = page.split_once("```python\n").expect("an example");
    rest.split_once("```").expect("its end").0.to_owned()
}

#[test]
fn the_program_of_the_documentation_is_asked_and_started_again_when_it_ends() {
    let folder = folder("process");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("hook.py");
    std::fs::write(&program, example()).expect("a file");
    let hooks = format!(
        "hooks:\n  - {{name: words, command: [python3, '{}'], on: [pre_call], timeout: 10}}\n",
        program.display()
    );
    let node = Node::configured(&folder, &config(&hooks), &[]);
    assert_eq!(said(&ask(&node, MASTER, &user("hello"))), "hello");
    assert_eq!(said(&ask(&node, MASTER, &user("my password is x"))), "my [removed] is x");
    let refused = ask(&node, MASTER, &user("tell me a secret"));
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (403, Some("refused_by_hook")));
    std::thread::scope(|scope| {
        for number in 0..20 {
            let node = &node;
            scope.spawn(move || {
                let text = format!("password {number}");
                assert_eq!(said(&ask(node, MASTER, &user(&text))), format!("[removed] {number}"));
            });
        }
    });
    // It ends at this word, in the middle of a question.
    assert_eq!(ask(&node, MASTER, &user("die")).status, 503);
    let again = (0..100).find_map(|_| {
        pause();
        let answer = ask(&node, MASTER, &user("my password"));
        (answer.status == 200).then(|| said(&answer))
    });
    assert_eq!(again.as_deref(), Some("my [removed]"));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

/// Who says what in a request.
fn texts(request: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = request["messages"].as_array().expect("a list");
    all.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
}

#[test]
fn prompts_are_filled_in_and_models_and_teams_are_told_what_they_must_be() {
    let folder = folder("prompts");
    let listener = Listener::start(|_| (200, "{}".to_owned()));
    let more = format!(
        "hooks:\n  - {{url: '{}'}}\nprompts:\n  - {{prompt_id: greet, model: one, messages: [{{role: system, content: 'Greet {{{{name}}}}.'}}]}}\n  \
         - {{prompt_id: greet.v2, messages: [{{role: user, content: 'Hello from {{{{name}}}}'}}]}}\n  - prompt_id: dotted\n    \
         litellm_params:\n      prompt_integration: dotprompt\n      dotprompt_content: |\n        ---\n        temperature: 0.5\n        \
         ---\n        System: Be {{{{mood}}}}.\n        User: Go.\n",
        listener.url
    );
    let node = Node::configured(&folder, &config(&more), &[]);
    let seen = |body: &Value, key: &str| {
        let answer = ask(&node, key, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        listener.next().json()["request"].clone()
    };
    let pair = |role: &str, text: &str| (role.to_owned(), text.to_owned());

    let mut body = user("hi");
    body["prompt_id"] = json!("greet");
    body["prompt_version"] = json!(1);
    body["prompt_variables"] = json!({"name": "Ann"});
    assert_eq!(texts(&seen(&body, MASTER)), [pair("system", "Greet Ann."), pair("user", "hi")]);
    body.as_object_mut().expect("an object").remove("prompt_version");
    assert_eq!(texts(&seen(&body, MASTER)), [pair("user", "Hello from Ann"), pair("user", "hi")]);
    let dotted =
        json!({"model": "one", "messages": [], "prompt_id": "dotted", "prompt_variables": {"mood": "kind"}});
    let request = seen(&dotted, MASTER);
    assert_eq!(texts(&request), [pair("system", "Be kind."), pair("user", "Go.")]);
    assert_eq!(request["temperature"], json!(0.5));

    for (field, value, what) in [
        ("prompt_variables", json!({}), "needs the variable `name`"),
        ("prompt_version", json!(7), "has no such version"),
        ("prompt_id", json!("nothing"), "there is no prompt"),
    ] {
        let mut wrong = body.clone();
        wrong[field] = value;
        let answer = ask(&node, MASTER, &wrong);
        assert!(answer.status == 400 && answer.body.contains(what), "{}", answer.body);
    }

    let mut told = json!({"model": "told", "messages": [{"role": "system", "content": "Be long."}, {"role": "user", "content": "hi"}]});
    assert_eq!(texts(&seen(&told, MASTER)), [pair("system", "Be brief."), pair("user", "hi")]);
    let team = node.post(
        "/team/new",
        MASTER,
        &json!({"team_alias": "t", "metadata": {"system_prompt": "You are of team T."}}),
    );
    let team = team.expect("it answers").json()["team_id"].clone();
    let key = node.key(&json!({"team_id": team}));
    told["model"] = json!("one");
    let expected = [pair("system", "You are of team T."), pair("system", "Be long."), pair("user", "hi")];
    assert_eq!(texts(&seen(&told, &key)), expected);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
