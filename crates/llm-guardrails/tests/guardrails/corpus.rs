//! The labelled texts of `tests/corpus`, read and drawn, and how well judges do on them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use llm_core::guard::Scanner;

use crate::draw::Draws;
use crate::support::scan;

/// A text with what must be found in it.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    pub(crate) text: String,
    pub(crate) labels: Vec<Label>,
}

/// A passage that must be found: by this rule, or by any where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) range: Range<usize>,
    pub(crate) rule: Option<String>,
    /// What the table counts it under.
    pub(crate) row: String,
}

/// The lines of a file of the corpus, without comments.
pub(crate) fn lines(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.starts_with("# ") && !line.is_empty()).map(str::to_owned).collect()
}

/// All texts about personal data.
pub(crate) fn personal() -> Vec<Labelled> {
    let texts = lines("pii/positive.txt").into_iter().chain(lines("pii/negative.txt"));
    texts.map(|line| marked(&line)).collect()
}

/// All texts about secrets: every key in some contexts, secrets with names, and texts without any.
pub(crate) fn secrets() -> Vec<Labelled> {
    let mut draws = Draws::new(7);
    let contexts = lines("secrets/contexts.txt");
    let mut texts = Vec::new();
    for (number, key) in lines("secrets/keys.txt").iter().enumerate() {
        let (name, pattern) = key.split_once(' ').expect("a name and a pattern");
        for turn in 0..3 {
            let context = &contexts[(number * 7 + turn * 11) % contexts.len()];
            texts.push(drawn(&context.replace("{{KEY}}", &format!("{{{{{pattern}}}}}")), name, &mut draws));
        }
    }
    for turn in 0..2 {
        let named = lines("secrets/named.txt");
        texts.extend(named.iter().map(|line| drawn(line, "named", &mut draws)));
        if turn == 0 {
            texts.extend(lines("secrets/negative.txt").iter().map(|line| drawn(line, "none", &mut draws)));
        }
    }
    texts
}

/// `[[RULE|value]]`.
fn marked(line: &str) -> Labelled {
    let mut out = Labelled { text: String::new(), labels: Vec::new() };
    let line = line.replace("\\n", "\n");
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once("[[").filter(|(_, after)| after.contains('|')) {
        out.text.push_str(before);
        let (bracket, after) = after.strip_prefix('[').map_or(("", after), |after| ("[", after));
        out.text.push_str(bracket);
        let (label, tail) = after.split_once("]]").expect("a label that ends");
        let (rule, value) = label.split_once('|').expect("a rule");
        let start = out.text.len();
        out.text.push_str(value);
        out.labels.push(Label {
            range: start..out.text.len(),
            rule: Some(rule.to_owned()),
            row: rule.to_owned(),
        });
        rest = tail;
    }
    out.text.push_str(rest);
    out
}

/// `{{pattern}}` is a secret, `((pattern))` is not.
fn drawn(line: &str, row: &str, draws: &mut Draws) -> Labelled {
    let mut out = Labelled { text: String::new(), labels: Vec::new() };
    let mut rest = line;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("((")).min() {
        let (before, after) = rest.split_at(at);
        let secret = after.starts_with("{{");
        let Some(end) = after.find(if secret { "}}" } else { "))" }).filter(|_| !after.starts_with("{{ "))
        else {
            break;
        };
        out.text.push_str(&before.replace("\\n", "\n"));
        let inner = &after[2..end];
        let start = out.text.len();
        out.text.push_str(&if secret { draws.secret(inner) } else { draws.pattern(&format!("<{inner}>")) });
        if secret {
            out.labels.push(Label { range: start..out.text.len(), rule: None, row: row.to_owned() });
        }
        rest = &after[end + 2..];
    }
    out.text.push_str(&rest.replace("\\n", "\n"));
    out
}

/// How often a rule was right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) found: usize,
    pub(crate) missed: usize,
    pub(crate) wrong: usize,
}

impl Score {
    pub(crate) fn recall(&self) -> f64 {
        self.found as f64 / (self.found + self.missed).max(1) as f64
    }

    pub(crate) fn precision(&self) -> f64 {
        self.found as f64 / (self.found + self.wrong).max(1) as f64
    }

    pub(crate) fn add(&mut self, other: Score) {
        self.found += other.found;
        self.missed += other.missed;
        self.wrong += other.wrong;
    }
}

/// How a judge does on texts, by the rows of the labels; what it got wrong is printed.
pub(crate) fn score(judge: &dyn Scanner, texts: &[Labelled]) -> BTreeMap<String, Score> {
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for labelled in texts {
        let mut findings = scan(judge, &labelled.text);
        for label in &labelled.labels {
            let fits = |finding: &llm_core::guard::Finding| {
                finding.range == label.range && label.rule.as_ref().is_none_or(|rule| *rule == finding.rule)
            };
            let score = scores.entry(label.row.clone()).or_default();
            if let Some(at) = findings.iter().position(fits) {
                findings.remove(at);
                score.found += 1;
            } else {
                score.missed += 1;
                println!("missed {}: {}", label.row, labelled.text);
            }
        }
        for finding in findings {
            println!(
                "wrong {}: {} in {}",
                finding.rule,
                &labelled.text[finding.range.clone()],
                labelled.text
            );
            let row = labelled.labels.first().map_or_else(|| "none".to_owned(), |label| label.row.clone());
            let row = labelled
                .labels
                .first()
                .and_then(|label| label.rule.as_ref())
                .map_or(row, |_| finding.rule.to_string());
            scores.entry(row).or_default().wrong += 1;
        }
    }
    scores
}

/// All rows together.
pub(crate) fn total(scores: &BTreeMap<String, Score>) -> Score {
    let mut total = Score::default();
    scores.values().for_each(|score| total.add(*score));
    total
}
