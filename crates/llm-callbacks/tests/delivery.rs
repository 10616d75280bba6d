//! Callbacks against addresses that take, refuse and hang, and files that grow.

use std::time::{Duration, Instant};

use llm_callbacks::{Callback, CallbackSettings, CallbackThread, Format, Place};
use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_gateway::{CallLog as _, LogCounts, LoggedCall, LoggedError};
use llm_governance::{Ending, LedgerRow, Timestamp};
use mockito::{Matcher, Server};
use serde_json::{Value, json};

fn call(number: u64) -> LoggedCall {
    let row = LedgerRow {
        id: format!("0193a1b2-0000-7000-8000-{number:012}"),
        call_type: "acompletion".to_owned(),
        model: "m".to_owned(),
        upstream_model: "vendor/model".to_owned(),
        provider: "vendor".to_owned(),
        cost: NanoDollars(1_500_000),
        started: Timestamp(1_790_000_000_000_000),
        took_micros: 2_000_000,
        prompt_tokens: 3,
        ..LedgerRow::default()
    };
    LoggedCall { call_id: format!("call-{number}"), row, ..LoggedCall::default() }
}

fn start(place: Place, batch: usize) -> CallbackThread {
    let callback = Callback { batch, interval: Duration::from_millis(50), ..Callback::new("one", place) };
    let settings = CallbackSettings { callbacks: vec![callback], ..CallbackSettings::default() };
    CallbackThread::start(&settings).expect("a thread").expect("somebody is told")
}

fn http(url: String, format: Format) -> Place {
    Place::Http { url, headers: vec![("x-key".to_owned(), Secret::new("hush".to_owned()))], format }
}

fn counts(thread: &CallbackThread) -> LogCounts {
    thread.callbacks.counts().remove(0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own delivers: its counts are all that can be seen"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// Waits until so many calls arrived or did not.
fn settled(thread: &CallbackThread, calls: u64) -> LogCounts {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let counts = counts(thread);
        if counts.sent + counts.failed + counts.dropped >= calls {
            return counts;
        }
        assert!(Instant::now() < until, "{counts:?}");
        pause();
    }
}

#[test]
fn calls_go_in_batches_and_in_their_order() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/logs")
        .match_header("x-key", "hush")
        .match_header("content-type", "application/x-ndjson")
        .match_request(|request| {
            let body = String::from_utf8(request.body().expect("a body").clone()).expect("UTF-8");
            let ids: Vec<Value> = body
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["litellm_call_id"].clone())
                .collect();
            ids.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str())
        })
        .expect(2)
        .create();
    let thread = start(http(format!("{}/logs", server.url()), Format::Lines), 4);
    (0..8).for_each(|number| thread.callbacks.log(call(number)));
    assert_eq!(settled(&thread, 8).sent, 8);
    mock.assert();
}

#[test]
fn what_is_refused_for_now_comes_again_and_what_is_refused_for_good_does_not() {
    let mut server = Server::new();
    // The first mock that still lacks a request answers: one refusal, then the good answer.
    let later =
        server.mock("POST", "/later").with_status(429).with_header("retry-after", "0").expect(1).create();
    let good = server.mock("POST", "/later").with_status(200).expect(1).create();
    let thread = start(http(format!("{}/later", server.url()), Format::JsonArray), 10);
    thread.callbacks.log(call(1));
    assert_eq!(settled(&thread, 1).sent, 1);
    later.assert();
    good.assert();

    let never = server.mock("POST", "/never").with_status(400).expect(1).create();
    let thread = start(http(format!("{}/never", server.url()), Format::JsonArray), 10);
    thread.callbacks.log(call(1));
    assert_eq!(settled(&thread, 1).failed, 1);
    never.assert();
}

#[test]
fn a_dead_address_takes_nobodys_time_and_what_is_too_much_is_dropped_and_counted() {
    let thread = start(http("http://127.0.0.1:9/logs".to_owned(), Format::JsonArray), 512);
    let began = Instant::now();
    (0..20_000).for_each(|number| thread.callbacks.log(call(number)));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let counts = counts(&thread);
    assert!(counts.dropped > 10_000 && counts.sent == 0, "{counts:?}");
    let began = Instant::now();
    drop(thread);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn what_waits_is_sent_when_the_gateway_ends() {
    let mut server = Server::new();
    let mock = server.mock("POST", "/logs").expect(1).create();
    let place = http(format!("{}/logs", server.url()), Format::JsonArray);
    let callback = Callback { interval: Duration::from_secs(600), ..Callback::new("one", place) };
    let settings = CallbackSettings { callbacks: vec![callback], ..CallbackSettings::default() };
    let thread = CallbackThread::start(&settings).expect("a thread").expect("somebody is told");
    (0..3).for_each(|number| thread.callbacks.log(call(number)));
    drop(thread);
    mock.assert();
}

#[test]
fn a_file_that_is_long_becomes_an_older_one_and_the_oldest_goes() {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rotate-{}", std::process::id()));
    let path = folder.join("deep/calls.jsonl");
    let thread = start(Place::File { path: path.clone(), max_bytes: 3_000, keep: 2 }, 1);
    (0..12).for_each(|number| thread.callbacks.log(call(number)));
    assert_eq!(settled(&thread, 12).sent, 12);
    let mut names: Vec<String> = std::fs::read_dir(folder.join("deep"))
        .expect("it is there")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["calls.jsonl", "calls.jsonl.1", "calls.jsonl.2"]);
    let newest = std::fs::read_to_string(&path).expect("the newest");
    let last: Value = serde_json::from_str(newest.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["litellm_call_id"], &last["response_cost"]), (&json!("call-11"), &json!(0.0015)));
    drop(thread);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn failures_are_told_to_those_who_want_them() {
    let mut server = Server::new();
    let expected =
        Matcher::PartialJson(json!([{"status": "failure", "error_information": {"error_class": "timeout"}}]));
    let mock = server.mock("POST", "/logs").match_body(expected).expect(1).create();
    let place = http(format!("{}/logs", server.url()), Format::JsonArray);
    let mut callback = Callback { interval: Duration::from_millis(50), ..Callback::new("one", place) };
    callback.wanted.successes = false;
    let settings = CallbackSettings { callbacks: vec![callback], ..CallbackSettings::default() };
    let thread = CallbackThread::start(&settings).expect("a thread").expect("somebody is told");
    thread.callbacks.log(call(1));
    let mut failed = call(2);
    failed.row.ending = Ending::Failed;
    failed.error = Some(LoggedError { kind: "timeout", status: 504, message: None });
    thread.callbacks.log(failed);
    assert_eq!(settled(&thread, 1).sent, 1);
    mock.assert();
}
