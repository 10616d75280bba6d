//! Money and the built program: budgets that many calls want at once, and rows that survive a kill.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::entity::VirtualKey;
use llm_governance::{Directory as _, Period, Reports as _, Spent, Subject};
use llm_store::{Books, Database, DatabaseSettings, Entities};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::program::{Run, program};

pub(crate) const MASTER: &str = "sk-master-of-the-tests";

const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
general_settings: {master_key: sk-master-of-the-tests}
";

/// A gateway with a folder of its own.
pub(crate) struct Node {
    pub(crate) run: Run,
    pub(crate) address: String,
}

impl Node {
    fn start(folder: &Path) -> Self {
        Self::of(folder, CONFIG, &[])
    }

    /// With this configuration.
    pub(crate) fn start_with(folder: &Path, text: &str) -> Self {
        Self::of(folder, text, &[])
    }

    /// With this configuration, and these variables.
    pub(crate) fn configured(folder: &Path, text: &str, variables: &[(&str, &str)]) -> Self {
        let own: Vec<_> = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self::of(folder, text, &own)
    }

    /// With these variables.
    pub(crate) fn with(folder: &Path, variables: &[(&str, String)]) -> Self {
        Self::of(folder, CONFIG, variables)
    }

    fn of(folder: &Path, text: &str, variables: &[(&str, String)]) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for files");
        let config = folder.join("config.yaml");
        std::fs::write(&config, text).expect("a folder for files");
        let mut program = program(&["--port", "0", "--config", config.to_str().expect("text")]);
        program.env("LLM_DATA_DIRECTORY", folder.join("data")).env("LLM_HOST", "127.0.0.1");
        program.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut run = Run::of(program);
        let address = run.line("listening").get("address").and_then(Value::as_str).map(str::to_owned);
        Self { run, address: address.expect("an address") }
    }

    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Option<Answer> {
        post(&self.address, path, key, body)
    }

    /// A new key with these fields.
    pub(crate) fn key(&self, fields: &Value) -> String {
        let made = self.post("/key/generate", MASTER, fields).expect("it answers");
        assert_eq!(made.status, 200, "{}", made.body);
        made.json()["key"].as_str().expect("the key").to_owned()
    }
}

/// An answer that came whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
    }

    pub(crate) fn cost(&self) -> NanoDollars {
        let cost = self.header("x-litellm-response-cost").expect("the cost");
        NanoDollars::parse(cost).expect("dollars")
    }
}

/// `None` when the answer broke off.
fn post(address: &str, path: &str, key: &str, body: &Value) -> Option<Answer> {
    send(address, &format!("POST {path}"), key, body)
}

/// `None` when the answer broke off.
pub(crate) fn send(address: &str, what: &str, key: &str, body: &Value) -> Option<Answer> {
    let mut socket = TcpStream::connect(address).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let body = body.to_string();
    let head = format!(
        "{what} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body.as_bytes())).ok()?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    serde_json::from_str::<Value>(body).ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

pub(crate) fn chat(model: &str) -> Value {
    json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "what does it cost"}]})
}

/// A folder that no other test has.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

async fn store(folder: &Path) -> (Books, Entities) {
    let url = format!("sqlite:{}", folder.join("data/llm-server.db").display());
    let database = Database::open(&DatabaseSettings::new(Secret::new(url))).await.expect("it opens");
    (Books::new(database.clone()), Entities::new(database))
}

