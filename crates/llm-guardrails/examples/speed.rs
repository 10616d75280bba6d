//! How long the judges take: `cargo run --release --package llm-guardrails --example speed`, with `-- pii` for one of them.

#![expect(clippy::print_stdout, reason = "the figures are for who runs it")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use llm_core::guard::{Piece, Place, Scanner};
use serde_json::{Value, json};

const PROMPT: usize = 32 << 10;
const TURNS: u32 = 400;

fn main() {
    let prompts =
        [("prose", prose()), ("source code", code()), ("Chinese", chinese()), ("JSON of records", records())];
    if let Some(kind) = std::env::args().nth(1) {
        for (name, prompt) in &prompts {
            let (time, found) = time(&kind, &Value::Null, prompt);
            println!("{kind:24} {name:16} {:>8.1} µs {found:>4} findings", time.as_secs_f64() * 1e6);
        }
        return;
    }
    for (name, prompt) in &prompts {
        let mut both = Duration::ZERO;
        for kind in ["secrets", "pii"] {
            let (time, found) = time(kind, &Value::Null, prompt);
            both += time;
            println!("{kind:24} {name:16} {:>8.1} µs {found:>4} findings", time.as_secs_f64() * 1e6);
        }
        println!("{:24} {name:16} {:>8.1} µs", "secrets and pii", both.as_secs_f64() * 1e6);
    }
    for (kind, parameters) in others() {
        for (name, prompt) in &prompts {
            let (time, found) = time(kind, &parameters, prompt);
            println!("{kind:24} {name:16} {:>8.1} µs {found:>4} findings", time.as_secs_f64() * 1e6);
        }
    }
}

fn others() -> Vec<(&'static str, Value)> {
    vec![
        ("prompt_injection", Value::Null),
        ("banned_keywords", json!({ "keywords": ["confidential", "top secret", "机密"] })),
        ("regex", json!({ "patterns": [r"\b[A-Z]{3}-\d{4}\b", r"PROJECT-\d{6}"] })),
        ("language", json!({ "languages": ["en"] })),
    ]
}

/// The best of many turns: what the machine does beside is not the judge's.
fn time(kind: &str, parameters: &Value, prompt: &str) -> (Duration, usize) {
    let judge = match llm_guardrails::build(kind, parameters) {
        Ok(Some(judge)) => judge,
        other => panic!("{kind}: {:?}", other.map(|_| ())),
    };
    let piece = Piece { text: prompt.into(), place: Place::User };
    let mut findings = Vec::new();
    let mut best = Duration::MAX;
    for _ in 0..TURNS {
        findings.clear();
        let begin = Instant::now();
        Scanner::scan(&*judge, black_box(&piece), &mut findings);
        best = best.min(begin.elapsed());
    }
    (best, findings.len())
}

/// A text of about the length of a prompt.
fn fill(part: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < PROMPT {
        text.push_str(&part(number));
        number += 1;
    }
    text.truncate(text.floor_char_boundary(PROMPT));
    text
}

fn prose() -> String {
    fill(|number| {
        format!(
            "In the year {} the committee met {number} times, and its members agreed that the report should be \
             published before the end of the month. The basic plan was to ask every author for a summary; the \
             authors, however, were of another opinion. ",
            1900 + number % 120
        )
    })
}

fn code() -> String {
    fill(|number| {
        format!(
            "pub(crate) fn step_{number}(state: &mut State, token: Token) -> Result<usize, Error> {{\n    \
             let index = state.tokens.iter().position(|other| other.id == token.id)?;\n    \
             if index > {number} {{ return Err(Error::new(\"password: missing\")); }}\n    Ok(index + 0x{number:04x})\n}}\n\n"
        )
    })
}

fn chinese() -> String {
    fill(|number| {
        format!(
            "第{number}章:今天的会议讨论了系统的性能问题,大家认为需要在下个版本之前完成优化工作,预计耗时{number}天。\n"
        )
    })
}

fn records() -> String {
    fill(|number| {
        format!(
            "{{\"id\":{number},\"created_at\":\"2026-03-{:02}T10:22:31Z\",\"amount\":{}.95,\"ref\":\"{:016x}\",\
             \"status\":\"paid\",\"email\":\"user{number}@example.com\"}},\n",
            number % 28 + 1,
            number * 7,
            number * 0x9e37_79b9
        )
    })
}
