//! Requests, tokens and money: what was used is what is shown, to the last digit.

use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::raw::dead_address;
use end_to_end::said::{Said, Tokens};
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::json;

/// The sum of a metric's samples whose labels contain all of these.
fn total(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let samples =
        metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "));
    let matching = samples.filter(|(own, _)| labels.iter().all(|label| own.contains(label)));
    matching.map(|(_, value)| value.parse::<f64>().expect("samples are numbers")).sum()
}

/// The text of the only sample of a metric with this label.
fn text<'a>(metrics: &'a str, name: &str, label: &str) -> &'a str {
    let lines = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    let values: Vec<&str> = lines.filter_map(|line| line.split("} ").nth(1)).collect();
    let [value] = values.as_slice() else { panic!("{name} has {} samples with {label}", values.len()) };
    value
}

/// Prices that no binary fraction holds.
fn priced(name: &str, vendor: Dialect, url: &str) -> Deployment {
    Deployment::new(name, vendor, url)
        .id(name)
        .with("input_cost_per_token: 0.0000003")
        .with("cache_read_input_token_cost: 0.00000007")
        .with("output_cost_per_token: 0.0000011")
}

#[tokio::test]
async fn requests_tokens_and_spend_add_up_exactly() {
    let tokens = Tokens { input: 60, cached: 40, output: 12, reasoning: 8 };
    // 60 x 300 + 40 x 70 + 20 x 1100 nano-dollars.
    let cost = 42_800_u64;
    for vendor in DIALECTS {
        let said = Said { tokens, ..Said::text("ok") };
        // Clients of all dialects in turn, whole and then streamed.
        let answers =
            DIALECTS.into_iter().flat_map(|_| [false, true]).map(|stream| vendor.answer(&said, stream));
        let server = ScriptedVendor::start(answers).await;
        let stage = Stage::of(&[priced("public", vendor, &server.url())]);
        for client in DIALECTS {
            for stream in [false, true] {
                let answer = stage.post(client.path(), &client.ask("public", "Hi", stream)).await;
                assert!(client.hear(&answer, stream).complete);
                if !stream {
                    assert_eq!(
                        answer.header("x-litellm-response-cost"),
                        Some("0.0000428"),
                        "{client:?} to {vendor:?}"
                    );
                }
            }
        }
        let metrics = stage.get("/metrics").await;
        let metrics = metrics.text();
        for (name, expected) in [
            ("litellm_deployment_total_requests_total", 6.0),
            ("litellm_deployment_success_responses_total", 6.0),
            ("litellm_input_tokens_metric_total", 600.0),
            ("litellm_output_tokens_metric_total", 120.0),
            ("litellm_total_tokens_metric_total", 720.0),
            ("litellm_input_cached_tokens_metric_total", 240.0),
        ] {
            assert_eq!(total(metrics, name, &["model_id=\"public\""]), expected, "{vendor:?}: {name}");
        }
        assert_eq!(
            text(metrics, "litellm_spend_metric_total", "model_id=\"public\""),
            "0.0002568",
            "{vendor:?}"
        );
        assert_eq!(
            total(metrics, "litellm_proxy_total_requests_metric_total", &["status_code=\"200\""]),
            6.0
        );
        for client in DIALECTS {
            let route = format!("route=\"{}\"", client.path());
            assert_eq!(
                total(metrics, "litellm_proxy_total_requests_metric_total", &[&route]),
                2.0,
                "{client:?}"
            );
        }
        let status = stage.get("/v1/providers/status").await.json();
        assert_eq!(status["providers"][0]["total_cost"], "0.0002568", "{status}");
        assert_eq!(6 * cost, 256_800);
        assert_eq!(status["providers"][0]["total_tokens"], 720, "{status}");
    }
}

