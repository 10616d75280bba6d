//! `tool_allow_list`: which tools may be offered and called, by their names.

use std::borrow::Cow;

use llm_core::guard::{Action, Finding, Piece, Place, Scanner};

use crate::choice::{Choice, Verdict};
use crate::glob::Glob;
use crate::parameters::Parameters;

/// Tools that may be used and tools that may not.
#[derive(Debug)]
struct Tools {
    allowed: Vec<Glob>,
    denied: Vec<Glob>,
    choice: Choice,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let globs = |names: Vec<&str>| names.into_iter().map(Glob::new).collect::<Vec<_>>();
    let (allowed, denied) = (globs(parameters.texts("tools")?), globs(parameters.texts("denied_tools")?));
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    if allowed.is_empty() && denied.is_empty() {
        return Err(
            "`tools` has no names of tools that may be used, and `denied_tools` none that may not".to_owned()
        );
    }
    Ok(Tools { allowed, denied, choice })
}

impl Scanner for Tools {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let name = &*piece.text;
        let is_denied = self.denied.iter().any(|glob| glob.fits(name));
        let is_allowed = self.allowed.is_empty() || self.allowed.iter().any(|glob| glob.fits(name));
        if piece.place != Place::ToolName || name.is_empty() || (is_allowed && !is_denied) {
            return;
        }
        let verdict = Verdict {
            rule: Cow::Borrowed("tool_not_allowed"),
            own: None,
            usual: Action::Block,
            replacement: Cow::Borrowed("tool_not_allowed"),
        };
        findings.extend(self.choice.finding(name, 0..name.len(), &verdict));
    }

    fn looks_at(&self, place: Place) -> bool {
        place == Place::ToolName
    }

    fn reach(&self) -> usize {
        usize::MAX
    }
}
