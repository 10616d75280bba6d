//! Every key that a configuration may have: its shape, what it does, and which of LiteLLM's keys have no effect yet.
//!
//! This table is the one source of strict checking, of the schema for editors and of the reference in the docs.

mod cache;
mod deployment;
mod extending;
pub(crate) mod governance;
mod litellm;
mod network;
mod root;
mod routing;
mod settings;
pub(crate) mod tokens;

use llm_metrics::prices::is_long_prompt_price;

pub(crate) use deployment::{PARAMS, VENDOR_PARAMETERS};
pub(crate) use root::ROOT;

/// Stands in the table for every price of prompts beyond a length.
pub(crate) const LONG_PROMPT_PRICES: &str = "*_above_*k_tokens";

/// A key that has an effect.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) about: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Text,
    /// A text that is never shown.
    Secret,
    /// One secret or a list of them.
    Secrets,
    Bool,
    Whole,
    Number,
    /// A decimal number of dollars that must not pass through a float.
    Dollars,
    Seconds,
    /// A window of time with its unit, such as `1h` or `30d`.
    Period,
    /// A period of a budget: `30d`, `1mo`, `daily`.
    Duration,
    Choice(&'static [&'static str]),
    /// One text or a list of them.
    Texts,
    /// A map of texts.
    TextMap,
    /// Anything; goes on as JSON.
    Json,
    Section(&'static Section),
    /// A list of sections.
    Sections(&'static Section),
    /// A map of names to sections.
    Named(&'static Section),
    /// A list of maps from a group to its fallbacks, or a plain list of default fallbacks.
    Fallbacks,
    /// A map from a name to a group, or to `{model, hidden}`.
    Aliases,
}

/// A map of a configuration.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [&'static [Key]],
    /// Keys of LiteLLM's without an effect here yet; a `*` at either end stands for any text.
    pub(crate) later: &'static [&'static [&'static str]],
    /// Keys of LiteLLM's that would change nothing here, and why.
    pub(crate) moot: &'static [(&'static str, &'static str)],
    /// Other keys are the user's own notes: a warning, not an error.
    pub(crate) notes: bool,
}

impl Section {
    /// A section of our own: all of its keys have an effect, and any other one is an error.
    const fn of(name: &'static str, about: &'static str, keys: &'static [&'static [Key]]) -> Self {
        Self { name, about, keys, later: &[], moot: &[], notes: false }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().flat_map(|keys| keys.iter())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'static Key> {
        let wanted = match name {
            LONG_PROMPT_PRICES => return None,
            _ if is_long_prompt_price(name) => LONG_PROMPT_PRICES,
            _ => name,
        };
        self.all().find(|key| key.name == wanted)
    }

    pub(crate) fn later_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.later.iter().flat_map(|names| names.iter().copied())
    }

    /// Whether a key is one of LiteLLM's that would change nothing here.
    pub(crate) fn is_moot(&self, name: &str) -> bool {
        self.moot.iter().any(|(known, _)| *known == name)
    }

    /// Whether a key is one of LiteLLM's that has no effect yet.
    pub(crate) fn comes_later(&self, name: &str) -> bool {
        !self.is_moot(name)
            && self.later_names().any(|known| match (known.strip_prefix('*'), known.strip_suffix('*')) {
                (Some(inner), Some(_)) => name.contains(inner.trim_end_matches('*')),
                (Some(end), None) => name.ends_with(end),
                (None, Some(start)) => name.starts_with(start),
                (None, None) => name == known,
            })
    }

    /// The known key that is spelt most like this one, when one is near enough to be meant.
    pub(crate) fn nearest(&self, name: &str) -> Option<&'static str> {
        let known = self.all().map(|key| key.name).chain(self.later_names());
        nearest(name, known.filter(|known| !known.contains('*')))
    }
}

/// The candidate that is spelt most like a name, when one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &str| {
        strsim::jaro_winkler(known, name).max(strsim::normalized_damerau_levenshtein(known, name))
    };
    let scored = candidates.map(|known| (likeness(known), known));
    let best = scored.max_by(|(a, first), (b, second)| a.total_cmp(b).then_with(|| second.cmp(first)))?;
    (best.0 >= 0.8).then_some(best.1)
}

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, about }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn each_section(section: &'static Section, seen: &mut Vec<&'static Section>) {
        if seen.iter().any(|known| std::ptr::eq(*known, section)) {
            return;
        }
        seen.push(section);
        for key in section.all() {
            if let Shape::Section(inner) | Shape::Sections(inner) | Shape::Named(inner) = key.shape {
                each_section(inner, seen);
            }
        }
    }

    #[test]
    fn no_key_stands_twice_in_a_section_and_none_is_both_ready_and_later() {
        let mut sections = Vec::new();
        each_section(&ROOT, &mut sections);
        for section in sections {
            let mut names = HashSet::new();
            for key in section.all() {
                assert!(names.insert(key.name), "{}: {} twice", section.name, key.name);
                assert!(
                    !section.later_names().any(|later| later == key.name),
                    "{}: {}",
                    section.name,
                    key.name
                );
                assert!(!key.about.is_empty(), "{}: {} says nothing", section.name, key.name);
            }
        }
    }

    #[test]
    fn the_full_example_has_every_key() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/full.yaml");
        let text = std::fs::read_to_string(path).expect("config/full.yaml is there");
        let mut sections = Vec::new();
        each_section(&ROOT, &mut sections);
        let missing = sections.iter().flat_map(|section| section.all()).map(|key| key.name);
        let given = |name: &str| match name {
            LONG_PROMPT_PRICES => text.contains("k_tokens:"),
            _ => text.contains(&format!("{name}:")),
        };
        let missing: Vec<&str> = missing.filter(|name| !given(name)).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn a_misspelt_key_finds_its_nearest() {
        let section = ROOT.find("model_list").map(|key| key.shape);
        let Some(Shape::Sections(entry)) = section else { panic!("model_list is a list of sections") };
        assert_eq!(entry.nearest("model_nmae"), Some("model_name"));
        assert_eq!(entry.nearest("litelm_params"), Some("litellm_params"));
        assert_eq!(entry.nearest("zzz"), None);
    }
}
