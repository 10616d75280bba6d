//! What a collector of OpenTelemetry is told by the built program, and vendors of the trace that a request is part of.

use serde_json::{Value, json};

use crate::listener::{Listener, Told};
use crate::money::{MASTER, Node, chat, folder, send};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn takes(_: &Told) -> (u16, String) {
    (200, "{}".to_owned())
}

fn config(more: &str) -> String {
    format!(
        "model_list:\n  - model_name: one\n    litellm_params: {{model: mock/echo, input_cost_per_token: 0.00001, \
         output_cost_per_token: 0.00003}}\n  - model_name: down\n    litellm_params: {{model: mock/error-500}}\n\
         general_settings:\n  master_key: {MASTER}\n{more}"
    )
}

/// A message that tells of all these instruments.
fn with(collector: &Listener, names: &[&str]) -> Value {
    for _ in 0..100 {
        let told = collector.next();
        assert_eq!(told.path, "/v1/metrics");
        assert!(told.head.contains("x-team: a b"), "{}", told.head);
        let message = told.json()["resourceMetrics"][0].clone();
        if names.iter().all(|name| find(&message, name).is_some()) {
            return message;
        }
    }
    panic!("never told of all of {names:?}");
}

fn find<'a>(message: &'a Value, name: &str) -> Option<&'a Value> {
    message["scopeMetrics"][0]["metrics"].as_array()?.iter().find(|metric| metric["name"] == name)
}

/// The point whose attributes have these texts.
fn point<'a>(metric: &'a Value, wanted: &[(&str, &str)]) -> Option<&'a Value> {
    let points = metric["histogram"]["dataPoints"].as_array()?;
    points.iter().find(|point| wanted.iter().all(|(name, text)| has(&point["attributes"], name, text)))
}

fn has(attributes: &Value, name: &str, text: &str) -> bool {
    let wanted = json!({"key": name, "value": {"stringValue": text}});
    attributes.as_array().is_some_and(|all| all.contains(&wanted))
}

