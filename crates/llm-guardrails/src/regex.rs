//! `regex`: patterns of the operator, each with its name, action and replacement.

use std::borrow::Cow;

use llm_core::guard::{Action, Finding, Piece, Scanner};

use crate::choice::{Choice, Verdict};
use crate::parameters::Parameters;
use crate::pattern::Pattern;

/// Longer matches are cut unless `longest_match` says otherwise.
const LONGEST: usize = 1_024;

/// Looks for patterns.
#[derive(Debug)]
struct Regexes {
    pattern: Pattern,
    longest: usize,
    verdicts: Vec<Verdict>,
    choice: Choice,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let (mut names, mut patterns, mut verdicts) = (Vec::new(), Vec::new(), Vec::new());
    for (number, value) in parameters.list("patterns")?.iter().enumerate() {
        let path = format!("patterns[{number}]");
        let mut one = match value.as_str() {
            Some(pattern) => {
                names.push(path.clone());
                patterns.push(pattern.to_owned());
                verdicts.push(verdict(None, None, None));
                continue;
            }
            None => Parameters::within(&path, value)?,
        };
        let pattern = one.text("pattern")?.ok_or_else(|| format!("`{path}.pattern` is missing"))?;
        let (name, action, replacement) =
            (one.text("name")?, one.action("action")?, one.text("replacement")?);
        one.finish()?;
        names.push(format!("{path}.pattern"));
        patterns.push(pattern.to_owned());
        verdicts.push(verdict(name, action, replacement));
    }
    if patterns.is_empty() {
        return Err("`patterns` has no patterns".to_owned());
    }
    let longest = parameters.count("longest_match")?.unwrap_or(LONGEST).clamp(4, 1 << 20);
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    Ok(Regexes { pattern: Pattern::new(&names, &patterns, longest)?, longest, verdicts, choice })
}

fn verdict(name: Option<&str>, action: Option<Action>, replacement: Option<&str>) -> Verdict {
    let tag =
        || name.map_or_else(|| "[REDACTED]".to_owned(), |name| format!("[{}_REDACTED]", name.to_uppercase()));
    Verdict {
        rule: name.map_or(Cow::Borrowed("regex"), |name| Cow::Owned(name.to_owned())),
        own: action,
        usual: Action::Mask,
        replacement: Cow::Owned(replacement.map_or_else(tag, str::to_owned)),
    }
}

impl Scanner for Regexes {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let text = &piece.text;
        self.pattern.each(text, |found| {
            let verdict = self.verdicts.get(found.pattern);
            findings.extend(
                verdict.and_then(|verdict| self.choice.finding(text, found.start..found.end, verdict)),
            );
        });
    }

    fn reach(&self) -> usize {
        self.longest + 8
    }
}
