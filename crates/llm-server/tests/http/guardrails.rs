//! Guardrails of the built program: what clients of several formats see, what the vendor sees, and what nobody sees.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::money::{MASTER, Node, folder, send};

/// Fabricated, and nobody's.
const CANARY: &str = "canary.bird@example.com";

fn config(guardrails: &str) -> String {
    format!(
        "model_list:\n  - model_name: echo\n    litellm_params: {{model: mock/echo, input_cost_per_token: 0.00001, \
         output_cost_per_token: 0.00003}}\ngeneral_settings: {{master_key: {MASTER}}}\n{guardrails}"
    )
}

fn say(text: &str) -> Value {
    json!({"model": "echo", "messages": [{"role": "user", "content": text}]})
}

/// An answer with its head, as it comes.
fn raw(node: &Node, what: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(&node.address).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    let head = format!(
        "{what} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {MASTER}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body.as_bytes())).expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("text");
    answer
}

/// The words of a streamed chat answer.
fn streamed(node: &Node, body: &Value) -> String {
    let answer = raw(node, "POST /v1/chat/completions", &body.to_string());
    let frames = answer.lines().filter_map(|line| line.strip_prefix("data: "));
    let frames = frames.filter_map(|frame| serde_json::from_str::<Value>(frame).ok());
    frames.filter_map(|frame| frame["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

#[test]
fn what_is_masked_for_the_vendor_stands_in_the_answer_of_every_format() {
    let folder = folder("masked");
    let rails = "guardrails:\n  - guardrail_name: pii\n    litellm_params: {guardrail: pii, mode: pre_call, \
                 default_on: true, output_parse_pii: true}\n  - guardrail_name: blind\n    litellm_params: \
                 {guardrail: pii, mode: pre_call}\n";
    let mut node = Node::start_with(&folder, &config(rails));
    let text = format!("write to {CANARY} and to {CANARY}, please");
    let chat = node.post("/v1/chat/completions", MASTER, &say(&text)).expect("it answers");
    assert_eq!(chat.header("x-litellm-applied-guardrails"), Some("pii"), "{}", chat.body);
    let said = chat.json()["choices"][0]["message"]["content"].as_str().map(str::to_owned).expect("words");
    assert!(said.contains(&text), "{said}");
    assert!(
        streamed(&node, &{
            let mut body = say(&text);
            body["stream"] = json!(true);
            body
        })
        .contains(&text)
    );
    let messages = json!({"model": "echo", "max_tokens": 50, "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]});
    let answer = node.post("/v1/messages", MASTER, &messages).expect("it answers");
    assert!(
        answer.json()["content"][0]["text"].as_str().is_some_and(|said| said.contains(&text)),
        "{}",
        answer.body
    );
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
    let answer = node.post("/v1beta/models/echo:generateContent", MASTER, &gemini).expect("it answers");
    assert!(answer.body.contains(&text), "{}", answer.body);

    // Nothing of it stands where people and programs look afterwards.
    let get =
        |path: &str| send(&node.address, &format!("GET {path}"), MASTER, &json!({})).expect("it answers");
    let late = Instant::now() + Duration::from_secs(20);
    let rows = loop {
        let rows = get("/spend/logs").body;
        if rows.contains("acompletion") || Instant::now() > late {
            break rows;
        }
        thread::park_timeout(Duration::from_millis(50));
    };
    assert!(rows.contains("acompletion") && !rows.contains("canary"), "{rows}");
    let metrics = raw(&node, "GET /metrics", "");
    assert!(metrics.contains("llm_guardrail_total") && !metrics.contains("canary"), "{metrics}");
    let list = get("/guardrails/list").json();
    assert_eq!(list["guardrails"][0]["litellm_params"]["guardrail"], "pii");
    assert_eq!(list["guardrails"][0]["counts"]["checked"], 4, "{list}");
    let tried = json!({"guardrail_name": "blind", "text": format!("is {CANARY} there")});
    let tried = node.post("/guardrails/apply_guardrail", MASTER, &tried).expect("it answers");
    assert_eq!(tried.json()["response_text"], "is <EMAIL_ADDRESS> there");
    let log = node.run.rest();
    assert!(log.contains("answered") && !log.contains("canary"), "{log}");
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn what_is_masked_for_good_never_reaches_the_vendor() {
    let folder = folder("for-good");
    let rails = "guardrails:\n  - guardrail_name: hide\n    litellm_params: {guardrail: hide-secrets, mode: pre_call, default_on: true}\n  \
                 - guardrail_name: words\n    litellm_params: {guardrail: banned_keywords, mode: [pre_call, post_call], \
                 keywords: [bluebird], default_on: true}\n";
    let node = Node::start_with(&folder, &config(rails));
    let token = format!("ghp_{}", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6");
    let answer =
        node.post("/v1/chat/completions", MASTER, &say(&format!("use {token} now"))).expect("it answers");
    assert!(answer.body.contains("[REDACTED]") && !answer.body.contains(&token), "{}", answer.body);
    let refused =
        node.post("/v1/chat/completions", MASTER, &say("the word is bluebird")).expect("it answers");
    assert_eq!((refused.status, refused.header("x-litellm-applied-guardrails")), (400, Some("hide,words")));
    assert!(
        refused.body.contains("guardrail `words`") && !refused.body.contains("bluebird"),
        "{}",
        refused.body
    );
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn the_older_shape_works_and_keys_bring_their_own() {
    let folder = folder("older");
    let old = "litellm_settings:\n  guardrails:\n    - hide_secrets_guard:\n        callbacks: [hide_secrets]\n        default_on: false\n    \
               - pii_masking: {callbacks: [pii], default_on: false, enabled_roles: [user]}\n";
    let node = Node::start_with(&folder, &config(old));
    let free = node.post("/v1/chat/completions", MASTER, &say(CANARY)).expect("it answers");
    assert!(free.body.contains(CANARY) && free.header("x-litellm-applied-guardrails").is_none());
    let mut asked = say(CANARY);
    asked["guardrails"] = json!(["pii_masking"]);
    let masked = node.post("/v1/chat/completions", MASTER, &asked).expect("it answers");
    assert_eq!(masked.header("x-litellm-applied-guardrails"), Some("pii_masking"));
    assert!(masked.body.contains("<EMAIL_ADDRESS>") && !masked.body.contains(CANARY), "{}", masked.body);
    let key = node.key(&json!({"guardrails": ["pii_masking"]}));
    let masked = node.post("/v1/chat/completions", &key, &say(CANARY)).expect("it answers");
    assert!(masked.body.contains("<EMAIL_ADDRESS>"), "{}", masked.body);
    let lost = node.key(&json!({"guardrails": ["nosuch"]}));
    let refused = node.post("/v1/chat/completions", &lost, &say("hi")).expect("it answers");
    assert!(refused.status == 400 && refused.body.contains("nosuch"), "{}", refused.body);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

/// A service that answers each question with the same words, and tells what it was asked.
fn service(said: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let (sender, asked) = sync_channel(100);
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut read = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(count) = socket.read(&mut buffer) {
                read.extend_from_slice(buffer.get(..count).unwrap_or_default());
                let text = String::from_utf8_lossy(&read);
                let whole = text
                    .split_once("\r\n\r\n")
                    .is_some_and(|(_, body)| serde_json::from_str::<Value>(body).is_ok());
                if count == 0 || whole {
                    break;
                }
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
                said.len()
            );
            if socket.write_all(answer.as_bytes()).is_err()
                || sender.send(String::from_utf8_lossy(&read).into_owned()).is_err()
            {
                break;
            }
        }
    });
    (url, asked)
}

#[test]
fn a_service_of_ones_own_is_asked_and_a_dead_one_closes_or_opens() {
    let folder = folder("service");
    let (url, asked) = service(r#"{"action":"BLOCKED","blocked_reason":"no"}"#);
    let rails = format!(
        "guardrails:\n  - guardrail_name: mine\n    litellm_params: {{guardrail: generic_guardrail_api, mode: during_call, \
         api_base: '{url}', api_key: os.environ/MINE}}\n  - guardrail_name: gone\n    litellm_params: {{guardrail: \
         generic_guardrail_api, mode: pre_call, api_base: 'http://127.0.0.1:1', timeout: 2}}\n  - guardrail_name: open\n    \
         litellm_params: {{guardrail: generic_guardrail_api, mode: post_call, api_base: 'http://127.0.0.1:1', \
         unreachable_fallback: fail_open}}\n"
    );
    let node = Node::configured(&folder, &config(&rails), &[("MINE", "hush-hush")]);
    let ask = |name: &str| {
        let mut body = say("the question");
        body["guardrails"] = json!([name]);
        node.post("/v1/chat/completions", MASTER, &body).expect("it answers")
    };
    let refused = ask("mine");
    assert!(refused.status == 400 && refused.body.contains("guardrail `mine`"), "{}", refused.body);
    let question = asked.recv_timeout(Duration::from_secs(10)).expect("it was asked");
    assert!(
        question.contains("/beta/litellm_basic_guardrail_api") && question.contains("the question"),
        "{question}"
    );
    assert!(question.contains("x-api-key: hush-hush") && !question.contains(MASTER), "{question}");
    assert_eq!(ask("gone").status, 503);
    assert_eq!(ask("open").status, 200);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
