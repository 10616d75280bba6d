//! Deployments that fail are left alone and come back: what clients, vendors, monitors and the log see of it.

use std::time::{Duration, Instant};

use end_to_end::dialect::Dialect;
use end_to_end::logs;
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

const CHAT: Dialect = Dialect::Chat;

fn fine() -> Answer {
    CHAT.answer(&Said::text("I am here."), false)
}

fn error(status: u16, kind: &str) -> Answer {
    Answer::json(status, CHAT.vendor_error(kind, "no").to_string())
}

async fn ask(stage: &Stage, model: &str) -> end_to_end::client::Answer {
    stage.post(CHAT.path(), &CHAT.ask(model, "Hi", false)).await
}

/// The status entry of a deployment.
async fn status_of(stage: &Stage, id: &str) -> Value {
    let status = stage.get("/v1/providers/status").await.json();
    let all = status["providers"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["model_id"] == id).expect("it is listed")
}

/// The value of a metric's line that has these words.
async fn metric(stage: &Stage, name: &str, words: &[&str]) -> Option<String> {
    let page = stage.get("/metrics").await;
    let text = page.text();
    let is_it = |line: &&str| line.starts_with(name) && words.iter().all(|word| line.contains(word));
    text.lines().find(is_it).and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
}

/// A primary and its fallback.
fn pair(primary: &ScriptedVendor, backup: &ScriptedVendor, id: &str, router: &str) -> Stage {
    let deployments = [
        Deployment::new("primary", CHAT, &primary.url()).id(id),
        Deployment::new("backup", CHAT, &backup.url()),
    ];
    let router = format!("num_retries: 0\nfallbacks: [{{primary: [backup]}}]\n{router}");
    Stage::start(&configuration(&deployments, &router))
}

#[tokio::test]
async fn a_dead_primary_gets_two_attempts_in_fifteen_requests_at_most() {
    let dead = ScriptedVendor::start([error(503, "server_error")]).await;
    let backup = ScriptedVendor::start([fine()]).await;
    let stage = pair(&dead, &backup, "dead-primary", "");
    for _ in 0..3 {
        assert_eq!(ask(&stage, "primary").await.status, 200);
    }
    let status = status_of(&stage, "dead-primary").await;
    assert_eq!((&status["status"], &status["last_error"]), (&json!("cooling_down"), &json!("overloaded")));
    let seconds = status["cooldown_until_seconds"].as_f64().expect("a time");
    assert!(seconds > 3.0 && seconds <= 5.0, "{seconds}");

    let before = dead.requests().len();
    for _ in 0..15 {
        let answer = ask(&stage, "primary").await;
        assert_eq!((answer.status, answer.header("x-litellm-model-group")), (200, Some("backup")));
    }
    assert!(dead.requests().len() - before <= 2);
    assert_eq!(metric(&stage, "litellm_deployment_state", &["dead-primary"]).await.as_deref(), Some("2"));
    let counted = metric(&stage, "litellm_deployment_cooled_down_total", &["dead-primary", "\"503\""]).await;
    assert_eq!(counted.as_deref(), Some("1"));
    let lines = logs::lines_with("dead-primary");
    let told: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("llm_gateway::health") && line.contains("cooling down"))
        .collect();
    assert_eq!(told.len(), 1, "once per change: {told:?}");
    assert!(told[0].contains("WARN") && told[0].contains("overloaded"), "{told:?}");
}

