//! What every judge of passages lets its operator choose: the action, which rules are on, what is let through.

use std::borrow::Cow;
use std::ops::Range;

use llm_core::guard::{Action, Finding};

use crate::glob::Glob;
use crate::parameters::{Parameters, nearest};
use crate::pattern::Pattern;

/// The choice for one judge.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// For all rules that have none of their own.
    action: Option<Action>,
    replacement: Option<String>,
    allowed: Vec<Glob>,
    allowed_patterns: Vec<Pattern>,
}

/// What a rule says about the passages that it finds.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) rule: Cow<'static, str>,
    /// The action that was chosen for this rule.
    pub(crate) own: Option<Action>,
    /// The action where none was chosen.
    pub(crate) usual: Action,
    pub(crate) replacement: Cow<'static, str>,
}

impl Choice {
    /// Reads `action`, `replacement` and `allow`.
    pub(crate) fn read(parameters: &mut Parameters<'_>) -> Result<Self, String> {
        let mut choice = Self {
            action: parameters.action("action")?,
            replacement: parameters.text("replacement")?.map(str::to_owned),
            ..Self::default()
        };
        for text in parameters.texts("allow")? {
            match text
                .strip_prefix('/')
                .and_then(|text| text.strip_suffix('/'))
                .filter(|text| !text.is_empty())
            {
                Some(pattern) => choice.allowed_patterns.push(Pattern::whole("allow", pattern)?),
                None => choice.allowed.push(Glob::new(text)),
            }
        }
        Ok(choice)
    }

    /// The finding of a passage, unless it is let through.
    pub(crate) fn finding(&self, text: &str, range: Range<usize>, verdict: &Verdict) -> Option<Finding> {
        if self.allows(text.get(range.clone())?) {
            return None;
        }
        let replacement = self.replacement.clone().map_or_else(|| verdict.replacement.clone(), Cow::Owned);
        Some(Finding { range, rule: verdict.rule.clone(), action: self.action(verdict), replacement })
    }

    /// What is done: the rule's own action, or that for all, or the usual one.
    pub(crate) fn action(&self, verdict: &Verdict) -> Action {
        verdict.own.or(self.action).unwrap_or(verdict.usual)
    }

    /// Whether a passage is let through.
    pub(crate) fn allows(&self, passage: &str) -> bool {
        self.allowed.iter().any(|glob| glob.fits(passage))
            || self.allowed_patterns.iter().any(|pattern| pattern.fits(passage))
    }
}

/// Which rules are on, by their place in the list: `rules` names those that are, `exclude` those that are not.
pub(crate) fn chosen_rules(parameters: &mut Parameters<'_>, known: &[&str]) -> Result<Vec<bool>, String> {
    let only = parameters.texts("rules")?;
    let mut on = vec![only.is_empty(); known.len()];
    for (names, is_on) in [(("rules", only), true), (("exclude", parameters.texts("exclude")?), false)] {
        let (parameter, names) = names;
        for name in names {
            let place = known.iter().position(|known| known.eq_ignore_ascii_case(name));
            let Some(slot) = place.and_then(|place| on.get_mut(place)) else {
                return Err(format!(
                    "`{parameter}` names an unknown rule `{name}`: {}",
                    nearest(name, known)
                ));
            };
            *slot = is_on;
        }
    }
    Ok(on)
}
