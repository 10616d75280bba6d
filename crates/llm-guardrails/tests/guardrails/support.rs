//! What all tests of judges do: build one, show it a text, say what it found.

use std::sync::Arc;

use llm_core::guard::{Finding, Piece, Place, Scanner};
use serde_json::Value;

/// A judge that can be built.
pub(crate) fn judge(kind: &str, parameters: &Value) -> Arc<dyn Scanner> {
    match llm_guardrails::build(kind, parameters) {
        Ok(Some(judge)) => judge,
        Ok(None) => panic!("{kind} is no kind"),
        Err(error) => panic!("{error}"),
    }
}

/// What a judge finds in a text of a user.
pub(crate) fn scan(judge: &dyn Scanner, text: &str) -> Vec<Finding> {
    scan_at(judge, text, Place::User)
}

/// What a judge finds in a text of some place; findings must be in order, apart, and on borders of characters.
pub(crate) fn scan_at(judge: &dyn Scanner, text: &str, place: Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    judge.scan(&Piece { text: text.into(), place }, &mut findings);
    let mut end = 0;
    for finding in &findings {
        assert!(finding.range.start >= end, "findings overlap or are out of order: {findings:?}");
        assert!(text.get(finding.range.clone()).is_some(), "no borders of characters: {finding:?}");
        end = finding.range.end;
    }
    findings
}

/// The text with everything masked that was found.
pub(crate) fn masked(judge: &dyn Scanner, text: &str) -> String {
    let mut out = String::new();
    let mut from = 0;
    for finding in scan(judge, text) {
        out.push_str(&text[from..finding.range.start]);
        out.push_str(&finding.replacement);
        from = finding.range.end;
    }
    out + &text[from..]
}