#[test]
fn a_collector_is_told_metrics_under_the_names_of_the_conventions() {
    let folder = folder("otlp-metrics");
    let collector = Listener::start(takes);
    let variables = [
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a b"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ("OTEL_SERVICE_NAME", "edge"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=not-this"),
    ];
    let node = Node::configured(&folder, &config("router_settings: {num_retries: 0}\n"), &variables);
    let answer = node.post("/v1/chat/completions", MASTER, &chat("one")).expect("it answers").json();
    let failed = node.post("/v1/chat/completions", MASTER, &chat("down")).expect("it answers");
    assert_eq!(failed.status, 500, "{}", failed.body);
    let mut streamed = chat("one");
    streamed["stream"] = json!(true);
    send(&node.address, "POST /v1/chat/completions", MASTER, &streamed);
    let message = with(
        &collector,
        &[
            "gen_ai.client.operation.duration",
            "gen_ai.client.token.usage",
            "gen_ai.client.operation.time_to_first_chunk",
            "gen_ai.server.request.duration",
            "gen_ai.server.time_to_first_token",
            "litellm_spend_metric_total",
            "litellm_deployment_state",
        ],
    );
    let resource = &message["resource"]["attributes"];
    assert!(has(resource, "service.name", "edge") && has(resource, "deployment.environment.name", "test"));
    assert!(!has(resource, "service.name", "not-this"), "{resource}");
    let chat = [("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "mock")];
    let durations = find(&message, "gen_ai.client.operation.duration").expect("it is told");
    assert_eq!(
        (&durations["unit"], &durations["histogram"]["aggregationTemporality"]),
        (&json!("s"), &json!(2))
    );
    assert!(point(durations, &[chat[0], chat[1], ("gen_ai.request.model", "echo")]).is_some(), "{durations}");
    assert!(point(durations, &[chat[0], ("error.type", "upstream_failure")]).is_some(), "{durations}");
    let tokens = find(&message, "gen_ai.client.token.usage").expect("it is told");
    let used = point(tokens, &[chat[0], ("gen_ai.token.type", "input")]).expect("tokens of prompts");
    let (count, of_one) =
        (used["count"].as_str(), answer["usage"]["prompt_tokens"].as_f64().expect("tokens"));
    assert!(count == Some("2") || count == Some("1"), "{used}");
    let calls: f64 = count.and_then(|count| count.parse().ok()).expect("a number");
    assert_eq!(used["sum"].as_f64(), Some(of_one * calls));
    assert_eq!(used["bucketCounts"].as_array().map(Vec::len), Some(15));
    let spend = find(&message, "litellm_spend_metric_total").expect("it is told");
    assert_eq!(spend["sum"]["isMonotonic"], json!(true));
    assert!(find(&message, "litellm_deployment_state").is_some_and(|state| state["gauge"].is_object()));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn the_last_metrics_are_told_when_the_program_ends_and_nobody_is_told_unasked() {
    for (exporter, expected) in [("otlp", 1), ("none", 0)] {
        let folder = folder(&format!("otlp-end-{exporter}"));
        let collector = Listener::start(takes);
        let variables =
            [("OTEL_METRICS_EXPORTER", exporter), ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str())];
        let node = Node::configured(&folder, &config(""), &variables);
        node.post("/v1/chat/completions", MASTER, &chat("one")).expect("it answers");
        let mut run = node.run;
        run.signal(rustix::process::Signal::TERM);
        run.end();
        let told = collector.rest();
        assert_eq!(told.len(), expected);
        let message = told.first().map(|told| told.json()["resourceMetrics"][0].clone()).unwrap_or_default();
        assert_eq!(find(&message, "gen_ai.client.operation.duration").is_some(), expected > 0);
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}

#[test]
fn a_clients_trace_is_continued_and_told_to_vendors_where_the_configuration_says_so() {
    let answer = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    });
    for forwards in [true, false] {
        let folder = folder(&format!("trace-{forwards}"));
        let (collector, body) = (Listener::start(takes), answer.to_string());
        let vendor = Listener::start(move |_| (200, body.clone()));
        let text = format!(
            "model_list:\n  - model_name: one\n    litellm_params: {{model: openai/m, api_key: sk-1, api_base: '{}/v1'}}\n\
             general_settings:\n  master_key: {MASTER}\nlitellm_settings: {{callbacks: [otel], \
             forward_traceparent_to_llm_provider: {forwards}}}\ncallback_settings: {{otel: {{flush_interval: 0.1}}}}\n",
            vendor.url
        );
        let node =
            Node::configured(&folder, &text, &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str())]);
        let traced = format!("{MASTER}\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a=1");
        let said =
            send(&node.address, "POST /v1/chat/completions", &traced, &chat("one")).expect("it answers");
        assert_eq!(said.status, 200, "{}", said.body);
        let head = vendor.next().head.to_lowercase();
        assert_eq!(head.contains(&format!("traceparent: 00-{TRACE}-{PARENT}-01")), forwards, "{head}");
        assert_eq!(head.contains("tracestate: a=1"), forwards, "{head}");
        let span = collector.next().json()["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone();
        assert_eq!((&span["traceId"], &span["parentSpanId"]), (&json!(TRACE), &json!(PARENT)));
        assert!(has(&span["attributes"], "server.address", "127.0.0.1"), "{span}");
        assert!(has(&span["attributes"], "gen_ai.provider.name", "openai"), "{span}");
        drop(node);
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}

#[test]
fn the_line_of_a_call_has_no_member_that_the_documentation_does_not_list() {
    let page = include_str!("../../../../docs/logs.md");
    let folder = folder("log-line");
    let mut node = Node::configured(&folder, &config("router_settings: {num_retries: 0}\n"), &[]);
    for (model, message) in [("one", "answered"), ("down", "failed")] {
        node.post("/v1/chat/completions", MASTER, &chat(model)).expect("it answers");
        let line = node.run.line(message);
        assert_eq!((&line["target"], &line["model"]), (&json!("llm_gateway::call"), &json!(model)));
        for member in line.as_object().expect("an object").keys() {
            assert!(page.contains(&format!("`{member}`")), "docs/logs.md does not name `{member}`: {line}");
        }
    }
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
