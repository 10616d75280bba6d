//! Answers for requests that come again: the built program in front of another one that is its vendor, so that what the
//! vendor was asked can be counted.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use llm_testkit::fake_objects::FakeObjects;
use llm_testkit::fake_qdrant::FakeQdrant;
use llm_testkit::redis::RedisServer;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::money::{MASTER, Node, folder, send};

const CHAT: &str = "/v1/chat/completions";
const CANARY: &str = "canary-7f3a91";

/// A gateway with a cache, and the vendor that it asks.
struct House {
    vendor: Node,
    node: Node,
    config: String,
    name: String,
}

impl House {
    fn new(name: &str, cache: &str) -> Self {
        let vendor = Node::start_with(&folder(&format!("{name}-vendor")), "{}");
        let config = config(&vendor.address, cache);
        let node = Node::start_with(&folder(name), &config);
        Self { vendor, node, config, name: name.to_owned() }
    }

    /// The same gateway in another life, or another one where the name is another.
    fn another(&self, name: &str) -> Node {
        let folder =
            std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        Node::start_with(&folder, &self.config)
    }

    fn ask(&self, body: &Value) -> Reply {
        ask(&self.node, CHAT, MASTER, body)
    }

    /// How many calls came to the vendor.
    fn calls(&self) -> u64 {
        let metrics = get(&self.vendor, "/metrics");
        let counts =
            metrics.lines().filter(|line| line.starts_with("litellm_deployment_total_requests_total"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

fn config(vendor: &str, cache: &str) -> String {
    format!(
        "
model_list:
  - model_name: one
    litellm_params: {{model: openai/mock/echo, api_base: \"http://{vendor}/v1\", api_key: none, \
input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}}
  - model_name: slow
    litellm_params: {{model: openai/mock/echo-delay-700ms, api_base: \"http://{vendor}/v1\", api_key: none}}
  - model_name: refuses
    litellm_params: {{model: openai/mock/refusal, api_base: \"http://{vendor}/v1\", api_key: none}}
  - model_name: vectors
    litellm_params: {{model: openai/mock/echo, api_base: \"http://{vendor}/v1\", api_key: none}}
litellm_settings:
  cache: true
  cache_params: {cache}
general_settings: {{master_key: {MASTER}}}
"
    )
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
    }

    fn key(&self) -> Option<&str> {
        self.header("x-litellm-cache-key")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What the model says, whole or streamed.
    fn said(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        if !self.body.contains("data: ") {
            let body = self.json();
            let text = body["choices"][0]["message"]["content"]
                .as_str()
                .or_else(|| body["content"][0]["text"].as_str())
                .or_else(|| body["candidates"][0]["content"]["parts"][0]["text"].as_str());
            return text.unwrap_or_else(|| panic!("no text: {body}")).to_owned();
        }
        let frames = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        let frames = frames.filter(|frame| *frame != "[DONE]");
        let frames = frames.map(|frame| serde_json::from_str::<Value>(frame).expect("JSON"));
        frames
            .filter_map(|frame| {
                let text = &frame["choices"][0]["delta"]["content"];
                text.as_str().or_else(|| frame["delta"]["text"].as_str()).map(str::to_owned)
            })
            .collect()
    }
}

fn ask(node: &Node, path: &str, key: &str, body: &Value) -> Reply {
    exchange(node, &format!("POST {path}"), key, &body.to_string())
}

fn get(node: &Node, path: &str) -> String {
    exchange(node, &format!("GET {path}"), MASTER, "").body
}

fn exchange(node: &Node, what: &str, key: &str, body: &str) -> Reply {
    let mut socket = TcpStream::connect(&node.address).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
    let head = format!(
        "{what} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body.as_bytes())).expect("it listens");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

fn question(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 50, "temperature": 0.5,
           "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": text}]})
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn one_question_is_one_entry_whatever_format_asks_it() {
    let house = House::new("cache-formats", "{type: local}");
    let first = house.ask(&question("one", "hello there"));
    assert_eq!((first.key(), first.status), (None, 200), "{}", first.body);
    assert_ne!(first.header("x-litellm-response-cost"), Some("0.0"));
    let again = house.ask(&question("one", "hello there"));
    let key = again.key().expect("a hit").to_owned();
    assert_eq!(again.header("x-litellm-response-cost"), Some("0.0"));
    assert_eq!((again.said(), again.json()["usage"].clone()), (first.said(), first.json()["usage"].clone()));

    let members = r#"{"messages":[{"content":"be brief","role":"system"},{"content":"hello there","role":"user"}],
                      "temperature": 0.5, "max_tokens": 50, "user": "ann", "model": "one"}"#;
    let ordered = exchange(&house.node, &format!("POST {CHAT}"), MASTER, members);
    assert_eq!((ordered.key(), ordered.said()), (Some(key.as_str()), first.said()));
    let claude = json!({"model": "one", "max_tokens": 50, "temperature": 0.5, "system": "be brief",
                        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello there"}]}]});
    let claude = ask(&house.node, "/v1/messages", MASTER, &claude);
    assert_eq!((claude.key(), claude.said()), (Some(key.as_str()), first.said()));
    assert_eq!(claude.json()["model"], "one");
    let gemini = json!({"systemInstruction": {"parts": [{"text": "be brief"}]},
                        "contents": [{"role": "user", "parts": [{"text": "hello there"}]}],
                        "generationConfig": {"maxOutputTokens": 50, "temperature": 0.5}});
    let gemini = ask(&house.node, "/v1beta/models/one:generateContent", MASTER, &gemini);
    assert_eq!((gemini.key(), gemini.said()), (Some(key.as_str()), first.said()));
    assert_eq!(house.calls(), 1);

    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    for other in [
        question("one", "hello here"),
        with(question("one", "hello there"), "temperature", json!(0.6)),
        with(question("one", "hello there"), "tools", tool),
        question("vectors", "hello there"),
    ] {
        assert_eq!(house.ask(&other).key(), None, "{other}");
    }
    assert_eq!(house.calls(), 5);
}

#[test]
fn streams_are_kept_and_replayed_as_streams() {
    let house = House::new("cache-streams", "{type: local}");
    let streamed = |text: &str| with(question("one", text), "stream", json!(true));
    let first = house.ask(&streamed("tell me a tale of three words"));
    assert!(first.key().is_none() && first.body.contains("data: [DONE]\n\n"), "{}", first.body);
    let again = house.ask(&streamed("tell me a tale of three words"));
    assert!(again.key().is_some() && again.body.contains("data: [DONE]\n\n"), "{}", again.body);
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.header("x-litellm-response-cost"), Some("0.0"));
    let whole = house.ask(&question("one", "tell me a tale of three words"));
    let claude = json!({"model": "one", "max_tokens": 50, "temperature": 0.5, "system": "be brief", "stream": true,
                        "messages": [{"role": "user", "content": "tell me a tale of three words"}]});
    let claude = ask(&house.node, "/v1/messages", MASTER, &claude);
    assert!(claude.body.contains("event: message_stop"), "{}", claude.body);
    for reply in [&again, &whole, &claude] {
        assert_eq!((reply.key().is_some(), reply.said()), (true, first.said()));
    }
    assert!(first.said().contains("tale"), "{}", first.said());
    assert_eq!(house.calls(), 1);
}

#[test]
fn a_hundred_equal_requests_cost_one_call() {
    let house = House::new("cache-flight", "{type: local}");
    let said = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..100 {
            let (house, said) = (&house, &said);
            scope.spawn(move || {
                let body = with(question("slow", "all at once"), "stream", json!(number % 2 == 0));
                let reply = house.ask(&body);
                said.lock().push((reply.said(), reply.key().is_some()));
            });
        }
    });
    let said = said.into_inner();
    assert_eq!(said.iter().filter(|(_, hit)| *hit).count(), 99);
    assert!(said.iter().all(|(text, _)| *text == said[0].0), "{said:?}");
    assert_eq!(house.calls(), 1);
}

#[test]
fn tenants_are_apart_and_rows_say_what_was_a_hit() {
    let house = House::new("cache-tenants", "{type: local}");
    let node = &house.node;
    let made = node.post("/team/new", MASTER, &json!({"team_alias": "red"})).expect("it answers").json();
    let team = made["team_id"].as_str().expect("a team").to_owned();
    let of_team = [node.key(&json!({"team_id": team})), node.key(&json!({"team_id": team}))];
    let alone = [node.key(&json!({})), node.key(&json!({}))];
    let body = question("one", "whose answer is it");
    let hit = |key: &str| ask(node, CHAT, key, &body).key().is_some();
    assert!(!hit(&of_team[0]) && hit(&of_team[0]) && hit(&of_team[1]));
    assert!(!hit(&alone[0]) && !hit(&alone[1]) && !hit(MASTER));
    assert!(hit(&alone[0]) && hit(&alone[1]) && hit(MASTER));
    assert_eq!(house.calls(), 4);

    let rows = || -> Vec<Value> { serde_json::from_str(&get(node, "/spend/logs")).expect("JSON") };
    wait_for("rows are in the database", || rows().len() == 9);
    let rows = rows();
    let hits: Vec<_> = rows.iter().filter(|row| row["cache_hit"] == "True").collect();
    assert_eq!(hits.len(), 5, "{rows:?}");
    for hit in hits {
        assert_eq!((&hit["spend"], &hit["model_group"]), (&json!(0.0), &json!("one")), "{hit}");
        assert!(hit["total_tokens"].as_u64() > Some(0) && hit["model_id"] != "", "{hit}");
    }
    let spent = rows.iter().filter(|row| row["cache_hit"] == "False");
    assert!(spent.clone().count() == 4 && spent.clone().all(|row| row["spend"].as_f64() > Some(0.0)));
    let metrics = get(node, "/metrics");
    assert!(metrics.contains("litellm_cache_hits_metric_total{requested_model=\"one\""), "{metrics}");
}

#[test]
fn a_hit_counts_as_a_request_and_costs_no_budget() {
    let house = House::new("cache-limits", "{type: local}");
    let limited = house.node.key(&json!({"rpm_limit": 3, "max_budget": 0.01, "tpm_limit": 1000}));
    let body = question("one", "how often");
    let replies: Vec<_> = (0..4).map(|_| ask(&house.node, CHAT, &limited, &body)).collect();
    let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert_eq!(house.calls(), 1);
    let spent = |reply: &Reply| reply.header("x-litellm-key-spend").map(str::to_owned);
    assert_eq!(spent(&replies[1]), spent(&replies[2]));
}

#[test]
fn what_is_kept_ends_in_time_and_as_requests_want_it() {
    let house = House::new("cache-life", "{type: local, ttl: 1}");
    let hit = |body: &Value| house.ask(body).key().is_some();
    let body = question("one", "how long");
    assert!(!hit(&body) && hit(&body));
    thread::park_timeout(Duration::from_millis(1_200));
    assert!(!hit(&body));
    let says = |word: &str| with(question("one", "how long"), "cache", json!({word: true}));
    assert!(!hit(&says("no-cache")) && hit(&body));
    let none = with(question("one", "not kept"), "cache", json!({"no-store": true}));
    assert!(!hit(&none) && !hit(&none));
    let refused = house.ask(&question("refuses", "please"));
    assert_eq!((refused.status, hit(&question("refuses", "please"))), (200, false));
}

#[test]
fn only_requests_that_ask_for_it_where_the_mode_is_off() {
    let house =
        House::new("cache-off", "{type: local, mode: default_off, supported_call_types: [acompletion]}");
    let hit = |body: &Value| house.ask(body).key().is_some();
    let body = question("one", "if you please");
    assert!(!hit(&body) && !hit(&body));
    let asks = with(body, "cache", json!({"use-cache": true}));
    assert!(!hit(&asks) && hit(&asks));
}

#[test]
fn vectors_are_kept_too() {
    let house = House::new("cache-vectors", "{type: local}");
    let body = json!({"model": "vectors", "input": ["a word", "two words"]});
    let first = ask(&house.node, "/v1/embeddings", MASTER, &body);
    let again = ask(&house.node, "/v1/embeddings", MASTER, &body);
    assert_eq!((first.key().is_some(), again.key().is_some()), (false, true), "{}", first.body);
    assert_eq!(first.json()["data"], again.json()["data"]);
    let base64 = with(body, "encoding_format", json!("base64"));
    let base64 = ask(&house.node, "/v1/embeddings", MASTER, &base64);
    assert!(base64.key().is_some() && base64.json()["data"][1]["embedding"].is_string(), "{}", base64.body);
    assert_eq!(house.calls(), 1);
}

#[test]
fn a_question_in_other_words_is_found() {
    let cache = "{type: local-semantic, embedding_model: vectors, similarity_threshold: 0.7}";
    let house = House::new("cache-semantic", cache);
    let first = house.ask(&question("one", "what is the capital city of France please"));
    assert!(first.key().is_none(), "{}", first.head);
    let other = house.ask(&question("one", "please what is the capital city of France"));
    let near =
        other.header("x-litellm-semantic-similarity").expect("a hit").parse::<f32>().expect("a number");
    assert!((0.7..=1.001).contains(&near), "{near}");
    assert_eq!((other.said(), other.key().is_some()), (first.said(), true));
    assert_eq!(other.header("x-litellm-response-cost"), Some("0.0"));

    let far = house.ask(&question("one", "how do I bake bread"));
    let hotter = with(question("one", "what is the capital city of France now"), "temperature", json!(0.9));
    let model = question("vectors", "what is the capital city of France now");
    for reply in [far, house.ask(&hotter), house.ask(&model)] {
        assert_eq!((reply.status, reply.key()), (200, None));
    }
    let other_key = house.node.key(&json!({}));
    let theirs =
        ask(&house.node, CHAT, &other_key, &question("one", "the capital city of France please what is"));
    assert_eq!((theirs.status, theirs.key()), (200, None));
    let exact = house.ask(&question("one", "what is the capital city of France please"));
    assert!(exact.key().is_some() && exact.header("x-litellm-semantic-similarity").is_none());
}

#[test]
fn a_file_keeps_answers_for_the_next_life() {
    let mut house = House::new("cache-disk", "{type: disk}");
    let body = question("one", "remember me");
    let first = house.ask(&body);
    wait_for("the answer is on the disk", || house.ask(&body).key().is_some());
    house.node.run.rest();
    house.node = house.another(&house.name);
    let again = house.ask(&body);
    assert_eq!((again.key().is_some(), again.said()), (true, first.said()));
    assert_eq!(house.calls(), 1);
}

#[test]
fn gateways_share_what_redis_keeps() {
    let Some(redis) = RedisServer::start("gateways_share_what_redis_keeps") else { return };
    let cache = format!("{{type: redis, url: \"{}\", namespace: shared, socket_timeout: 1}}", redis.url());
    let house = House::new("cache-redis", &cache);
    let other = house.another("cache-redis-other");
    let ping = |node: &Node| exchange(node, "GET /cache/ping", MASTER, "").status;
    wait_for("both are connected", || ping(&house.node) == 200 && ping(&other) == 200);
    let body = question("one", "for all of us");
    let first = house.ask(&body);
    wait_for("the answer is in redis", || house.ask(&body).key().is_some());
    let again = ask(&other, CHAT, MASTER, &body);
    let key = again.key().expect("a hit").to_owned();
    assert!(key.starts_with("shared:"), "{key}");
    assert_eq!((again.said(), house.calls()), (first.said(), 1));

    let info = exchange(&other, "GET /cache/redis/info", MASTER, "").json();
    assert!(info["info"]["redis_version"].is_string() && info["num_clients"].is_string(), "{info}");
    let deleted = ask(&other, "/cache/delete", MASTER, &json!({"keys": [key]})).json();
    assert_eq!(deleted, json!({"status": "success"}));
    assert!(house.ask(&body).key().is_none());
    drop(redis);
    // A cache that is gone keeps nobody from an answer.
    let began = Instant::now();
    assert_eq!(house.ask(&body).status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn gateways_share_what_qdrant_keeps_and_ask_it_by_meaning() {
    let qdrant = FakeQdrant::start(Some("qk-of-the-tests"));
    let cache = format!(
        "{{type: qdrant-semantic, qdrant_api_base: \"{}\", qdrant_api_key: qk-of-the-tests, qdrant_collection_name: kept, \
         embedding_model: vectors, similarity_threshold: 0.7}}",
        qdrant.url()
    );
    let house = House::new("cache-qdrant", &cache);
    let other = house.another("cache-qdrant-other");
    let first = house.ask(&question("one", "what is the capital city of France please"));
    assert!(first.key().is_none(), "{}", first.head);
    wait_for("the answer is in qdrant", || qdrant.points("kept").len() == 1);
    let near = ask(&other, CHAT, MASTER, &question("one", "please what is the capital city of France"));
    assert!(near.header("x-litellm-semantic-similarity").is_some(), "{}", near.head);
    assert_eq!((near.said(), near.header("x-litellm-response-cost")), (first.said(), Some("0.0")));
    let exact = ask(&other, CHAT, MASTER, &question("one", "what is the capital city of France please"));
    assert!(exact.key().is_some() && exact.header("x-litellm-semantic-similarity").is_none());
    let key = house.node.key(&json!({}));
    let theirs = ask(&house.node, CHAT, &key, &question("one", "please what is the capital city of France"));
    assert_eq!((theirs.status, theirs.key()), (200, None), "an answer of another tenant");
    assert_eq!(exchange(&other, "GET /cache/ping", MASTER, "").json()["cache_type"], "qdrant-semantic");

    let mut house = house;
    drop(qdrant);
    // A cache that is gone keeps nobody from an answer, and is spoken of once.
    let began = Instant::now();
    for number in 0..20 {
        assert_eq!(house.ask(&question("one", &format!("is it there, {number}"))).status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let log = house.node.run.rest();
    assert_eq!(log.matches("the cache of answers fails").count(), 1, "{log}");
    assert!(log.contains("qdrant does not answer") && !log.contains("qk-of-the-tests"), "{log}");
}

#[test]
fn gateways_share_what_a_bucket_keeps() {
    let objects = FakeObjects::start();
    let cache = format!(
        "{{type: s3, s3_bucket_name: answers, s3_endpoint_url: \"{}\", s3_path: gateways, s3_aws_access_key_id: id, \
         s3_aws_secret_access_key: word}}",
        objects.url()
    );
    let house = House::new("cache-s3", &cache);
    let other = house.another("cache-s3-other");
    let body = question("one", "for all of us");
    let first = house.ask(&body);
    wait_for("the answer is in the bucket", || objects.names().len() == 1);
    let again = ask(&other, CHAT, MASTER, &body);
    assert_eq!((again.key().is_some(), again.said()), (true, first.said()));
    assert!(objects.names()[0].starts_with("gateways/llm-answers/"), "{:?}", objects.names());
    assert_eq!(ask(&other, "/cache/flushall", MASTER, &json!({})).json(), json!({"status": "success"}));
    assert!(objects.names().is_empty() && house.ask(&body).key().is_none());
    drop(objects);
    assert_eq!(house.ask(&question("one", "is it there")).status, 200);
}

#[test]
fn administrators_look_into_the_cache_and_nobody_else() {
    let house = House::new("cache-routes", "{type: local, namespace: n}");
    let body = question("one", "to be forgotten");
    house.ask(&body);
    assert!(house.ask(&body).key().is_some());
    let ping = send(&house.node.address, "GET /cache/ping", MASTER, &json!({})).expect("JSON").json();
    assert_eq!((&ping["status"], &ping["cache_type"]), (&json!("healthy"), &json!("local")));
    let key = house.node.key(&json!({}));
    for what in ["GET /cache/ping", "POST /cache/flushall", "POST /cache/delete", "GET /cache/redis/info"] {
        let refused = exchange(&house.node, what, &key, "{\"keys\":[]}");
        assert!([401, 403].contains(&refused.status), "{what}: {}", refused.status);
    }
    assert!(house.ask(&body).key().is_some());
    assert_eq!(ask(&house.node, "/cache/flushall", MASTER, &json!({})).json(), json!({"status": "success"}));
    assert!(house.ask(&body).key().is_none());
    assert_eq!(ask(&house.node, "/cache/delete", MASTER, &json!({"key": 1})).status, 400);
    assert_eq!(exchange(&house.node, "GET /cache/redis/info", MASTER, "").status, 400);
}

#[test]
fn no_word_of_a_request_or_an_answer_stands_in_logs_or_metrics() {
    let mut house = House::new("cache-canary", "{type: disk}");
    let body = question("one", CANARY);
    for body in [body.clone(), with(body.clone(), "stream", json!(true)), body] {
        assert!(house.ask(&body).said().contains(CANARY));
    }
    let wrong = with(question("one", CANARY), "cache", json!({"ttl": CANARY}));
    let refused = house.ask(&wrong);
    assert!(refused.status == 400 && !refused.body.contains(CANARY), "{}", refused.body);
    let metrics = get(&house.node, "/metrics");
    let log = house.node.run.rest();
    assert!(log.contains("answered"), "{log}");
    assert!(!log.contains(CANARY) && !metrics.contains(CANARY), "{log}{metrics}");
}
