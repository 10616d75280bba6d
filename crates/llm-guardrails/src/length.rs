//! `length`: texts that are too long, or too short.

use std::borrow::Cow;

use llm_core::guard::{Action, Finding, Piece, Scanner};
use llm_core::tokens;

use crate::choice::{Choice, Verdict};
use crate::parameters::Parameters;

/// Bounds of one text.
#[derive(Debug)]
struct Length {
    most_characters: Option<usize>,
    least_characters: Option<usize>,
    most_tokens: Option<usize>,
    choice: Choice,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let judge = Length {
        most_characters: parameters.count("max_characters")?,
        least_characters: parameters.count("min_characters")?,
        most_tokens: parameters.count("max_tokens")?,
        choice: Choice::read(&mut parameters)?,
    };
    parameters.finish()?;
    match judge {
        Length { most_characters: None, least_characters: None, most_tokens: None, .. } => {
            Err("one of `max_characters`, `min_characters` and `max_tokens` is needed".to_owned())
        }
        Length { most_characters: Some(most), least_characters: Some(least), .. } if least > most => {
            Err(format!("`min_characters` ({least}) is more than `max_characters` ({most})"))
        }
        judge => Ok(judge),
    }
}

impl Scanner for Length {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let text = &*piece.text;
        // A character has at least a byte and a token at least one, too.
        let characters = || text.chars().count();
        let too_long = self.most_characters.is_some_and(|most| text.len() > most && characters() > most);
        let too_short =
            self.least_characters.is_some_and(|least| text.len() < least * 4 && characters() < least);
        let too_many =
            self.most_tokens.is_some_and(|most| text.len() > most && tokens::of_text(text) > most as u64);
        let rule = match (too_long, too_many, too_short) {
            (true, ..) => "max_characters",
            (_, true, _) => "max_tokens",
            (.., true) => "min_characters",
            _ => return,
        };
        let verdict = Verdict {
            rule: Cow::Borrowed(rule),
            own: None,
            usual: Action::Block,
            replacement: Cow::Borrowed("[LENGTH]"),
        };
        findings.extend(self.choice.finding(text, 0..text.len(), &verdict));
    }

    fn reach(&self) -> usize {
        usize::MAX
    }
}
