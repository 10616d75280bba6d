//! Categories of the content filter: lists of phrases by LiteLLM's names, this project's own or those of a file.

use std::ops::Range;

use llm_core::guard::Action;
use serde_json::Value;

use crate::parameters::{Parameters, nearest};
use crate::words::Words;

/// The lists that come with the program.
const LISTS: &str = include_str!("../../data/categories.tsv");

/// How sure it is that a phrase means harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Low,
    Medium,
    High,
}

/// A category that is on.
#[derive(Debug)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) action: Action,
    words: Words,
    exceptions: Option<Words>,
}

/// The phrases of a category, before its threshold is known.
#[derive(Default)]
struct Phrases {
    all: Vec<(String, Severity)>,
    exceptions: Vec<String>,
    action: Option<Action>,
}

impl Category {
    /// Where its phrases stand, but for those within an exception.
    pub(super) fn each(&self, text: &str, mut found: impl FnMut(Range<usize>)) {
        let mut excepted: Vec<Range<usize>> = Vec::new();
        if let Some(exceptions) = &self.exceptions {
            exceptions.each(text, |_, range| excepted.push(range));
        }
        let is_excepted =
            |range: &Range<usize>| excepted.iter().any(|one| one.start < range.end && range.start < one.end);
        self.words.each(text, |_, range| {
            if !is_excepted(&range) {
                found(range);
            }
        });
    }

    pub(super) fn reach(&self) -> usize {
        self.words.reach().max(self.exceptions.as_ref().map_or(0, Words::reach))
    }
}

/// The names of the lists that there are.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = rows().map(|(name, ..)| name).collect();
    names.dedup();
    names
}

/// Reads `categories`: those that are enabled.
pub(super) fn read(entries: &[Value]) -> Result<Vec<Category>, String> {
    let mut categories = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let path = format!("categories[{number}]");
        let mut one = Parameters::within(&path, entry)?;
        let name = one.text("category")?.ok_or_else(|| format!("`{path}.category` is missing"))?;
        let is_on = one.flag("enabled")?.unwrap_or(true);
        let action = one.action("action")?;
        let threshold = one.text("severity_threshold")?.unwrap_or("medium");
        let threshold = severity(&format!("{path}.severity_threshold"), threshold)?;
        let file = one.value("category_file");
        one.finish()?;
        let phrases = match file {
            Some(file) => of_file(&format!("{path}.category_file"), file)?,
            None => of_list(name).ok_or_else(|| unknown(&path, name))?,
        };
        if is_on {
            categories.push(built(&path, name, action, threshold, phrases)?);
        }
    }
    Ok(categories)
}

fn built(
    path: &str,
    name: &str,
    action: Option<Action>,
    threshold: Severity,
    phrases: Phrases,
) -> Result<Category, String> {
    let words = phrases.all.into_iter().filter(|(_, severity)| *severity >= threshold);
    let words: Vec<String> = words.map(|(word, _)| word).collect();
    if words.is_empty() {
        return Err(format!("`{path}` has no words of this severity"));
    }
    let exceptions = (!phrases.exceptions.is_empty()).then(|| Words::new(&phrases.exceptions, false));
    Ok(Category {
        name: name.to_owned(),
        action: action.or(phrases.action).unwrap_or(Action::Block),
        words: Words::new(&words, true)?,
        exceptions: exceptions.transpose()?,
    })
}

fn unknown(path: &str, name: &str) -> String {
    let near = nearest(name, &names());
    format!(
        "`{path}.category`: there is no list `{name}` here: {near} (or give one of your own with `category_file`)"
    )
}

fn severity(path: &str, text: &str) -> Result<Severity, String> {
    match text.to_ascii_lowercase().as_str() {
        "low" => Ok(Severity::Low),
        "medium" => Ok(Severity::Medium),
        "high" => Ok(Severity::High),
        _ => Err(format!("`{path}` must be `low`, `medium` or `high`, not `{text}`")),
    }
}

/// Category, severity and phrases of each row.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    LISTS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (name, rest) = line.split_once('\t')?;
        let (severity, phrases) = rest.split_once('\t')?;
        Some((name, severity, phrases))
    })
}

