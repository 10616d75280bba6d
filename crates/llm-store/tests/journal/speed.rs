//! What a row costs the thread that serves the call. Run with
//! `cargo test --release -p llm-store --no-default-features --test journal -- --ignored --nocapture speed`.
#![expect(clippy::print_stdout, reason = "whoever measures wants to read it")]

use std::time::{Duration, Instant};

use llm_core::money::NanoDollars;
use llm_governance::{Charge, KeyHash, Ledger, LedgerRow, Period, Scope, Subject, Timestamp};
use llm_store::{Durability, Journal};
use serde_json::json;

use crate::common::Folder;

/// A row as a gateway writes it: a key of a team, three budgets, some metadata.
fn typical() -> LedgerRow {
    let key = KeyHash::of(b"sk-1");
    let object = |value: serde_json::Value| value.as_object().cloned().unwrap_or_default();
    let charge = |scope, id: &str| Charge {
        subject: Subject::new(scope, id),
        model: None,
        period: Period::EVER,
        amount: NanoDollars(1_234_500),
    };
    LedgerRow {
        id: "0194f5c4-1b6e-7c3a-9e51-3a1b2c4d5e6f".to_owned(),
        vendor_id: Some("chatcmpl-BxYzAbCdEfGhIjKlMnOpQrStUvWx".to_owned()),
        call_type: "acompletion".to_owned(),
        dialect: "openai.chat".to_owned(),
        key: Some(key),
        key_alias: Some("production".to_owned()),
        user_id: Some("someone@example.com".to_owned()),
        team_id: Some("8b1f0c52-55cf-4a1e-8a4a-1f2d3c4b5a69".to_owned()),
        team_alias: Some("platform".to_owned()),
        tags: vec!["batch".to_owned(), "eu".to_owned()],
        session_id: Some("a session".to_owned()),
        ip: Some("10.1.2.3".to_owned()),
        user_agent: Some("OpenAI/Python 2.3.0".to_owned()),
        model: "gpt-4o".to_owned(),
        model_group: "gpt-4o".to_owned(),
        deployment: "d41d8cd98f00b204".to_owned(),
        upstream_model: "openai/gpt-4o-2024-11-20".to_owned(),
        provider: "openai".to_owned(),
        api_base: "https://api.openai.com/v1".to_owned(),
        attempts: 1,
        usage: object(json!({"input": 1_200, "cache_read": 1_024, "output": 340, "reasoning": 64})),
        prompt_tokens: 2_224,
        completion_tokens: 404,
        prices: object(json!({"input": 2_500_000, "cache_read": 1_250_000, "output": 10_000_000})),
        cost: NanoDollars(1_234_500),
        started: Timestamp::now(),
        first_content_micros: Some(312_000),
        took_micros: 4_200_000,
        status: 200,
        stream: true,
        metadata: object(json!({"generation_name": "answer", "trace_id": "4bf92f3577b34da6"})),
        charges: vec![
            charge(Scope::Global, ""),
            charge(Scope::Team, "8b1f0c52-55cf-4a1e-8a4a-1f2d3c4b5a69"),
            charge(Scope::Key, &key.hex()),
        ],
        ..LedgerRow::default()
    }
}

const ROWS: usize = 20_000;

fn measure(journal: &Journal, threads: usize) {
    let mut times: Vec<Duration> = Vec::new();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let write = || {
            let rows = vec![typical(); ROWS];
            let timed = |row: LedgerRow| {
                let began = Instant::now();
                journal.record(&row.borrowed()).expect("there is room");
                began.elapsed()
            };
            rows.into_iter().map(timed).collect::<Vec<_>>()
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(write)).collect();
        times = running.into_iter().flat_map(|thread| thread.join().expect("it wrote")).collect();
    });
    let took = began.elapsed();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).expect("few");
    println!(
        "{threads} threads: mean {mean:?}, median {:?}, p99 {:?}, p99.9 {:?}, max {:?}; {} rows in {took:?}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        times.len(),
    );
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let encoded = serde_json::to_vec(&typical()).expect("JSON").len();
    let began = Instant::now();
    for _ in 0..ROWS {
        std::hint::black_box(serde_json::to_vec(&typical())).expect("JSON");
    }
    println!("a row of {encoded} bytes is made and encoded in {:?}", began.elapsed() / ROWS as u32);
    for durability in [Durability::Process, Durability::Strict] {
        println!("{durability:?}");
        for threads in [1, 2, 8] {
            let folder = Folder::new();
            let mut settings = folder.settings();
            settings.durability = durability;
            let journal = Journal::open(settings).expect("the journal opens");
            measure(&journal, threads);
        }
    }
}
