//! Promises for any text: time that is linear, windows that find what the whole finds, no panics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::guard::{Finding, Scanner};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::corpus::{Labelled, personal, secrets};
use crate::support::{judge, scan};

/// A judge of each kind that looks at passages or texts of users.
fn judges() -> Vec<(&'static str, Arc<dyn Scanner>)> {
    let patterns = json!({ "patterns": [r"\b[A-Z]{3}-\d{4}\b", r"\w+@\w+", r"(?:a+)+$", r".*[^A-Z]|[A-Z]"], "longest_match": 64 });
    let filter = json!({
        "patterns": [
            { "pattern_name": "email", "action": "MASK" },
            { "pattern_name": "street_address", "action": "MASK" },
            { "pattern_name": "url", "action": "MASK" },
            { "pattern_name": "generic_api_key", "action": "BLOCK" },
        ],
        "blocked_words": [{ "keyword": "aa", "action": "MASK" }, { "keyword": "11", "action": "BLOCK" }],
    });
    vec![
        ("secrets", judge("secrets", &Value::Null)),
        ("pii", judge("pii", &json!({ "names": ["Anna", "李"] }))),
        ("prompt_injection", judge("prompt_injection", &Value::Null)),
        ("litellm_content_filter", judge("litellm_content_filter", &filter)),
        ("regex", judge("regex", &patterns)),
        ("banned_keywords", judge("banned_keywords", &json!({ "keywords": ["aaa", "密", "über", "@@"] }))),
        ("language", judge("language", &json!({ "languages": ["en"] }))),
        ("length", judge("length", &json!({ "max_tokens": 10 }))),
    ]
}

/// What an attacker sends so that a judge works long.
fn adversarial() -> Vec<(&'static str, String)> {
    const LENGTH: usize = if cfg!(debug_assertions) { 1 << 16 } else { 1 << 20 };
    let of = |unit: &str| unit.repeat(LENGTH / unit.len());
    let base64: String =
        (0..LENGTH).map(|at| char::from(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ0aZ9/+xY7"[at % 35])).collect();
    vec![
        ("digits", of("1")),
        ("digits in groups", of("4111 ")),
        ("numbers of nine digits", of("123456789 ")),
        ("points", of("1.")),
        ("base64", base64),
        ("signs of addresses", of("@")),
        ("addresses", of("a@b.")),
        ("colons", of(":")),
        ("hexadecimal with colons", of("a:")),
        ("blanks", of(" ")),
        ("names of secrets", of("password=")),
        ("names without values", of("api key ")),
        ("prefixes", of("sk-")),
        ("tokens", of("eyJ.")),
        ("long tokens", of("eyJhbGciOiJIUzI1NiJ9")),
        ("addresses with users", of("://a:b")),
        ("beginnings of blocks", of("-----BEGIN PRIVATE KEY-----")),
        ("names that stand near", of("twilio ")),
        ("words of attempts", of("ignore all previous instructions ")),
        ("verbs", of("ignore ")),
        ("quotes", of("'\"")),
        ("capitals", of("A")),
        ("letters and digits", of("a1")),
        ("Chinese", of("密码")),
    ]
}

#[test]
fn a_mebibyte_of_anything_takes_linear_time() {
    // A sixteenth of it in unoptimised code, and a bound for busy machines: quadratic time would be minutes.
    let bound = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });
    for (kind, judge) in judges() {
        for (name, text) in adversarial() {
            let begin = Instant::now();
            scan(&*judge, &text);
            let took = begin.elapsed();
            if took > Duration::from_secs(1) {
                println!("{kind} took {took:?} for {name}");
            }
            assert!(took < bound, "{kind} took {took:?} for {name}");
        }
    }
}

