//! Rows that are kept for a time, rows that go into files, and rows as a file for whoever asks.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use llm_core::money::NanoDollars;
use llm_governance::{Day, KeyHash, LedgerRow, Timestamp};
use serde_json::{Value, json};

use crate::asks::{eventually, leave_rows, nanos};
use crate::money::{MASTER, Node, chat, folder};

fn config(general: &str, ledger: &str) -> String {
    let priced = "input_cost_per_token: 0.00001, output_cost_per_token: 0.00003";
    format!(
        "model_list: [{{model_name: one, litellm_params: {{model: mock/echo, {priced}}}}}]\n\
         general_settings: {{master_key: {MASTER}{general}}}\nledger: {{{ledger}}}\n"
    )
}

/// A row of so many days ago.
fn row(id: &str, days: i64) -> LedgerRow {
    LedgerRow {
        id: id.to_owned(),
        key: Some(KeyHash::of(id.as_bytes())),
        model: "one, or \"two\"".to_owned(),
        model_group: "one".to_owned(),
        customer: Some("=cmd()".to_owned()),
        cost: NanoDollars(1_000),
        started: Timestamp(Timestamp::now().0 - days * 86_400_000_000),
        status: 200,
        ..LedgerRow::default()
    }
}

/// The ids of rows, the oldest first.
fn ids(node: &Node) -> Vec<String> {
    let rows = node.look("/spend/logs/v2?page_size=100&sort_order=asc");
    let id = |row: &Value| row["litellm_call_id"].as_str().expect("an id").to_owned();
    rows["data"].as_array().expect("a list").iter().map(id).collect()
}

/// The head and the body of an answer that is no JSON.
fn bytes(node: &Node, key: &str, path: &str) -> (String, Vec<u8>) {
    let mut socket = TcpStream::connect(&node.address).expect("it listens");
    let head = format!("GET {path} HTTP/1.0\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n\r\n");
    socket.write_all(head.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it answers");
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).expect("text"), body)
}

/// The same where it is text.
fn text(node: &Node, key: &str, path: &str) -> (String, String) {
    let (head, body) = bytes(node, key, path);
    (head, String::from_utf8(body).expect("text"))
}

/// How often a text is a value of its own in a Parquet file.
fn times(file: &[u8], text: &str) -> usize {
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"), "{}", String::from_utf8_lossy(file));
    let value = [&u32::try_from(text.len()).expect("it is short").to_le_bytes(), text.as_bytes()].concat();
    file.windows(value.len()).filter(|part| **part == value).count()
}

fn lines(folder: &Path, days: i64, ending: &str) -> Vec<String> {
    let day = Day::of(row("", days).started);
    let text = std::fs::read_to_string(folder.join(format!("ledger-{day}.{ending}")));
    text.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}

/// What all days cost together.
fn of_days(node: &Node) -> i64 {
    let today = Day::of(Timestamp::now());
    let days = format!("start_date={}&end_date={}", Day(today.0 - 100), Day(today.0 + 1));
    nanos(&node.look(&format!("/user/daily/activity/aggregated?{days}"))["metadata"]["total_spend"])
}

