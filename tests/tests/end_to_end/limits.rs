//! Limits of deployments, of money and of the gateway itself, as clients meet them.

use std::time::{Duration, Instant};

use end_to_end::client::Answer;
use end_to_end::stage::Stage;
use futures_util::future::join_all;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// A gateway with one mock model behind `m`, and more lines of its parameters and of the configuration.
fn stage(model: &str, params: &str, more: &str) -> Stage {
    Stage::start(&format!(
        "model_list: [{{model_name: m, litellm_params: {{model: mock/{model}, {params}}}}}]\n{more}"
    ))
}

fn ask() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
}

fn ask_with(priority: i64) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "priority": priority})
}

async fn ask_at_once(stage: &Stage, bodies: &[Value]) -> Vec<Answer> {
    join_all(bodies.iter().map(|body| stage.post(CHAT, body))).await
}

fn number(answer: &Answer, header: &str) -> u64 {
    let value = answer.header(header).unwrap_or_else(|| panic!("{header}: {}", answer.text()));
    value.parse().expect("a number")
}

#[tokio::test]
async fn exactly_as_many_requests_a_minute_get_through_and_the_others_learn_when_to_come_back() {
    let stage = stage("echo", "rpm: 10", "router_settings: {num_retries: 2}\n");
    let answers = ask_at_once(&stage, &vec![ask(); 40]).await;
    let (answered, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((answered.len(), refused.len()), (10, 30));
    let mut left: Vec<u64> =
        answered.iter().map(|answer| number(answer, "x-ratelimit-remaining-requests")).collect();
    left.sort_unstable();
    assert_eq!(
        (left.first(), answered.iter().all(|one| number(one, "x-ratelimit-limit-requests") == 10)),
        (Some(&0), true)
    );
    for answer in refused {
        assert_eq!(answer.status, 429);
        assert!((50..=60).contains(&number(answer, "retry-after")));
        assert!(answer.text().contains("`rpm`"), "{}", answer.text());
    }
    let status = stage.get("/v1/providers/status").await.json();
    assert_eq!(status["providers"][0]["limits"]["requests_last_minute"], 10);
    assert_eq!(status["providers"][0]["limits"]["rpm"], 10);
    let metrics = stage.get("/metrics").await;
    let line = metrics.text().lines().find(|line| line.starts_with("litellm_deployment_rpm_limit{"));
    assert!(line.is_some_and(|line| line.ends_with(" 10")), "{line:?}");
}

#[tokio::test]
async fn tokens_are_reserved_before_and_settled_after() {
    let stage = stage("echo", "tpm: 100000", "");
    let body = json!({"model": "m", "max_tokens": 60_000, "messages": [{"role": "user", "content": "Hi"}]});
    for round in 1..=3 {
        let answer = stage.post(CHAT, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let used = answer.json()["usage"]["total_tokens"].as_u64().expect("usage");
        assert_eq!(number(&answer, "x-ratelimit-limit-tokens"), 100_000);
        assert_eq!(number(&answer, "x-ratelimit-remaining-tokens"), 100_000 - round * used);
    }
}

#[tokio::test]
async fn of_two_large_requests_at_once_one_is_too_many() {
    let stage = stage("echo-delay-300ms", "tpm: 100000", "router_settings: {num_retries: 0}\n");
    let body = json!({"model": "m", "max_tokens": 60_000, "messages": [{"role": "user", "content": "Hi"}]});
    let answers = ask_at_once(&stage, &[body.clone(), body]).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429]);
}

#[tokio::test]
async fn a_full_deployment_refuses_at_once_or_lets_wait_as_it_is_told() {
    let refusing = stage("echo-delay-200ms", "max_parallel_requests: 1", "");
    let answers = ask_at_once(&refusing, &vec![ask(); 3]).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 2);

    let patient =
        stage("echo-delay-200ms", "max_parallel_requests: 1", "router_settings: {queue_timeout: 20}\n");
    let began = Instant::now();
    let answers = ask_at_once(&patient, &vec![ask(); 4]).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "all get their turn");
    assert!(began.elapsed() >= Duration::from_millis(800), "one after the other");
}

#[tokio::test]
async fn a_stream_keeps_its_slot_until_its_client_goes_away() {
    let stage = stage("long-400-delay-20ms", "max_parallel_requests: 1", "");
    let streamed = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let mut client = stage.connect().await;
    let head = client.open(&end_to_end::request::Request::json(CHAT, &streamed)).await;
    assert_eq!(head.status, 200);
    assert_eq!(stage.post(CHAT, &streamed).await.status, 429);
    drop(client);
    let mut next = stage.connect().await;
    for _ in 0..100 {
        if next.open(&end_to_end::request::Request::json(CHAT, &streamed)).await.status == 200 {
            return;
        }
        next = stage.connect().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the slot never came back");
}

#[tokio::test]
async fn money_that_is_spent_is_not_spent_twice() {
    let params =
        "max_budget: 0.001, budget_duration: 1h, input_cost_per_token: 0.0001, output_cost_per_token: 0.0001";
    let stage = stage("echo", params, "router_settings: {num_retries: 0}\n");
    let mut body = ask();
    body["max_tokens"] = json!(2);
    let mut answered = 0;
    let refused = loop {
        let answer = stage.post(CHAT, &body).await;
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
        assert!(answered < 10, "a tenth of a cent is gone sooner");
    };
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.text().contains("`max_budget`") && number(&refused, "retry-after") <= 3_600);
    let status = stage.get("/v1/providers/status").await.json();
    let budget = &status["providers"][0]["limits"]["budgets"][0];
    assert_eq!(
        (&budget["name"], &budget["limit"], &budget["held"]),
        (&json!("max_budget"), &json!("0.001"), &json!("0.0"))
    );
}

#[tokio::test]
async fn a_full_gateway_turns_the_less_important_away_first() {
    let stage = stage("echo-delay-400ms", "weight: 1", "server: {max_parallel_requests: 4}\n");
    let six = vec![ask(); 6];
    let first = ask_at_once(&stage, &six);
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stage.post(CHAT, &ask_with(0)).await
    };
    let (answers, later) = tokio::join!(first, later);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 4);
    for answer in answers.iter().filter(|answer| answer.status != 200).chain([&later]) {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
    }
    let unimportant = ask_at_once(&stage, &vec![ask_with(9); 4]).await;
    assert_eq!(unimportant.iter().filter(|answer| answer.status == 200).count(), 2, "half of the places");
    assert!(ask_at_once(&stage, &vec![ask(); 4]).await.iter().all(|answer| answer.status == 200));
}