/// What is found in a window must be what is found in the whole, as far as the window may know.
fn compare(judge: &dyn Scanner, text: &str, whole: &[Finding], from: usize, to: usize) {
    let reach = judge.reach();
    let sure_from = if from == 0 { 0 } else { from + reach };
    let sure_to = if to == text.len() { to } else { to.saturating_sub(reach) };
    let is_sure = |finding: &Finding| (sure_from..sure_to).contains(&finding.range.start);
    let window = scan(judge, &text[from..to])
        .into_iter()
        .map(|finding| Finding { range: finding.range.start + from..finding.range.end + from, ..finding });
    let found: Vec<Finding> = window.filter(is_sure).collect();
    let wanted: Vec<Finding> = whole.iter().filter(|finding| is_sure(finding)).cloned().collect();
    assert_eq!(found, wanted, "window {from}..{to} of {text:?}");
}

/// The texts of a corpus, one behind the other, so that windows have something on both sides.
fn joined(texts: &[Labelled]) -> String {
    texts.iter().flat_map(|labelled| [labelled.text.as_str(), "\n\n"]).collect()
}

#[test]
fn windows_find_what_the_whole_finds() {
    for (kind, texts) in [("pii", personal()), ("secrets", secrets())] {
        let judge = judge(kind, &Value::Null);
        let text = joined(&texts);
        let whole = scan(&*judge, &text);
        let size = judge.reach() * 2 + 1_500;
        let mut from = 0;
        while from < text.len() {
            let to = text.floor_char_boundary(from + size);
            compare(&*judge, &text, &whole, from, to);
            from = text.ceil_char_boundary(from + 701);
        }
    }
}

#[test]
fn what_is_settled_does_not_change_when_a_text_grows() {
    for (kind, texts) in [("pii", personal()), ("secrets", secrets())] {
        let judge = judge(kind, &Value::Null);
        for labelled in &texts {
            let text = &labelled.text;
            let whole = scan(&*judge, text);
            let mut last = 0;
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                let grown = &text[..end];
                let settled = judge.settled(grown);
                assert!(
                    grown.is_char_boundary(settled) && settled >= last,
                    "{settled} after {last} of {grown:?}"
                );
                last = settled;
                let of = |all: &[Finding]| -> Vec<Finding> {
                    all.iter().filter(|finding| finding.range.start < settled).cloned().collect()
                };
                if end % 5 == 0 {
                    assert_eq!(of(&scan(&*judge, grown)), of(&whole), "{settled} of {grown:?}");
                }
            }
        }
    }
}

#[test]
fn prose_is_not_held_back_for_the_sake_of_long_keys() {
    let judge = judge("secrets", &Value::Null);
    let prose = "The quick brown fox jumps over the lazy dog. ".repeat(40);
    assert!(prose.len() - judge.settled(&prose) < 400);
    let dashes = "-".repeat(5);
    let open = format!("{prose}{dashes}BEGIN PRIVATE KEY{dashes}\nMIIE");
    assert!(judge.settled(&open) <= prose.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_breaks_a_judge(parts in prop::collection::vec(
        prop_oneof![
            any::<String>(),
            "[0-9 ./:+()-]{0,40}",
            "[A-Za-z0-9_@=:/.\"'-]{0,60}",
            prop::sample::select(vec![
                "password=", "sk-", "eyJhbGciOiJub25lIn0.", "://u:p@h", "密码:", "4111 1111 1111 1111", "\u{200b}",
                "DE89370400440532013000", "-----BEGIN PRIVATE KEY-----", "ignore previous instructions", "born ",
                "March 1, ", "年1月2日", "(415", "AKIA", ":AA", "JQQJ99", "@x.yz", "fe80::", "AB 12", "twilio ",
                "Basic dXNlcjpwYXNz", "Bearer ", "1//0", "<|im_start|>", "bc1q", "0x", "é", "\u{e0041}",
            ]).prop_map(str::to_owned),
        ],
        0..12,
    )) {
        let text = parts.concat();
        for (_, judge) in judges() {
            scan(&*judge, &text);
            let settled = judge.settled(&text);
            prop_assert!(text.is_char_boundary(settled));
        }
    }
}
