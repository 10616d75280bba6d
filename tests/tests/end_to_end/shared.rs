//! Several gateways with one Redis, as their clients meet them: one limit for all, one bench for all, and a Redis that
//! dies without anybody noticing.

use std::time::{Duration, Instant};

use end_to_end::stage::Stage;
use futures_util::future::join_all;
use llm_testkit::redis::RedisServer;
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";

/// A gateway with these deployments, connected to Redis.
async fn gateway(redis: &RedisServer, deployments: &str) -> Stage {
    gateway_with(redis, deployments, "").await
}

async fn gateway_with(redis: &RedisServer, deployments: &str, settings: &str) -> Stage {
    let stage = Stage::start(&format!(
        "model_list: [{deployments}]\nrouter_settings: {{{settings}num_retries: 0, redis_host: 127.0.0.1, redis_port: {}, \
         redis_timeout: 0.5}}\n",
        redis.port()
    ));
    link_becomes(&stage, "connected").await;
    stage
}

async fn link_becomes(stage: &Stage, link: &str) {
    let began = Instant::now();
    while stage.get("/health/readiness").await.json()["redis"] != link {
        assert!(began.elapsed() < Duration::from_secs(15), "redis is not {link}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn chat(stage: &Stage, model: &str) -> u16 {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
    stage.post(CHAT, &body).await.status
}

async fn status_of(stage: &Stage, id: &str) -> String {
    let status = stage.get("/v1/providers/status").await.json();
    let providers = status["providers"].as_array().expect("a list");
    let found = providers.iter().find(|one| one["model_id"] == id).expect("it is served");
    found["status"].as_str().expect("a word").to_owned()
}

#[tokio::test]
async fn three_gateways_let_through_together_what_one_may() {
    let name = "three_gateways_let_through_together_what_one_may";
    let Some(redis) = RedisServer::start(name) else { return };
    let limited = "{model_name: m, litellm_params: {model: mock/echo, rpm: 20}}, \
                   {model_name: two, litellm_params: {model: mock/echo, rpm: 15, order: 1}}, \
                   {model_name: two, litellm_params: {model: mock/echo, rpm: 10, order: 2}}";
    let stages =
        [gateway(&redis, limited).await, gateway(&redis, limited).await, gateway(&redis, limited).await];
    for (model, most) in [("m", 20), ("two", 25)] {
        let calls = (0..60).map(|turn| chat(&stages[turn % 3], model));
        let statuses = join_all(calls).await;
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(200), count(429)), (most, 60 - most), "{model}");
    }
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let refused = stages[1].post(CHAT, &body).await;
    let wait: u64 = refused.header("retry-after").expect("it is known").parse().expect("seconds");
    assert!((40..=61).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_call_waits_for_the_slot_of_another_gateway() {
    let name = "a_call_waits_for_the_slot_of_another_gateway";
    let Some(redis) = RedisServer::start(name) else { return };
    let one_slot =
        "{model_name: m, litellm_params: {model: mock/echo-delay-400ms, max_parallel_requests: 1}}";
    let patient = "queue_timeout: 5, ";
    let (one, other) =
        (gateway_with(&redis, one_slot, patient).await, gateway_with(&redis, one_slot, patient).await);
    let began = Instant::now();
    let statuses = join_all([chat(&one, "m"), chat(&other, "m"), chat(&one, "m")]).await;
    assert_eq!(statuses, [200; 3]);
    assert!(began.elapsed() >= Duration::from_millis(1_200), "one at a time: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_failed_for_one_gateway_is_left_alone_by_the_other() {
    let name = "what_failed_for_one_gateway_is_left_alone_by_the_other";
    let Some(redis) = RedisServer::start(name) else { return };
    let deployments = "{model_name: m, model_info: {id: sick}, litellm_params: {model: mock/error-500, order: 1}}, \
                       {model_name: m, model_info: {id: well}, litellm_params: {model: mock/echo, order: 2}}";
    let (one, other) = (gateway(&redis, deployments).await, gateway(&redis, deployments).await);
    for _ in 0..4 {
        assert_eq!(chat(&one, "m").await, 200);
    }
    assert_eq!(status_of(&one, "sick").await, "cooling_down");
    let began = Instant::now();
    while status_of(&other, "sick").await != "cooling_down" {
        assert!(began.elapsed() < Duration::from_secs(1), "the other one has not heard of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status_of(&other, "well").await, "healthy");
}

#[tokio::test]
async fn a_redis_that_dies_is_noticed_by_monitors_and_by_no_client() {
    let name = "a_redis_that_dies_is_noticed_by_monitors_and_by_no_client";
    let Some(mut redis) = RedisServer::start(name) else { return };
    let deployment =
        "{model_name: m, litellm_params: {model: mock/echo, rpm: 100000, max_parallel_requests: 50}}";
    let stage = gateway(&redis, deployment).await;
    let connected = |metrics: &str, value| metrics.contains(&format!("\nllm_redis_connected {value}\n"));
    assert!(connected(stage.get("/metrics").await.text(), 1));
    let mut statuses = Vec::new();
    for turn in 0..60 {
        if turn == 20 {
            redis.kill();
        }
        statuses.extend(join_all((0..10).map(|_| chat(&stage, "m"))).await);
    }
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    link_becomes(&stage, "gone").await;
    assert_eq!(stage.get("/v1/providers/status").await.json()["redis"], "gone");
    assert!(connected(stage.get("/metrics").await.text(), 0));
    redis.resume();
    link_becomes(&stage, "connected").await;
    assert_eq!(chat(&stage, "m").await, 200);
}