#[tokio::test]
async fn failures_are_counted_where_they_belong() {
    let server = ScriptedVendor::start([Dialect::Chat.answer(&Said::text("ok"), false)]).await;
    let limited = Answer::json(429, Dialect::Chat.vendor_error("rate_limit_error", "slow").to_string());
    let limited = ScriptedVendor::start([limited]).await;
    let deployments = [
        priced("dead", Dialect::Chat, &dead_address().await),
        priced("limited", Dialect::Chat, &limited.url()),
        priced("good", Dialect::Chat, &server.url()),
    ];
    let stage =
        Stage::start(&configuration(&deployments, "num_retries: 0\nfallbacks: [{dead: [limited, good]}]"));
    let path = "/v1/chat/completions";
    assert_eq!(stage.post(path, &Dialect::Chat.ask("dead", "Hi", false)).await.status, 200);
    assert_eq!(stage.post(path, &Dialect::Chat.ask("limited", "Hi", false)).await.status, 429);
    assert_eq!(stage.post(path, &Dialect::Chat.ask("no-such", "Hi", false)).await.status, 400);
    assert_eq!(stage.post(path, &json!({"model": 7})).await.status, 400);

    let metrics = stage.get("/metrics").await;
    let metrics = metrics.text();
    let failures = |id: &str, class: &str| {
        let labels = [format!("model_id=\"{id}\""), format!("exception_class=\"{class}\"")];
        total(metrics, "litellm_deployment_failure_responses_total", &labels.each_ref().map(String::as_str))
    };
    assert_eq!(
        (failures("dead", "connection"), failures("limited", "rate_limited")),
        (1.0, 2.0),
        "{metrics}"
    );
    assert_eq!(total(metrics, "litellm_deployment_success_responses_total", &["model_id=\"good\""]), 1.0);
    let requests = |status: &str| {
        total(metrics, "litellm_proxy_total_requests_metric_total", &[&format!("status_code=\"{status}\"")])
    };
    assert_eq!((requests("200"), requests("429"), requests("400")), (1.0, 1.0, 2.0), "{metrics}");
    assert_eq!(total(metrics, "litellm_proxy_failed_requests_metric_total", &[]), 3.0);
    assert!(!metrics.contains("no-such"), "clients cannot make series");
}

#[tokio::test]
async fn metrics_are_in_the_text_format() {
    let server = ScriptedVendor::start([Dialect::Chat.answer(&Said::text("ok"), false)]).await;
    let stage = Stage::of(&[priced("public", Dialect::Chat, &server.url())]);
    stage.post("/v1/chat/completions", &Dialect::Chat.ask("public", "Hi", false)).await;
    let answer = stage.get("/metrics").await;
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    let mut known = "";
    for line in answer.text().lines().filter(|line| !line.is_empty()) {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            known = kind.split(' ').next().unwrap_or_default();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(known), "samples follow their type: {line}");
            let value = line.rsplit(' ').next().unwrap_or_default();
            assert!(value.parse::<f64>().is_ok(), "a sample ends with a number: {line}");
        }
    }
}

#[tokio::test]
async fn what_passes_as_it_is_tells_its_cost_where_it_comes_whole() {
    let body = Dialect::Chat.ask("gpt-4o-mini", "Hi", false);
    let answers = [
        Dialect::Chat.answer(&Said::text("ok"), false),
        Answer::json(200, r#"{"id":"file-1"}"#),
        Dialect::Chat.answer(&Said::text("ok"), true),
    ];
    let server = ScriptedVendor::start(answers).await;
    let stage = Stage::of(&[priced("public", Dialect::Chat, &server.url())]);
    let whole = stage.post("/openai_passthrough/v1/chat/completions", &body).await;
    let cost = whole.header("x-litellm-response-cost").expect("a cost");
    assert!(cost.parse::<f64>().is_ok_and(|cost| cost > 0.0), "{cost}");
    let other = stage.post("/openai_passthrough/v1/things", &json!({"model": "gpt-4o-mini"})).await;
    assert_eq!((other.status, other.header("x-litellm-response-cost")), (200, None), "nothing was used");
    let stream = stage.post("/openai_passthrough/v1/chat/completions", &body).await;
    assert!(stream.text().contains("data: [DONE]"), "{}", stream.text());
    assert_eq!(stream.header("x-litellm-response-cost"), None);
}
