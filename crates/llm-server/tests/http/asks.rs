//! What tests ask a gateway, and how they wait for what comes later.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use llm_governance::{Day, Ledger as _, LedgerRow, Timestamp};
use llm_store::{Journal, JournalSettings};
use serde_json::{Value, json};

use crate::money::{Answer, MASTER, Node, send};

/// The longest wait for something that must come.
const COMES: Duration = Duration::from_secs(20);

impl Node {
    /// Looks at a path with a key.
    pub(crate) fn get(&self, path: &str, key: &str) -> Answer {
        send(&self.address, &format!("GET {path}"), key, &json!({})).expect("it answers")
    }

    /// What an administrator sees there.
    pub(crate) fn look(&self, path: &str) -> Value {
        let answer = self.get(path, MASTER);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// What an administrator makes or changes.
    pub(crate) fn manage(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, MASTER, body).expect("it answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// A chat request with a key.
    pub(crate) fn ask(&self, key: &str, body: &Value) -> Answer {
        self.post("/v1/chat/completions", key, body).expect("it answers")
    }

    /// The rows of calls, the latest first, as soon as there are so many.
    pub(crate) fn rows(&self, count: usize) -> Vec<Value> {
        self.rows_of("", count)
    }

    /// The same of a key.
    pub(crate) fn rows_of(&self, key: &str, count: usize) -> Vec<Value> {
        let path = format!("/spend/logs/v2?page_size=1000&api_key={key}");
        eventually("all rows", || {
            let rows = self.look(&path)["data"].as_array().cloned().expect("a list");
            assert!(rows.len() <= count, "{} rows for {count} calls", rows.len());
            (rows.len() == count).then_some(rows)
        })
    }
}

/// What comes in the end.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < COMES, "{what} did not come");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// A request whose answer is read as it comes.
pub(crate) struct Reading {
    socket: TcpStream,
    pub(crate) read: String,
}

impl Reading {
    /// Asks for a chat.
    pub(crate) fn begin(node: &Node, key: &str, body: &Value) -> Self {
        let mut socket = TcpStream::connect(&node.address).expect("it listens");
        socket.set_read_timeout(Some(COMES)).expect("a socket");
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nconnection: \
             close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(head.as_bytes()).expect("it reads");
        Self { socket, read: String::new() }
    }

    /// Reads until these words came; what is behind them is still there.
    pub(crate) fn until(mut self, words: &str) -> Self {
        while !self.read.contains(words) {
            let mut byte = [0];
            let count = self.socket.read(&mut byte).expect("it comes");
            assert_ne!(count, 0, "the answer ended before `{words}`: {}", self.read);
            self.read.push(char::from(byte[0]));
        }
        self
    }
}

/// Money of JSON in nano-dollars.
pub(crate) fn nanos(dollars: &Value) -> i64 {
    let dollars = dollars.as_f64().unwrap_or_else(|| panic!("no dollars: {dollars}"));
    #[expect(clippy::cast_possible_truncation, reason = "tests cost little")]
    let nanos = (dollars * 1e9).round() as i64;
    nanos
}

/// `start_date` and `end_date` of a query that has today, also where the day ends during the test.
pub(crate) fn around_today() -> String {
    let today = Day::of(Timestamp::now());
    format!("start_date={}&end_date={}", Day(today.0 - 1), Day(today.0 + 1))
}

/// Puts rows into the journal of a gateway that does not run: it books them at its start.
pub(crate) fn leave_rows(folder: &Path, rows: impl IntoIterator<Item = LedgerRow>) {
    let journal = Journal::open(JournalSettings::new(folder.join("data/journal"))).expect("it opens");
    for row in rows {
        journal.record(&row.borrowed()).expect("there is room");
    }
}