#[tokio::test]
async fn a_flapping_primary_is_never_noticed_and_back_when_it_is_well() {
    // Down, up for a moment, down again, then well. The fallback answers throughout.
    let down = || error(500, "server_error");
    let script = [down(), down(), down(), fine(), fine(), down(), down(), down(), fine()];
    let primary = ScriptedVendor::start(script).await;
    let backup = ScriptedVendor::start([fine()]).await;
    let times = "cooldown_time: 0.2\nmax_cooldown_time: 0.8\nslow_start_time: 0";
    let stage = pair(&primary, &backup, "flapping", times);
    let began = Instant::now();
    let mut groups = Vec::new();
    while began.elapsed() < Duration::from_secs(6) {
        let answer = ask(&stage, "primary").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        groups.push(answer.header("x-litellm-model-group").unwrap_or_default().to_owned());
        if groups.ends_with(&["primary".to_owned(), "primary".into(), "primary".into()]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "back after {:?}", began.elapsed());
    let failed = primary.requests().len() - groups.iter().filter(|group| *group == "primary").count();
    assert_eq!(failed, 6, "each of its failures was asked for once, probes counted");
    assert_eq!(status_of(&stage, "flapping").await["status"], "healthy");
    let recovered = logs::lines_with("flapping").into_iter().filter(|line| line.contains("in use again"));
    assert_eq!(recovered.count(), 2, "once for each time that it came back");
}

#[tokio::test]
async fn the_vendors_hint_is_kept_to() {
    let limited = error(429, "rate_limit_error").header("retry-after", "30");
    let (first, second) = (ScriptedVendor::start([limited]).await, ScriptedVendor::start([fine()]).await);
    let deployments = [
        Deployment::new("public", CHAT, &first.url()).id("limited").with("order: 0"),
        Deployment::new("public", CHAT, &second.url()).with("order: 1"),
    ];
    let stage = Stage::start(&configuration(&deployments, "num_retries: 1"));
    for _ in 0..10 {
        assert_eq!(ask(&stage, "public").await.status, 200);
    }
    assert_eq!(first.requests().len(), 1);
    let seconds = status_of(&stage, "limited").await["cooldown_until_seconds"].as_f64().expect("a time");
    assert!((28.0..=30.0).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_bad_key_is_shown_once_for_all_its_deployments() {
    let bad = ScriptedVendor::start([error(401, "authentication_error")]).await;
    let good = ScriptedVendor::start([fine()]).await;
    let of =
        |name: &str, url: &str, order: u8| Deployment::new(name, CHAT, url).with(&format!("order: {order}"));
    let deployments = [
        of("one", &bad.url(), 0),
        of("one", &good.url(), 1),
        of("two", &bad.url(), 0),
        of("two", &good.url(), 1),
    ];
    let stage = Stage::start(&configuration(&deployments, "num_retries: 1"));
    for name in ["one", "two", "one", "two"] {
        assert_eq!(ask(&stage, name).await.status, 200);
    }
    assert_eq!(bad.requests().len(), 1);
}

#[tokio::test]
async fn a_clients_own_mistake_harms_nobody() {
    for (status, kind) in
        [(400, "invalid_request_error"), (404, "previous_response_not_found"), (413, "too_large")]
    {
        let script = std::iter::repeat_n(error(status, kind), 12).chain([fine()]);
        let vendor = ScriptedVendor::start(script).await;
        let stage = pair(&vendor, &ScriptedVendor::start([fine()]).await, "mistaken", "");
        for _ in 0..12 {
            ask(&stage, "primary").await;
        }
        assert_eq!(vendor.requests().len(), 12, "{status} {kind}");
        assert_eq!(status_of(&stage, "mistaken").await["status"], "healthy", "{status} {kind}");
        assert_eq!(ask(&stage, "primary").await.header("x-litellm-model-group"), Some("primary"));
    }
}

#[tokio::test]
async fn a_lone_deployment_stays_in_use_unless_a_policy_says_otherwise() {
    let broken = ScriptedVendor::start([error(500, "server_error")]).await;
    let deployments = [Deployment::new("public", CHAT, &broken.url())];
    let stage = Stage::start(&configuration(&deployments, "num_retries: 0"));
    for _ in 0..6 {
        assert_eq!(ask(&stage, "public").await.status, 500, "the vendor's own answer");
    }
    assert_eq!(broken.requests().len(), 6);

    let policy =
        "num_retries: 0\ncooldown_time: 20\nallowed_fails_policy: {InternalServerErrorAllowedFails: 1}";
    let stage = Stage::start(&configuration(&deployments, policy));
    for status in [500, 500, 429, 429] {
        let answer = ask(&stage, "public").await;
        assert_eq!(answer.status, status, "{}", answer.text());
        if status == 429 {
            let wait: u64 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
            assert!((18..=20).contains(&wait), "{wait}");
            assert_eq!(answer.json()["error"]["code"], "all_deployments_in_cooldown");
        }
    }
    assert_eq!(broken.requests().len(), 8);
}