#[test]
fn a_budget_for_fifty_calls_serves_no_more_of_two_hundred_at_once() {
    let folder = folder("budget");
    let node = Node::start(&folder);
    let free = node.key(&json!({}));
    let cost = node.post("/v1/chat/completions", &free, &chat("one")).expect("it answers").cost();
    let cap = NanoDollars(cost.0 * 50);
    let dollars: f64 = cap.to_string().parse().expect("a number");
    let key = node.key(&json!({"max_budget": dollars}));
    let served = Mutex::new(Vec::new());
    let refused = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let answer = node.post("/v1/chat/completions", &key, &chat("one")).expect("it answers");
                    match answer.status {
                        200 => served.lock().push(answer.cost()),
                        422 => *refused.lock() += 1,
                        other => panic!("{other}: {}", answer.body),
                    }
                }
            });
        }
    });
    let served = served.into_inner();
    let spent: i64 = served.iter().map(|cost| cost.0).sum();
    assert!(served.len() <= 50 && served.len() >= 20, "{} were served", served.len());
    assert!(spent <= cap.0, "{spent} of {}", cap.0);
    assert_eq!(served.len() + *refused.lock(), 200);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_rate_limit_admits_exactly_its_number() {
    let folder = folder("rate");
    let node = Node::start(&folder);
    let key = node.key(&json!({"rpm_limit": 30}));
    let statuses = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let answer = node.post("/v1/chat/completions", &key, &chat("one")).expect("it answers");
                    if answer.status == 429 {
                        assert!(answer.header("retry-after").is_some(), "{}", answer.head);
                    }
                    statuses.lock().push(answer.status);
                }
            });
        }
    });
    let statuses = statuses.into_inner();
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(429)), (30, 70));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn every_answered_call_has_one_row_however_often_the_program_is_killed() {
    const ROUNDS: u64 = 20;
    let folder = folder("killed");
    let first = Node::start(&folder);
    let key = first.key(&json!({"key_alias": "killed"}));
    drop(first);
    let answered = Mutex::new(Vec::new());
    for round in 0..ROUNDS {
        let mut node = Node::start(&folder);
        let address = node.address.clone();
        let until = Instant::now() + Duration::from_millis(150 + round * 17 % 120);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while let Some(answer) = post(&address, "/v1/chat/completions", &key, &chat("one")) {
                        assert_eq!(answer.status, 200, "{}", answer.body);
                        let id = answer.header("x-litellm-call-id").expect("an id").to_owned();
                        answered.lock().push((id, answer.cost()));
                    }
                });
            }
            thread::park_timeout(until.saturating_duration_since(Instant::now()));
            node.run.child.kill().expect("it runs");
            node.run.child.wait().expect("it was started");
        });
    }
    // What the journal has is booked before the next life serves.
    let mut last = Node::start(&folder);
    last.run.child.kill().expect("it runs");
    drop(last);
    let answered = answered.into_inner();
    let ids: HashSet<&String> = answered.iter().map(|(id, _)| id).collect();
    assert!(ids.len() == answered.len() && answered.len() > 100, "{} answers", answered.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(check_rows(&folder, &answered));
    std::fs::remove_dir_all(folder).expect("it was there");
}

/// Each answer has its row with its cost, and what was spent is the sum of all rows, each counted once.
async fn check_rows(folder: &Path, answered: &[(String, NanoDollars)]) {
    let (books, entities) = store(folder).await;
    for (id, cost) in answered {
        let row = books.row(id).await.expect("an answer");
        assert_eq!(row.map(|row| row.cost), Some(*cost), "{id}");
    }
    let mut query = llm_governance::RowQuery { limit: 1_000, ..llm_governance::RowQuery::default() };
    let (mut sum, mut count) = (0, 0);
    loop {
        let page = books.rows(&query).await.expect("an answer");
        sum += page.rows.iter().map(|row| row.cost.0).sum::<i64>();
        count += page.rows.len();
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let everything =
        Spent { subject: Subject::global(), model: None, period: Period::EVER, amount: NanoDollars(0) };
    let mut spent = [everything];
    entities.spent(&mut spent).await.expect("an answer");
    assert_eq!(spent[0].amount.0, sum, "{count} rows for {} answers", answered.len());
    let keys: llm_governance::Page<VirtualKey> = llm_governance::Records::list(
        &entities,
        &llm_governance::ListQuery { limit: 10, ..llm_governance::ListQuery::default() },
    )
    .await
    .expect("an answer");
    assert_eq!(keys.total, 1);
}
