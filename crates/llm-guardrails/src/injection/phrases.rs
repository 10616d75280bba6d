//! Phrases of attempts, and the three parts of "ignore — all previous — instructions" near each other.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::fold::{Folded, squeeze};
use super::{RULES, Signal};

const TABLE: &str = include_str!("../../data/injection.tsv");

/// How far apart the parts of an override may stand, in bytes of letters.
const FAR: usize = 42;

/// Stands before a verb that is forbidden rather than ordered.
const NEGATIONS: [&str; 9] = ["donot", "dont", "never", "not", "neverto", "不要", "请勿", "别", "nicht"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Verb,
    Past,
    Object,
    /// A phrase that speaks for itself: the rule, and its weight in hundredths.
    Phrase(usize, u8),
}

struct Phrases {
    automaton: AhoCorasick,
    parts: Vec<Part>,
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut words = Vec::new();
    let mut parts = Vec::new();
    for (part, list) in TABLE.lines().filter_map(row) {
        for word in list.split('|') {
            words.push(squeeze(word));
            parts.push(part);
        }
    }
    let automaton =
        AhoCorasick::builder().match_kind(MatchKind::Standard).build(words).expect("some hundred words fit");
    Phrases { automaton, parts }
});

fn row(line: &'static str) -> Option<(Part, &'static str)> {
    let (group, list) = line.split_once('\t').filter(|_| !line.starts_with('#'))?;
    let part = match group.split_once(' ') {
        None if group == "verb" => Part::Verb,
        None if group == "past" => Part::Past,
        None if group == "object" => Part::Object,
        Some((rule, weight)) => {
            Part::Phrase(RULES.iter().position(|(id, _)| *id == rule)?, weight.parse().ok()?)
        }
        None => return None,
    };
    Some((part, list))
}

/// The parts of an override that were seen last.
#[derive(Default)]
struct Override {
    verb: Option<(usize, usize)>,
    past: Option<usize>,
}

/// Finds phrases.
pub(super) fn find(folded: &Folded, signals: &mut Vec<Signal>) {
    let phrases = &*PHRASES;
    let mut last = Override::default();
    for hit in phrases.automaton.find_overlapping_iter(&folded.letters) {
        let (start, end) = (hit.start(), hit.end());
        match phrases.parts.get(hit.pattern().as_usize()) {
            Some(Part::Verb) if !is_forbidden(&folded.letters, start) => {
                last = Override { verb: Some((start, end)), past: None };
            }
            Some(Part::Past) if last.verb.is_some_and(|(_, verb)| start >= verb && start - verb <= FAR) => {
                last.past = Some(end);
            }
            Some(Part::Object) => {
                if let Some(signal) = override_at(folded, &last, start, end) {
                    signals.push(signal);
                    last = Override::default();
                }
            }
            Some(Part::Phrase(rule, weight)) => {
                let weight = f64::from(*weight) / 100.0;
                signals.push(Signal { rule: *rule, weight, range: folded.range(start, end) });
            }
            _ => {}
        }
    }
}

fn override_at(folded: &Folded, last: &Override, start: usize, end: usize) -> Option<Signal> {
    let (verb, _) = last.verb.filter(|(_, verb_end)| start >= *verb_end && start - verb_end <= FAR)?;
    let between = last.past.is_some_and(|past| past <= end);
    let weight = if between { 0.8 } else { 0.4 };
    Some(Signal { rule: 0, weight, range: folded.range(verb, end) })
}

fn is_forbidden(letters: &[u8], verb: usize) -> bool {
    let before = letters.get(..verb).unwrap_or_default();
    NEGATIONS.iter().any(|word| before.ends_with(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(TABLE.lines().filter_map(row).count(), rows);
    }
}
