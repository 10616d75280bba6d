//! Marks that only the gateway or a model's template should write: ends of messages, beginnings of system messages.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::Signal;

const RULE: usize = 5;

/// Each mark with how much it speaks for a forgery.
const MARKS: [(&str, f64); 32] = [
    ("<|im_start|>system", 0.9),
    ("<|im_start|>", 0.75),
    ("<|im_end|>", 0.7),
    ("<|im_sep|>", 0.7),
    ("<|system|>", 0.75),
    ("<|start_header_id|>", 0.75),
    ("<|eot_id|>", 0.7),
    ("<|endoftext|>", 0.6),
    ("<|end_of_turn|>", 0.7),
    ("<|begin_of_text|>", 0.7),
    ("<start_of_turn>", 0.7),
    ("<<sys>>", 0.75),
    ("<</sys>>", 0.75),
    ("[inst]", 0.6),
    ("[/inst]", 0.7),
    ("[system](#", 0.75),
    ("[system]:", 0.6),
    ("[system message]", 0.6),
    ("[admin]:", 0.5),
    ("</system>", 0.5),
    ("<system>", 0.5),
    ("</system_prompt>", 0.7),
    ("</user_input>", 0.7),
    ("### system:", 0.6),
    ("### instruction:", 0.4),
    ("###instruction", 0.4),
    ("\nsystem: ", 0.4),
    ("\n\nhuman: ", 0.4),
    ("\n\nassistant: ", 0.4),
    ("--- end of user input", 0.7),
    ("end of prompt]", 0.6),
    ("<|channel|>", 0.7),
];

static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(MARKS.map(|(mark, _)| mark))
        .expect("some dozen marks fit")
});

/// Finds marks.
pub(super) fn find(text: &str, signals: &mut Vec<Signal>) {
    for hit in AUTOMATON.find_iter(text) {
        let weight = MARKS.get(hit.pattern().as_usize()).map_or(0.0, |(_, weight)| *weight);
        signals.push(Signal { rule: RULE, weight, range: hit.start()..hit.end() });
    }
}
