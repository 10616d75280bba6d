//! `prompt_injection`: attempts to talk a model out of its instructions, by the words, signs and disguises that they use.

mod delimiters;
mod fold;
mod likeness;
mod payload;
mod phrases;

use std::borrow::Cow;
use std::ops::Range;

use llm_core::guard::{Action, Finding, Piece, Place, Scanner};

use self::fold::Folded;
use crate::candidates::{Candidate, settle};
use crate::choice::{Choice, Verdict, chosen_rules};
use crate::kinds::Rule;
use crate::parameters::Parameters;

/// The rules, in the order of their numbers.
const RULES: [(&str, &str); 9] = [
    (
        "instruction_override",
        "Ignore, forget or override instructions that came before, in some twenty languages",
    ),
    ("role_play", "Personas without limits: DAN, developer mode, unrestricted models"),
    ("system_prompt_extraction", "Asks for the system prompt or for the text above"),
    ("exfiltration", "Tells a model to hide something from the user or to send data away"),
    ("filter_evasion", "Switches filters off, forbids refusals"),
    ("delimiter_forgery", "Marks of chat templates and of system messages within a text"),
    ("encoded_payload", "Base64 whose content is such an attempt, or the order to decode and follow"),
    (
        "hidden_characters",
        "Letters that nobody sees: Unicode tags, many zero-width or bidirectional marks in words",
    ),
    ("similar_attack", "Much like an attempt that is known"),
];

/// A passage that speaks for an attempt.
#[derive(Clone, Debug)]
struct Signal {
    rule: usize,
    /// How likely it is an attempt because of this alone.
    weight: f64,
    range: Range<usize>,
}

/// Looks for attempts.
#[derive(Debug)]
struct Injection {
    choice: Choice,
    on: Vec<bool>,
    threshold: f64,
    similarity: Option<f64>,
    heuristics: bool,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let on = chosen_rules(&mut parameters, &RULES.map(|(id, _)| id))?;
    let heuristics = parameters.flag("heuristics_check")?.unwrap_or(true);
    let similar = parameters.flag("similarity_check")?.unwrap_or(true);
    if parameters.flag("llm_api_check")? == Some(true) {
        return Err(
            "`llm_api_check` asks a model, which this judge cannot: configure it at the gateway".to_owned()
        );
    }
    let similarity = parameters.share("similarity_threshold")?.unwrap_or(0.65);
    let threshold = parameters.share("threshold")?.unwrap_or(0.7);
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    if !heuristics && !similar {
        return Err("`heuristics_check` and `similarity_check` are both off: nothing is looked at".to_owned());
    }
    Ok(Injection { choice, on, threshold, similarity: similar.then_some(similarity), heuristics })
}

/// The rules, in the order of their numbers.
pub(crate) fn rules() -> Vec<Rule> {
    RULES.map(|(id, finds)| Rule { id, finds }).to_vec()
}

impl Scanner for Injection {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let text = &*piece.text;
        let mut signals = self.signals(text);
        signals.retain(|signal| self.on.get(signal.rule) == Some(&true));
        if score(&signals) < self.threshold {
            return;
        }
        let candidate = |signal: &Signal| Candidate {
            start: signal.range.start,
            end: signal.range.end,
            rule: signal.rule,
            rank: 100 - (signal.weight * 100.0) as u8,
        };
        let mut all: Vec<Candidate> = signals.iter().map(candidate).collect();
        settle(&mut all);
        for candidate in all {
            let Some((rule, _)) = RULES.get(candidate.rule) else { continue };
            let verdict = Verdict {
                rule: Cow::Borrowed(rule),
                own: None,
                usual: Action::Block,
                replacement: Cow::Borrowed("[PROMPT_INJECTION]"),
            };
            findings.extend(self.choice.finding(text, candidate.range(), &verdict));
        }
    }

    /// Who writes instructions and what a model says is not under suspicion.
    fn looks_at(&self, place: Place) -> bool {
        !matches!(place, Place::System | Place::Assistant | Place::Reasoning)
    }

    fn reach(&self) -> usize {
        usize::MAX
    }
}

impl Injection {
    fn signals(&self, text: &str) -> Vec<Signal> {
        let folded = Folded::new(text);
        let mut signals = Vec::new();
        if self.heuristics {
            phrases::find(&folded, &mut signals);
            delimiters::find(text, &mut signals);
            payload::find(text, &mut signals);
            signals.extend(folded.hidden(text));
        }
        if let Some(threshold) = self.similarity {
            likeness::find(&folded, threshold, &mut signals);
        }
        signals
    }
}

/// How likely a text is an attempt: each rule counts once, with the strongest of its signals.
fn score(signals: &[Signal]) -> f64 {
    let mut strongest = [0.0f64; RULES.len()];
    for signal in signals {
        if let Some(weight) = strongest.get_mut(signal.rule) {
            *weight = weight.max(signal.weight);
        }
    }
    1.0 - strongest.iter().map(|weight| 1.0 - weight).product::<f64>()
}
