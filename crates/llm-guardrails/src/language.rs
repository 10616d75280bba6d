//! `language`: in which script or language a text is written, told by its letters and its commonest words.

mod detect;

use std::borrow::Cow;

use llm_core::guard::{Action, Finding, Piece, Scanner};

use self::detect::{LANGUAGES, detect};
use crate::choice::{Choice, Verdict};
use crate::parameters::{Parameters, nearest};

/// Shorter texts are in no language that can be told.
const SHORTEST: usize = 24;

/// Languages that may be used and languages that may not.
#[derive(Debug)]
struct Language {
    allowed: Vec<&'static str>,
    denied: Vec<&'static str>,
    shortest: usize,
    choice: Choice,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let allowed = codes("languages", &parameters.texts("languages")?)?;
    let denied = codes("denied_languages", &parameters.texts("denied_languages")?)?;
    let shortest = parameters.count("min_characters")?.unwrap_or(SHORTEST);
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    if allowed.is_empty() && denied.is_empty() {
        return Err("`languages` has no codes of languages that may be used, and `denied_languages` none that may not".into());
    }
    Ok(Language { allowed, denied, shortest, choice })
}

fn codes(parameter: &str, names: &[&str]) -> Result<Vec<&'static str>, String> {
    let known = |name: &&str| {
        let code = name.split(['-', '_']).next().unwrap_or_default();
        LANGUAGES.iter().find(|known| known.eq_ignore_ascii_case(code)).copied().ok_or_else(|| {
            format!("`{parameter}`: `{name}` is no language that can be told: {}", nearest(code, &LANGUAGES))
        })
    };
    names.iter().map(known).collect()
}

impl Scanner for Language {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let text = &*piece.text;
        let Some(language) = detect(text, self.shortest) else { return };
        let is_allowed = self.allowed.is_empty() || self.allowed.contains(&language);
        if is_allowed && !self.denied.contains(&language) {
            return;
        }
        let verdict = Verdict {
            rule: Cow::Owned(format!("language_{language}")),
            own: None,
            usual: Action::Block,
            replacement: Cow::Borrowed("[LANGUAGE]"),
        };
        findings.extend(self.choice.finding(text, 0..text.len(), &verdict));
    }

    fn reach(&self) -> usize {
        usize::MAX
    }
}
