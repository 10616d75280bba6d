//! Callbacks of the built program: they are told of each call, a dead one holds up nobody, and nobody is told what was
//! said unless the configuration says so.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::listener::Listener;
use crate::money::{MASTER, Node, chat, folder, send};

/// What must not be told.
const PROMPT: &str = "what does it cost";

fn config(callbacks: &str) -> String {
    format!(
        "model_list:\n  - model_name: one\n    litellm_params: {{model: mock/echo, input_cost_per_token: 0.00001, \
         output_cost_per_token: 0.00003}}\ngeneral_settings:\n  master_key: {MASTER}\n{callbacks}"
    )
}

fn ok(_: &crate::listener::Told) -> (u16, String) {
    (200, "{}".to_owned())
}

#[test]
fn a_generic_address_and_a_file_are_told_of_each_call_without_its_words() {
    let folder = folder("callbacks");
    let listener = Listener::start(ok);
    let text = config(
        "litellm_settings: {callbacks: [file], success_callback: [mine], failure_callback: [mine]}\n\
         callback_settings:\n  file: {path: calls/all.jsonl, flush_interval: 0.1}\n  mine:\n    callback_type: generic_api\n\
         \x20   flush_interval: 0.1\n    headers: {x-log: yes-please}\n",
    );
    let file = folder.join("calls/all.jsonl");
    let text = text.replace("calls/all.jsonl", file.to_str().expect("text"));
    let node = Node::configured(&folder, &text, &[("GENERIC_LOGGER_ENDPOINT", &listener.url)]);
    let key = node.key(&json!({"key_alias": "logged"}));
    let answer = node.post("/v1/chat/completions", &key, &chat("one")).expect("it answers");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = listener.next();
    assert!(told.head.contains("x-log: yes-please"), "{}", told.head);
    let call = &told.json()[0];
    assert_eq!((&call["status"], &call["call_type"]), (&json!("success"), &json!("acompletion")));
    assert_eq!(call["metadata"]["user_api_key_alias"], "logged");
    assert_eq!((&call["messages"], &call["response"]), (&Value::Null, &Value::Null));
    assert_eq!(call["litellm_call_id"].as_str(), answer.header("x-litellm-call-id"));
    assert!(call["response_cost"].as_f64().is_some_and(|cost| cost > 0.0), "{call}");
    assert!(call["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{call}");
    assert!(!told.body.contains(PROMPT) && !told.body.contains(&key), "{}", told.body);

    let refused = node.post("/v1/chat/completions", &key, &chat("nobody")).expect("it answers");
    assert_eq!(refused.status, 400, "{}", refused.body);
    let call = listener.next().json()[0].clone();
    assert_eq!(
        (&call["status"], &call["error_information"]["error_code"]),
        (&json!("failure"), &json!("400"))
    );
    drop(node);
    let lines = std::fs::read_to_string(&file).expect("the file is there");
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(!lines.contains(PROMPT) && !lines.contains(&key), "{lines}");
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn what_was_said_is_told_where_the_configuration_says_so() {
    let folder = folder("said");
    let listener = Listener::start(ok);
    let settings = "litellm_settings: {callbacks: [generic_api], turn_off_message_logging: false}\n\
                    callback_settings: {generic_api: {flush_interval: 0.1}}\n";
    let node = Node::configured(&folder, &config(settings), &[("GENERIC_LOGGER_ENDPOINT", &listener.url)]);
    let mut body = chat("one");
    node.post("/v1/chat/completions", MASTER, &body).expect("it answers");
    let call = listener.next().json()[0].clone();
    assert_eq!(call["messages"][0]["content"], PROMPT);
    let whole = call["response"]["choices"][0]["message"]["content"].as_str().expect("an answer").to_owned();
    assert_eq!(call["model_parameters"]["max_tokens"], 20);
    body["stream"] = json!(true);
    // Not JSON, so that the helper cannot read it.
    send(&node.address, "POST /v1/chat/completions", MASTER, &body);
    let call = listener.next().json()[0].clone();
    assert_eq!(call["response"]["choices"][0]["message"]["content"], whole, "{call}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn traces_and_generations_arrive_in_the_shapes_of_their_collectors() {
    let folder = folder("traces");
    let (otel, langfuse) = (Listener::start(ok), Listener::start(ok));
    let settings = "litellm_settings: {callbacks: [otel, langfuse]}\n\
                    callback_settings: {otel: {flush_interval: 0.1}, langfuse: {flush_interval: 0.1}}\n";
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", otel.url.as_str()),
        ("OTEL_HEADERS", "x-team=a b"),
        ("LANGFUSE_HOST", &langfuse.url),
        ("LANGFUSE_PUBLIC_KEY", "pk-lf-canary"),
        ("LANGFUSE_SECRET_KEY", "sk-lf-canary"),
    ];
    let node = Node::configured(&folder, &config(settings), &variables);
    let answer = node.post("/v1/chat/completions", MASTER, &chat("one")).expect("it answers");
    let told = otel.next();
    assert_eq!(told.path, "/v1/traces");
    assert!(told.head.contains("x-team: a b"), "{}", told.head);
    let span = told.json()["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone();
    assert_eq!((&span["name"], &span["kind"]), (&json!("chat one"), &json!(3)));
    assert_eq!(span["traceId"].as_str().map(str::len), Some(32));
    let attribute = |name: &str| {
        let all = span["attributes"].as_array().expect("a list");
        all.iter().find(|one| one["key"] == name).map(|one| one["value"].clone())
    };
    assert_eq!(attribute("gen_ai.request.model"), Some(json!({"stringValue": "one"})));
    assert_eq!(attribute("gen_ai.operation.name"), Some(json!({"stringValue": "chat"})));
    let tokens = answer.json()["usage"]["prompt_tokens"].to_string();
    assert_eq!(attribute("gen_ai.usage.input_tokens"), Some(json!({"intValue": tokens})));
    assert!(attribute("gen_ai.input.messages").is_none() && !told.body.contains(PROMPT), "{}", told.body);

    let told = langfuse.next();
    assert_eq!(told.path, "/api/public/ingestion");
    assert!(told.head.to_lowercase().contains("authorization: basic"), "{}", told.head);
    let batch = told.json()["batch"].clone();
    assert_eq!((&batch[0]["type"], &batch[1]["type"]), (&json!("trace-create"), &json!("generation-create")));
    assert_eq!(batch[1]["body"]["traceId"], batch[0]["body"]["id"]);
    assert!(batch[1]["body"]["costDetails"]["total"].as_f64().is_some_and(|cost| cost > 0.0), "{batch}");
    assert!(!told.body.contains("canary") && !told.body.contains(PROMPT), "{}", told.body);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn objects_are_put_signed_and_the_last_ones_when_the_program_ends() {
    let folder = folder("objects");
    let store = Listener::start(ok);
    let settings = format!(
        "litellm_settings:\n  callbacks: [s3_v2]\n  s3_callback_params: {{s3_bucket_name: calls, s3_path: a/b, s3_region_name: \
         eu-west-1, s3_endpoint_url: '{}', s3_aws_access_key_id: AKIDEXAMPLE, s3_aws_secret_access_key: hush-hush}}\n",
        store.url
    );
    let node = Node::configured(&folder, &config(&settings), &[]);
    for _ in 0..3 {
        node.post("/v1/chat/completions", MASTER, &chat("one")).expect("it answers");
    }
    // Long before the batch would go.
    let mut run = node.run;
    run.signal(rustix::process::Signal::TERM);
    run.end();
    let told = store.next();
    assert!(told.path.starts_with("/calls/a/b/20") && told.path.ends_with(".jsonl"), "{}", told.path);
    let head = told.head.to_lowercase();
    assert!(
        head.contains("aws4-hmac-sha256 credential=akidexample/") && head.contains("/eu-west-1/s3/"),
        "{head}"
    );
    assert!(head.contains("x-amz-content-sha256: ") && !head.contains("hush-hush"), "{head}");
    assert_eq!(told.body.lines().count(), 3, "{}", told.body);
    assert!(!told.body.contains(PROMPT) && store.rest().is_empty());
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn an_address_that_refuses_is_counted_and_holds_up_nobody() {
    let folder = folder("refused");
    let listener = Listener::start(|_| (401, String::new()));
    let settings = "litellm_settings: {callbacks: [generic_api]}\n\
                    callback_settings: {generic_api: {flush_interval: 0.05}}\n";
    let node = Node::configured(&folder, &config(settings), &[("GENERIC_LOGGER_ENDPOINT", &listener.url)]);
    let began = Instant::now();
    for _ in 0..20 {
        let answer = node.post("/v1/chat/completions", MASTER, &chat("one")).expect("it answers");
        assert_eq!(answer.status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    listener.next();
    let until = Instant::now() + Duration::from_secs(20);
    let metrics = loop {
        let text = crate::hooks::get(&node.address, "/metrics");
        if text.contains("litellm_callback_logging_failures_metric_total{callback_name=\"generic_api\"} 20") {
            break text;
        }
        assert!(Instant::now() < until, "{text}");
        crate::hooks::pause();
    };
    assert!(!metrics.contains(PROMPT));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
