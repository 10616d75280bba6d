//! A primary that is down, and one that is up and down, under steady load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use serde_json::json;

use super::clients::DIALECTS;
use super::processes::{Deployment, Process, configuration};
use super::scenarios::ECHO;

/// A primary and its fallback, in front of vendors of their own.
fn pair(vendor: &Process, model: &str, router: &str) -> Process {
    let of = |id, model| Deployment {
        group: id,
        id,
        vendor: "openai",
        model,
        at: vendor.address,
        more: "weight: 1",
    };
    let router = format!("num_retries: 0, fallbacks: [{{primary: [backup]}}], {router}");
    Process::gateway(&configuration(&[of("primary", model), of("backup", "echo")], &router))
}

#[tokio::test]
async fn a_dead_primary_is_asked_twice_in_fifteen_requests_at_most() {
    let vendor = Process::vendor();
    let gateway = pair(&vendor, "error-503-after-none", "timeout: 10");
    let mut asked = Vec::new();
    for number in 0..45 {
        let (client, stream) = (DIALECTS[number % 2], number % 3 == 0);
        let answer = gateway.call(client.ask("primary", stream, &json!({}))).await;
        assert!(client.hear(&answer, stream).complete, "{}", answer.body);
        assert_eq!(answer.header("x-litellm-model-group"), Some("backup"));
        asked.push(gateway.status("primary").await["attempts"].as_u64().expect("a number"));
    }
    let opened = asked.iter().position(|attempts| *attempts == 3).expect("three failures in a row open it");
    for window in asked.get(opened..).expect("in range").windows(16) {
        assert!(window[15] - window[0] <= 2, "{asked:?}");
    }
    let status = gateway.status("primary").await;
    assert_eq!((&status["total_tokens"], &status["last_error"]), (&json!(0), &json!("overloaded")));
}

/// How a primary flaps, and how the gateway is told to bear it.
struct Flapping {
    /// How often it goes down.
    times: usize,
    down: Duration,
    up: Duration,
    router: &'static str,
    /// In which time it must be back once it stays up.
    back: Duration,
}

/// Steady load on a primary whose process dies and is started again. Every answer is whole; those that the primary does
/// not give come from the fallback. The load ends when the primary is back for good.
async fn bear(flapping: &Flapping) {
    let (mut primary, backup) = (Some(Process::vendor()), Process::vendor());
    let at = primary.as_ref().map(|primary| primary.address).expect("it is up");
    let of = |id, at| Deployment { group: id, id, vendor: "openai", model: "echo", at, more: "weight: 1" };
    let router = format!(
        "num_retries: 0, mid_stream: restart, fallbacks: [{{primary: [backup]}}], {}",
        flapping.router
    );
    let gateway =
        &Process::gateway(&configuration(&[of("primary", at), of("backup", backup.address)], &router));
    let is_steady = AtomicBool::new(true);
    let load = steady_load(gateway, &is_steady);
    let fate = async {
        for _ in 0..flapping.times {
            tokio::time::sleep(flapping.up).await;
            primary = None;
            tokio::time::sleep(flapping.down).await;
            primary = Some(Process::vendor_at(at));
        }
        let since = Instant::now();
        while gateway.status("primary").await["status"] != "healthy" {
            assert!(since.elapsed() < flapping.back, "not back after {:?}", since.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let back = since.elapsed();
        tokio::time::sleep(Duration::from_millis(300)).await;
        is_steady.store(false, Ordering::Relaxed);
        back
    };
    let (answers, back) = tokio::join!(load, fate);
    check(flapping, gateway, &answers, back).await;
}

/// Twenty requests a second; who answered each, in the order in which they were asked.
async fn steady_load(gateway: &Process, goes_on: &AtomicBool) -> Vec<bool> {
    let mut under_way = FuturesOrdered::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let mut answers = Vec::new();
    let mut number = 0;
    while goes_on.load(Ordering::Relaxed) {
        tokio::select! {
            Some(answer) = under_way.next(), if !under_way.is_empty() => answers.push(answer),
            _ = ticks.tick() => {
                let (client, stream) = (DIALECTS[number % 2], number % 4 < 2);
                number += 1;
                under_way.push_back(async move {
                    let answer = gateway.call(client.ask("primary", stream, &json!({}))).await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let heard = client.hear(&answer, stream);
                    assert!(heard.complete && heard.text == ECHO, "{} {heard:?}", answer.head);
                    answer.header("x-litellm-model-group") == Some("primary")
                });
            }
        }
    }
    while let Some(answer) = under_way.next().await {
        answers.push(answer);
    }
    answers
}

async fn check(flapping: &Flapping, gateway: &Process, answers: &[bool], back: Duration) {
    let by_primary = answers.iter().filter(|primary| **primary).count();
    let (failures, status) =
        (gateway.metrics().await.failures("primary", ""), gateway.status("primary").await);
    let told = format!(
        "{} answers, {by_primary} of them by the primary, {failures} of its attempts failed; back after {back:?}",
        answers.len()
    );
    assert!(answers.ends_with(&[true, true, true]), "in use again: {told}");
    assert!(by_primary < answers.len(), "the fallback stood in: {told}");
    // Three open the breaker, some are under way then, and few are probes.
    let most = u32::try_from(flapping.times * 6).map(f64::from).expect("few");
    assert!(failures >= 3.0 && failures <= most, "{told}");
    let made = status["attempts"].as_f64().expect("a number");
    let answered = u32::try_from(by_primary).map(f64::from).expect("few");
    assert_eq!(made, failures + answered, "each attempt is accounted for: {told}");
}

#[tokio::test]
async fn a_flapping_primary_is_never_noticed() {
    bear(&Flapping {
        times: 3,
        down: Duration::from_millis(1500),
        up: Duration::from_millis(1200),
        router: "cooldown_time: 0.4, max_cooldown_time: 1.5, slow_start_time: 0",
        back: Duration::from_secs(3),
    })
    .await;
}

#[tokio::test]
#[ignore = "takes more than a minute; the same with short times runs always"]
async fn a_primary_that_flaps_for_a_minute_is_never_noticed() {
    bear(&Flapping {
        times: 5,
        down: Duration::from_secs(7),
        up: Duration::from_secs(5),
        router: "slow_start_time: 0",
        back: Duration::from_secs(30),
    })
    .await;
}
