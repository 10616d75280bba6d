//! Texts that guardrails judge.

use std::sync::{Arc, LazyLock};

use llm_core::guard::{Finding, Piece, Place, Scanner};
use serde_json::{Value, json};

/// One judge of each kind, with parameters that use most of it.
static JUDGES: LazyLock<Vec<Arc<dyn Scanner>>> = LazyLock::new(|| {
    let kinds = [
        ("secrets", Value::Null),
        ("pii", json!({ "names": ["Anna", "李"] })),
        ("prompt_injection", json!({ "threshold": 0.1 })),
        (
            "litellm_content_filter",
            json!({
                "patterns": [{ "pattern_name": "street_address", "action": "MASK" }, { "pattern_name": "visa", "action": "BLOCK" }],
                "blocked_words": [{ "keyword": "é", "action": "MASK" }],
            }),
        ),
        ("banned_keywords", json!({ "keywords": ["a", "密码"] })),
        ("regex", json!({ "patterns": [r"\w+@\w+", "é*", r"(?:a+)+$"], "longest_match": 16 })),
        ("language", json!({ "languages": ["en"], "min_characters": 1 })),
        ("length", json!({ "max_tokens": 4, "min_characters": 2 })),
        ("tool_allow_list", json!({ "tools": ["a*b*c"] })),
        (
            "json_schema",
            json!({ "schema": {
            "anyOf": [{ "type": "object", "additionalProperties": { "$ref": "#" } }, { "items": { "$ref": "#" }, "uniqueItems": true }],
        } }),
        ),
    ];
    let build = |(kind, parameters)| {
        llm_guardrails::build(kind, &parameters).expect("good parameters").expect("a kind")
    };
    kinds.map(build).into()
});

/// Every judge takes every text: its findings are in order, apart, and on borders of characters, and so is what is
/// settled of a text that grows. The text as parameters builds a judge or says what is wrong.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for judge in JUDGES.iter() {
        for place in [Place::User, Place::Assistant, Place::ToolName] {
            let mut findings: Vec<Finding> = Vec::new();
            judge.scan(&Piece { text: text.as_ref().into(), place }, &mut findings);
            let mut end = 0;
            for finding in &findings {
                assert!(finding.range.start >= end, "findings overlap");
                assert!(text.get(finding.range.clone()).is_some(), "no borders of characters");
                end = finding.range.end;
            }
        }
        assert!(text.is_char_boundary(judge.settled(&text)), "no border of characters");
    }
    if let Ok(parameters) = serde_json::from_slice::<Value>(data) {
        for kind in llm_guardrails::kinds() {
            let _ = llm_guardrails::build(kind.name, &parameters);
            let _ =
                llm_guardrails::build(kind.name, &json!({ "schema": parameters, "patterns": [parameters] }));
        }
    }
}
