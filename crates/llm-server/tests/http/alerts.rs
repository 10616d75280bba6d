//! Alerts of the built program: they arrive, they arrive once, and nobody waits for them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::money::{MASTER, Node, chat, folder, send};

/// The longest wait for something that must come.
const COMES: Duration = Duration::from_secs(20);

/// Somebody who wants to know.
pub(crate) struct Listener {
    pub(crate) url: String,
    told: Receiver<(String, Value)>,
}

impl Listener {
    /// Refuses so many messages before it takes the first one.
    pub(crate) fn start(refusals: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (sender, told) = sync_channel(100);
        thread::spawn(move || {
            for (count, socket) in listener.incoming().flatten().enumerate() {
                let Some(message) = take(socket, count >= refusals) else { continue };
                // The test has ended.
                if count >= refusals && sender.send(message).is_err() {
                    break;
                }
            }
        });
        Self { url, told }
    }

    pub(crate) fn next(&self) -> (String, Value) {
        self.told.recv_timeout(COMES).expect("an alert")
    }

    /// Nothing more comes within two seconds.
    pub(crate) fn is_quiet(&self) {
        let more = self.told.recv_timeout(Duration::from_secs(2));
        assert_eq!(more, Err(RecvTimeoutError::Timeout));
    }
}

/// Reads one message and answers it: its path and its body.
fn take(mut socket: TcpStream, takes_it: bool) -> Option<(String, Value)> {
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = if takes_it { "200 OK" } else { "503 Service Unavailable" };
    write!(socket, "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    Some((path, serde_json::from_slice(&body).ok()?))
}

fn config(models: &str, general: &str) -> String {
    format!(
        "model_list:\n  - model_name: one\n    litellm_params: {{model: mock/echo, input_cost_per_token: 0.00001, \
         output_cost_per_token: 0.00003}}\n{models}general_settings:\n  master_key: {MASTER}\n{general}"
    )
}

fn call(node: &Node, key: &str, model: &str) {
    let answer = node.post("/v1/chat/completions", key, &chat(model)).expect("it answers");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_soft_budget_that_is_crossed_is_told_once_to_everybody() {
    let folder = folder("soft");
    // The first message of each is refused, and comes again.
    let (slack, webhook) = (Listener::start(1), Listener::start(1));
    let (slack_url, webhook_url) = (format!("{}/services/hush", slack.url), format!("{}/llm", webhook.url));
    let variables = [("SLACK_WEBHOOK_URL", slack_url.as_str()), ("WEBHOOK_URL", &webhook_url)];
    let node = Node::configured(&folder, &config("", "  alerting: [slack, webhook]\n"), &variables);
    let key = node.key(&json!({"key_alias": "soft", "max_budget": 100, "soft_budget": 0.000001}));
    for _ in 0..10 {
        call(&node, &key, "one");
    }
    let (path, body) = webhook.next();
    assert_eq!(path, "/llm");
    assert_eq!((&body["event"], &body["event_group"]), (&json!("soft_budget_crossed"), &json!("key")));
    assert_eq!((&body["max_budget"], &body["key_alias"]), (&json!(100.0), &json!("soft")));
    assert_eq!(body["soft_budget"], json!(0.000001));
    assert!(body["spend"].as_f64().is_some_and(|spend| spend > 0.0), "{body}");
    assert_eq!(body["event_message"], "Key Budget: Soft Budget Crossed");
    let (path, body) = slack.next();
    assert_eq!(path, "/services/hush");
    let text = body["text"].as_str().expect("a text");
    assert!(text.contains("Soft Budget Crossed") && text.contains("key_alias: soft"), "{text}");
    assert!(!text.contains("what does it cost") && !text.contains(&key), "{text}");
    webhook.is_quiet();
    slack.is_quiet();
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn who_is_told_changes_with_the_configuration() {
    let folder = folder("told-later");
    let webhook = Listener::start(0);
    let mut node = Node::configured(&folder, &config("", ""), &[("WEBHOOK_URL", webhook.url.as_str())]);
    let soft = |name: &str| node.key(&json!({"key_alias": name, "max_budget": 100, "soft_budget": 0.000001}));
    let (before, during, after) = (soft("before"), soft("during"), soft("after"));
    call(&node, &before, "one");
    webhook.is_quiet();
    for (general, key) in [("  alerting: [webhook]\n", during), ("", after)] {
        std::fs::write(folder.join("config.yaml"), config("", general)).expect("written");
        node.run.signal(Signal::HUP);
        node.run.line("configuration read again");
        call(&node, &key, "one");
    }
    let (_, body) = webhook.next();
    assert_eq!(body["key_alias"], "during");
    webhook.is_quiet();
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_dead_deployment_and_a_slow_answer_are_told_once_however_many_calls_there_are() {
    let folder = folder("dead");
    let webhook = Listener::start(0);
    let dead = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let models = format!(
        "  - model_name: two\n    litellm_params: {{model: openai/gone, api_key: hush, api_base: 'http://{dead}/v1'}}\n    \
         model_info: {{id: gone-for-good}}\n  - {{model_name: two, litellm_params: {{model: mock/echo}}}}\n  \
         - {{model_name: slow, litellm_params: {{model: mock/delay-100ms}}}}\n"
    );
    let general = "  alerting: [webhook]\n  alerting_threshold: 0.05\n  alert_types: [outage_alerts, llm_too_slow]\n\
                   router_settings: {cooldown_time: 0.2, allowed_fails: 0}\n";
    let node = Node::configured(&folder, &config(&models, general), &[("WEBHOOK_URL", &webhook.url)]);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        call(&node, MASTER, "two");
    }
    let (_, down) = webhook.next();
    assert_eq!(down["event"], "deployment_down", "{down}");
    assert_eq!((&down["deployment"], &down["model"]), (&json!("gone-for-good"), &json!("two")));
    assert!(!down.to_string().contains("hush") && !down.to_string().contains("127.0.0.1"), "{down}");
    for _ in 0..3 {
        call(&node, MASTER, "slow");
    }
    let (_, slow) = webhook.next();
    assert_eq!((&slow["event"], &slow["model"]), (&json!("slow_response"), &json!("slow")), "{slow}");
    webhook.is_quiet();
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn nobody_waits_for_an_address_that_hangs() {
    let folder = folder("hangs");
    // It takes connections, and says nothing.
    let hangs = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", hangs.local_addr().expect("bound"));
    let mut node =
        Node::configured(&folder, &config("", "  alerting: [webhook]\n"), &[("WEBHOOK_URL", &url)]);
    let (mut longest, mut keys) = (Duration::ZERO, Vec::new());
    for _ in 0..20 {
        keys.push(node.key(&json!({"max_budget": 100, "soft_budget": 0.000001})));
    }
    for key in keys.iter().cycle().take(100) {
        let begun = Instant::now();
        call(&node, key, "one");
        longest = longest.max(begun.elapsed());
    }
    assert!(hangs.accept().is_ok(), "somebody was to be told");
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    let begun = Instant::now();
    node.run.signal(Signal::TERM);
    assert_eq!(node.run.end(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn who_is_told_is_set_while_the_gateway_runs_and_tried() {
    let folder = folder("set-alerts");
    let (webhook, slack) = (Listener::start(0), Listener::start(0));
    let address = format!("{}/llm?key=fabricated-secret", webhook.url);
    let node = Node::configured(&folder, &config("", ""), &[]);
    let ask = |what: &str, body: &Value| send(&node.address, what, MASTER, body).expect("it answers");
    let try_out = |way: &str| ask(&format!("GET /health/services?service={way}"), &json!({}));
    assert_eq!(try_out("webhook").status, 400, "nobody is told yet");

    let wanted = json!({"general_settings": {"alerting": ["webhook"], "alert_types": ["budget_alerts"]},
                        "environment_variables": {"WEBHOOK_URL": address}});
    let changed = ask("POST /config/update", &wanted);
    assert_eq!(changed.status, 200, "{}", changed.body);
    let tried = try_out("webhook");
    assert_eq!((tried.status, &tried.json()["status"]), (200, &json!("success")), "{}", tried.body);
    let (path, body) = webhook.next();
    assert_eq!((path.as_str(), &body["event"]), ("/llm?key=fabricated-secret", &json!("test_alert")));
    assert_eq!((try_out("slack").status, try_out("pigeon").status), (400, 422));
    let key = node.key(&json!({"max_budget": 100, "soft_budget": 0.000001}));
    call(&node, &key, "one");
    assert_eq!(webhook.next().1["event"], "soft_budget_crossed");

    // Of addresses people see the hosts; what is sent back as it was shown stays what it is.
    let settings = ask("GET /alerting/settings", &json!({})).body;
    assert!(
        settings.contains(&format!("{}/***", webhook.url)) && !settings.contains("fabricated"),
        "{settings}"
    );
    let again = json!({"environment_variables": {"WEBHOOK_URL": format!("{}/***", webhook.url)}});
    assert_eq!(ask("POST /config/update", &again).status, 200);
    assert_eq!(try_out("webhook").status, 200);
    assert_eq!(webhook.next().0, "/llm?key=fabricated-secret");
    let audit = ask("GET /audit", &json!({})).body;
    assert!(audit.contains("config/alerting") && !audit.contains("fabricated"), "{audit}");

    for wrong in [
        json!({"general_settings": {"alerting": ["email"]}}),
        json!({"general_settings": {"alerting": ["slack"]}}),
        json!({"general_settings": {"master_key": "sk-other"}}),
        json!({"environment_variables": {"PATH": "/tmp"}}),
        json!({"environment_variables": {"WEBHOOK_URL": "nowhere"}}),
    ] {
        let refused = ask("POST /config/update", &wrong);
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.body);
    }
    let both = json!({"general_settings": {"alerting": ["slack"]}, "environment_variables": {"SLACK_WEBHOOK_URL": slack.url}});
    assert_eq!(ask("POST /config/update", &both).status, 200);
    assert_eq!((try_out("slack").status, try_out("webhook").status), (200, 400));
    assert!(slack.next().1["text"].as_str().is_some_and(|text| text.contains("This is a test")));
    let back = json!({"general_settings": {"alerting": null, "alert_types": null}, "environment_variables": {"SLACK_WEBHOOK_URL": null, "WEBHOOK_URL": null}});
    assert_eq!(ask("POST /config/update", &back).status, 200);
    assert_eq!(try_out("slack").status, 400, "nobody is told again");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