fn of_list(wanted: &str) -> Option<Phrases> {
    let mut phrases = Phrases::default();
    for (_, kind, row) in rows().filter(|(name, ..)| *name == wanted) {
        let row = row.split('|').map(str::to_owned);
        match severity("", kind) {
            Ok(severity) => phrases.all.extend(row.map(|phrase| (phrase, severity))),
            Err(_) => phrases.exceptions.extend(row),
        }
    }
    (!phrases.all.is_empty()).then_some(phrases)
}

/// LiteLLM's file of a category, read already: keywords and phrases with severities, and exceptions.
fn of_file(path: &str, file: &Value) -> Result<Phrases, String> {
    let mut read = Parameters::within(path, file)?;
    read.text("category_name")?;
    read.text("description")?;
    let mut phrases = Phrases { action: read.action("default_action")?, ..Phrases::default() };
    for (list, member) in [("keywords", "keyword"), ("phrases", "phrase")] {
        for (number, entry) in read.list(list)?.iter().enumerate() {
            let path = format!("{path}.{list}[{number}]");
            let mut one = Parameters::within(&path, entry)?;
            let phrase = one.text(member)?.filter(|phrase| !phrase.is_empty());
            let phrase = phrase.ok_or_else(|| format!("`{path}.{member}` is missing"))?;
            let kind = one.text("match_type")?.unwrap_or("exact");
            if kind != "exact" {
                return Err(format!(
                    "`{path}.match_type`: phrases are found as they are written here (`exact`), not `{kind}`: list the spellings"
                ));
            }
            let level = severity(&format!("{path}.severity"), one.text("severity")?.unwrap_or("medium"))?;
            one.finish()?;
            phrases.all.push((phrase.to_owned(), level));
        }
    }
    phrases.exceptions = read.texts("exceptions")?.into_iter().map(str::to_owned).collect();
    read.finish()?;
    Ok(phrases)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(entry: Value, text: &str) -> usize {
        let categories = read(&[entry]).expect("a category");
        let mut count = 0;
        categories.iter().for_each(|category| category.each(text, |_| count += 1));
        count
    }

    #[test]
    fn every_list_can_be_built_at_every_threshold() {
        for name in names() {
            for threshold in ["low", "medium", "high"] {
                let entry = json!({"category": name, "severity_threshold": threshold});
                assert_eq!(read(&[entry]).map(|all| all.len()), Ok(1), "{name} {threshold}");
            }
        }
        assert_eq!(names().len(), 11);
    }

    #[test]
    fn severity_decides_and_exceptions_are_let_through() {
        let of = |threshold: &str| json!({"category": "harmful_self_harm", "severity_threshold": threshold});
        assert_eq!(found(of("medium"), "he spoke of suicide"), 1);
        assert_eq!(found(of("high"), "he spoke of suicide"), 0);
        assert_eq!(found(of("medium"), "Call the Suicide Hotline"), 0);
        assert_eq!(found(of("medium"), "suicide prevention, and suicide"), 1);
        let off = json!({"category": "harmful_self_harm", "enabled": false});
        assert_eq!(read(&[off]).map(|all| all.len()), Ok(0));
    }

    #[test]
    fn files_have_litellms_form_and_what_is_not_known_is_named() {
        let file = json!({"category_name": "mine", "default_action": "MASK", "keywords": [{"keyword": "zorp", "severity": "high"}],
                          "phrases": [{"phrase": "two words", "match_type": "exact"}], "exceptions": ["zorp prevention"]});
        let entry = json!({"category": "mine", "category_file": file});
        assert_eq!(read(std::slice::from_ref(&entry)).expect("valid")[0].action, Action::Mask);
        assert_eq!(found(entry, "zorp, two words, zorp prevention"), 2);
        let error = |entry: Value| read(&[entry]).expect_err("wrong");
        assert!(error(json!({"category": "bias_gendr"})).contains("did you mean `bias_gender`?"));
        assert!(error(json!({"category": "bias_gender", "severity_threshold": "some"})).contains("`high`"));
        let fuzzy = json!({"phrases": [{"phrase": "a b", "match_type": "fuzzy"}]});
        assert!(error(json!({"category": "x", "category_file": fuzzy})).contains("match_type"));
    }
}