#[test]
fn rows_go_after_a_time_and_their_sums_stay() {
    for (general, ledger) in
        [(", maximum_spend_logs_retention_period: 30d", ""), ("", "keep: 30d"), ("", "keep: 2w")]
    {
        let folder = folder("retention");
        leave_rows(&folder, [row("ancient", 90), row("old", 31), row("young", 10), row("new", 0)]);
        let node = Node::start_with(&folder, &config(general, ledger));
        eventually("the end of old rows", || (ids(&node) == ["young", "new"]).then_some(()));
        assert_eq!(of_days(&node), 4_000, "{general} {ledger}");
        assert_eq!(node.ask(MASTER, &chat("one")).status, 200);
        node.rows(3);
        drop(node);
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}

#[test]
fn rows_that_go_are_found_in_the_archive() {
    for format in ["jsonl", "csv"] {
        let folder = folder(&format!("archive-{format}"));
        let archive = folder.join("archive");
        leave_rows(&folder, [row("ancient", 90), row("old", 31), row("older", 31), row("new", 0)]);
        let ledger = format!("keep: 30d, archive: '{}', archive_format: {format}", archive.display());
        let node = Node::start_with(&folder, &config("", &ledger));
        eventually("the end of old rows", || (ids(&node) == ["new"]).then_some(()));
        let (one, two) = (lines(&archive, 90, format), lines(&archive, 31, format));
        if format == "csv" {
            assert!(one[0].starts_with("id,") && one[1].starts_with("ancient,"), "{one:?}");
            assert_eq!((one.len(), two.len()), (2, 3));
        } else {
            let kept: Vec<LedgerRow> =
                two.iter().map(|line| serde_json::from_str(line).expect("a row")).collect();
            assert_eq!((one.len(), kept.len()), (1, 2));
            assert!(kept.iter().all(|row| row.cost.0 == 1_000), "{kept:?}");
        }
        drop(node);
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}

#[test]
fn days_that_are_over_become_parquet_files() {
    let folder = folder("archive-parquet");
    let archive = folder.join("archive");
    leave_rows(&folder, [row("ancient", 90), row("old", 31), row("older", 31), row("new", 0)]);
    let ledger = format!("keep: 29d, archive: '{}', archive_format: parquet", archive.display());
    let node = Node::start_with(&folder, &config("", &ledger));
    for (days, ids) in [(90, &["ancient"][..]), (31, &["old", "older"])] {
        let file = archive.join(format!("ledger-{}.parquet", Day::of(row("", days).started)));
        let file = eventually("a file of a day", || std::fs::read(&file).ok());
        assert!(ids.iter().all(|id| times(&file, id) == 1), "{ids:?}");
        assert_eq!((times(&file, "=cmd()"), times(&file, "new")), (ids.len(), 0), "a text is as it was said");
    }
    assert_eq!(ids(&node), ["new"]);
    let lines = || {
        let files = std::fs::read_dir(&archive).expect("a folder");
        files
            .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension() == Some("jsonl".as_ref())))
            .count()
    };
    eventually("the end of the lines", || (lines() == 0).then_some(()));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn calls_are_exported_whole_and_in_their_order() {
    let folder = folder("export");
    let key = "sk-of-somebody-else-1234567890";
    let many = (0..1_200).map(|number: i64| {
        let started = Timestamp(row("", 2).started.0 + number * 1_000);
        LedgerRow { started, ..row(&format!("row-{number:04}"), 2) }
    });
    leave_rows(&folder, many);
    let node = Node::start_with(&folder, &config("", ""));
    let own = node.key(&json!({"key": key}));
    assert_eq!(node.ask(&own, &chat("one")).status, 200);
    node.rows_of(&own, 1);

    let (head, body) = text(&node, MASTER, "/spend/logs/export");
    assert!(head.contains("application/jsonl") && head.contains("calls.jsonl"), "{head}");
    let rows: Vec<LedgerRow> = body.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    assert_eq!(rows.len(), 1_201);
    assert_eq!((rows[0].id.as_str(), rows[1_199].id.as_str()), ("row-0000", "row-1199"));
    let (head, body) = text(&node, MASTER, "/spend/logs/export?format=csv");
    assert!(head.contains("text/csv"), "{head}");
    assert_eq!(body.matches("\r\n").count(), 1_202);
    let first = body.lines().nth(1).expect("a row");
    assert!(first.contains("\"one, or \"\"two\"\"\"") && first.contains("'=cmd()"), "{first}");
    assert!(first.contains(",0.000001,"), "money is in dollars: {first}");

    let (head, body) = bytes(&node, MASTER, "/spend/logs/export?format=parquet");
    assert!(head.contains("application/vnd.apache.parquet") && head.contains("calls.parquet"), "{head}");
    assert_eq!((times(&body, "row-0000"), times(&body, "row-1199"), times(&body, "=cmd()")), (1, 1, 1_200));

    let today = Day::of(Timestamp::now());
    let (_, recent) = text(&node, MASTER, &format!("/spend/logs/export?start_date={}", Day(today.0 - 1)));
    assert_eq!(recent.lines().count(), 1, "{recent}");
    let (_, narrow) =
        text(&node, MASTER, &format!("/spend/logs/export?api_key={}", KeyHash::of(b"row-0007")));
    assert!(narrow.lines().count() == 1 && narrow.contains("row-0007"), "{narrow}");
    let (_, only_own) = text(&node, &own, "/spend/logs/export");
    assert!(
        only_own.lines().count() == 1 && only_own.contains(&KeyHash::of(key.as_bytes()).hex()),
        "{only_own}"
    );
    let (_, none) = text(&node, MASTER, &format!("/spend/logs/export?start_date={}", Day(today.0 + 2)));
    assert_eq!(none, "");
    let none = format!("/spend/logs/export?format=parquet&start_date={}", Day(today.0 + 2));
    let (_, none) = bytes(&node, MASTER, &none);
    assert_eq!((times(&none, "row-0000"), times(&none, "mock")), (0, 0), "a table without rows is one");
    for (query, status) in [("format=xlsx", 422), ("start_date=soon", 422)] {
        assert_eq!(node.get(&format!("/spend/logs/export?{query}"), MASTER).status, status, "{query}");
    }
    assert_eq!(node.get("/spend/logs/export", "sk-unheard-of").status, 401);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
