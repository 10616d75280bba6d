//! `secrets`: keys of known formats, private keys, passwords in addresses, tokens, and values that are said to be secret.

mod address;
mod assignment;
mod format;
mod key_block;
mod nearby;
mod token;
mod value;

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use llm_core::guard::{Action, Finding, Piece, Scanner};

use self::format::{Anchor, Format, Meaning};
use crate::candidates::{Candidate, settle};
use crate::choice::{Choice, Verdict, chosen_rules};
use crate::kinds::Rule;
use crate::parameters::Parameters;

/// What stands for a secret that was taken out: as LiteLLM has it.
const REDACTED: Cow<'static, str> = Cow::Borrowed("[REDACTED]");

/// The longest passage with what stands around it: a block of a private key.
const REACH: usize = key_block::LONGEST + 128;

/// What is held back of a text that grows when nothing long is open: a name, and the value that follows it.
const TAIL: usize = 320;

/// Rules that are code and no row of the table, with what they find. Their numbers follow those of the formats.
const OTHERS: [(&str, &str); 9] = [
    (
        "private_key",
        "Private key between `-----BEGIN …` and `-----END …` (PEM, OpenSSH, PGP, encrypted ones too)",
    ),
    ("json_web_token", "JWT or JWE whose header says its algorithm"),
    ("password_in_address", "Password in an address, such as `postgres://user:…@host` (any scheme)"),
    ("aws_secret_key", "40 characters that are assigned to a name such as `aws_secret_access_key`"),
    ("basic_authorization", "`Basic …` that is a name and a password in base64"),
    ("bearer_authorization", "`Bearer …` with a token"),
    ("password_assignment", "Value that is assigned to a name such as `password` (in seven languages)"),
    ("secret_assignment", "Value with high entropy that is assigned to a name such as `token` or `api_key`"),
    ("high_entropy_string", "Value with high entropy a few words after `API key`, `token` or `secret`"),
];

/// Everything that is looked for in one pass.
struct Machine {
    automaton: AhoCorasick,
    /// By the number of the pattern in the automaton.
    anchors: Vec<Anchor>,
    formats: Vec<Format>,
}

static MACHINE: LazyLock<Machine> = LazyLock::new(|| {
    let formats = format::all();
    let mut anchors = format::anchors(&formats);
    anchors.extend(assignment::anchors());
    anchors.extend([
        Anchor::new("-----BEGIN ", Meaning::KeyBlock),
        Anchor::new("eyJ", Meaning::Token),
        Anchor::new("://", Meaning::Address),
    ]);
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(anchors.iter().map(|anchor| &*anchor.text))
        .expect("a few hundred short words fit");
    Machine { automaton, anchors, formats }
});

/// Looks for secrets.
#[derive(Debug)]
struct Secrets {
    choice: Choice,
    /// By the number of the rule.
    on: Vec<bool>,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let rules = rules();
    let known: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let on = chosen_rules(&mut parameters, &known)?;
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    Ok(Secrets { choice, on })
}

/// A judge of some rules.
pub(crate) fn only(rules: &[&str]) -> Result<impl Scanner + use<>, String> {
    build(Parameters::of(&serde_json::json!({ "rules": rules }))?)
}

/// The rules, in the order of their numbers.
pub(crate) fn rules() -> Vec<Rule> {
    let formats = MACHINE.formats.iter().map(|format| Rule { id: format.id, finds: format.finds });
    formats.chain(OTHERS.map(|(id, finds)| Rule { id, finds })).collect()
}

impl Scanner for Secrets {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let machine = &*MACHINE;
        for candidate in candidates(machine, &piece.text, &self.on) {
            let rule = Cow::Borrowed(machine.rule_id(candidate.rule));
            let verdict = Verdict { rule, own: None, usual: Action::Mask, replacement: REDACTED };
            findings.extend(self.choice.finding(&piece.text, candidate.range(), &verdict));
        }
    }

    fn reach(&self) -> usize {
        REACH
    }

    fn settled(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let run = bytes.iter().rev().take(REACH).take_while(|byte| !byte.is_ascii_whitespace()).count();
        let open = key_block::open(bytes, REACH).unwrap_or(bytes.len());
        let held = (bytes.len() - run).saturating_sub(TAIL).min(open);
        text.floor_char_boundary(held)
    }
}

impl Machine {
    /// What stands where a word was found.
    fn candidate(
        &self,
        anchor: &Anchor,
        text: &[u8],
        start: usize,
        end: usize,
        on: &[bool],
    ) -> Option<Candidate> {
        let others = self.formats.len();
        let (range, rule, rank) = match &anchor.meaning {
            Meaning::Formats(formats) => formats.iter().find_map(|rule| {
                let format = self.formats.get(*rule).filter(|_| on.get(*rule) == Some(&true))?;
                Some((format.find(text, start, end)?, *rule, 1))
            })?,
            Meaning::KeyBlock => (key_block::find(text, start, end)?, others, 0),
            Meaning::Token => (token::find(text, start)?, others + 1, 1),
            Meaning::Address => (address::find(text, start, end)?, others + 2, 2),
            Meaning::Name(name) => {
                let (range, rule, rank) = assignment::find(text, start, end, *name)?;
                (range, others + rule, rank)
            }
        };
        Some(Candidate { start: range.0, end: range.1, rule, rank })
    }

    fn rule_id(&self, rule: usize) -> &'static str {
        let format = self.formats.get(rule).map(|format| format.id);
        let other = || OTHERS.get(rule - self.formats.len()).map_or("secret", |(id, _)| id);
        format.unwrap_or_else(other)
    }
}

/// What the rules propose that are on, the better of those that overlap.
fn candidates(machine: &Machine, text: &str, on: &[bool]) -> Vec<Candidate> {
    let mut all = Vec::new();
    let bytes = text.as_bytes();
    // Where the value of the last name ends: names within it are a part of it.
    let mut value_end = 0;
    for hit in machine.automaton.find_iter(bytes) {
        let Some(anchor) = machine.anchors.get(hit.pattern().as_usize()) else { continue };
        let is_name = matches!(anchor.meaning, Meaning::Name(_));
        if is_name && hit.start() < value_end {
            continue;
        }
        let found = machine.candidate(anchor, bytes, hit.start(), hit.end(), on);
        if let Some(candidate) = found.filter(|found| on.get(found.rule) == Some(&true)) {
            value_end = if is_name { candidate.end } else { value_end };
            all.push(candidate);
        }
    }
    settle(&mut all);
    all
}
