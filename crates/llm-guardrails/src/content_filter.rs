//! `litellm_content_filter`: LiteLLM's own filter, with its names of parameters, patterns and tags.

mod categories;
mod prebuilt;
mod words_file;

use std::borrow::Cow;

use llm_core::guard::{Action, Finding, Piece, Scanner};
use serde_json::Value;

use self::categories::Category;
use self::prebuilt::Source;
use crate::candidates::{Candidate, settle};
use crate::choice::{Choice, Verdict};
use crate::parameters::{Parameters, action, nearest};
use crate::pattern::Pattern;
use crate::words::Words;
use crate::{pii, secrets};

/// The longest match of a pattern; longer ones are cut.
const LONGEST: usize = 1_024;

/// The filter: what is looked for, and what each number of a candidate says.
struct Filter {
    verdicts: Vec<Verdict>,
    patterns: Option<(Pattern, Vec<usize>)>,
    words: Option<(Words, usize)>,
    /// Categories with their verdicts.
    categories: Vec<(Category, usize)>,
    /// Judges of this crate that find a prebuilt pattern, with the verdict and what the passage must look like.
    judges: Vec<Prebuilt>,
    choice: Choice,
}

/// A prebuilt pattern that a judge finds, its verdict, and what the passage must look like.
type Prebuilt = (Box<dyn Scanner>, usize, fn(&str) -> bool);

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let format = parameters.text("pattern_redaction_format")?.unwrap_or("[{pattern_name}_REDACTED]");
    if !format.contains("{pattern_name}") {
        return Err("`pattern_redaction_format` must have `{pattern_name}` in it".to_owned());
    }
    let tag = parameters.text("keyword_redaction_tag")?.unwrap_or("[KEYWORD_REDACTED]").to_owned();
    let patterns = parameters.list("patterns")?;
    let words = read_words(&mut parameters)?;
    let categories = parameters.list("categories")?;
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    if patterns.is_empty() && words.is_empty() && categories.is_empty() {
        return Err("`patterns`, `blocked_words` and `categories` are all empty".to_owned());
    }
    let mut filter = Filter {
        verdicts: Vec::new(),
        patterns: None,
        words: None,
        categories: Vec::new(),
        judges: Vec::new(),
        choice,
    };
    filter.add_patterns(patterns, format)?;
    filter.add_words(words, &tag)?;
    for category in categories::read(categories)? {
        let rule = Cow::Owned(category.name.clone());
        let verdict = filter.verdict(rule, category.action, tag.clone());
        filter.categories.push((category, verdict));
    }
    Ok(filter)
}

/// The words of `blocked_words` and of the text of a file, with their actions.
fn read_words(parameters: &mut Parameters<'_>) -> Result<Vec<(String, Action)>, String> {
    let mut words = Vec::new();
    for (number, value) in parameters.list("blocked_words")?.iter().enumerate() {
        let path = format!("blocked_words[{number}]");
        let mut word = Parameters::within(&path, value)?;
        let keyword = word.text("keyword")?.filter(|keyword| !keyword.is_empty());
        let keyword = keyword.ok_or_else(|| format!("`{path}.keyword` is missing"))?.to_owned();
        let action =
            word.action("action")?.ok_or_else(|| format!("`{path}.action` is missing: BLOCK or MASK"))?;
        word.text("description")?;
        word.finish()?;
        words.push((keyword, action));
    }
    if let Some(text) = parameters.text("blocked_words_file")? {
        words.extend(words_file::read(text)?);
    }
    Ok(words)
}

impl Filter {
    fn verdict(&mut self, rule: Cow<'static, str>, action: Action, replacement: String) -> usize {
        let replacement = Cow::Owned(replacement);
        self.verdicts.push(Verdict { rule, own: Some(action), usual: action, replacement });
        self.verdicts.len() - 1
    }

    fn add_patterns(&mut self, patterns: &[Value], format: &str) -> Result<(), String> {
        let (mut names, mut regexes, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for (number, value) in patterns.iter().enumerate() {
            let path = format!("patterns[{number}]");
            let one = read_pattern(&path, value)?;
            let replacement = format.replace("{pattern_name}", &one.name.to_uppercase());
            let verdict = self.verdict(Cow::Owned(one.name), one.action, replacement);
            match one.source {
                Source::Regex(regex) => {
                    names.push(format!("{path}.pattern"));
                    regexes.push(regex.into_owned());
                    numbers.push(verdict);
                }
                Source::Personal(rule, fits) => self.judges.push((Box::new(pii::only(rule)?), verdict, fits)),
                Source::Secret(rules, fits) => {
                    self.judges.push((Box::new(secrets::only(rules)?), verdict, fits));
                }
            }
        }
        if !regexes.is_empty() {
            self.patterns = Some((Pattern::new(&names, &regexes, LONGEST)?, numbers));
        }
        Ok(())
    }

    /// Words have numbers that follow on each other.
    fn add_words(&mut self, words: Vec<(String, Action)>, tag: &str) -> Result<(), String> {
        if words.is_empty() {
            return Ok(());
        }
        let first = self.verdicts.len();
        let (keywords, actions): (Vec<String>, Vec<Action>) = words.into_iter().unzip();
        for action in actions {
            self.verdict(Cow::Borrowed("blocked_word"), action, tag.to_owned());
        }
        self.words = Some((Words::new(&keywords, false)?, first));
        Ok(())
    }
}

impl Filter {
    /// The longest passage of words and patterns, with what is around it.
    fn own_reach(&self) -> usize {
        let words = self.words.as_ref().map_or(0, |(words, _)| words.reach());
        let patterns = self.patterns.as_ref().map_or(0, |_| LONGEST + 8);
        // An exception may stand on both sides of a phrase.
        let categories = self.categories.iter().map(|(category, _)| 2 * category.reach()).max().unwrap_or(0);
        words.max(patterns).max(categories)
    }
}

/// A pattern as it is configured.
struct Configured {
    name: String,
    action: Action,
    source: Source,
}

fn read_pattern(path: &str, value: &Value) -> Result<Configured, String> {
    let mut one = Parameters::within(path, value)?;
    let kind = one.text("pattern_type")?.unwrap_or("prebuilt");
    let (pattern_name, pattern, name) = (one.text("pattern_name")?, one.text("pattern")?, one.text("name")?);
    let text = one.text("action")?.ok_or_else(|| format!("`{path}.action` is missing: BLOCK or MASK"))?;
    let action = action(&format!("{path}.action"), text)?;
    one.finish()?;
    match kind {
        "prebuilt" => {
            let name = pattern_name.ok_or_else(|| format!("`{path}.pattern_name` is missing"))?;
            let source = prebuilt::source(name).ok_or_else(|| {
                let near = nearest(name, &prebuilt::NAMES);
                format!("`{path}.pattern_name`: there is no pattern `{name}`: {near}")
            })?;
            Ok(Configured { name: name.to_owned(), action, source })
        }
        "regex" => {
            let pattern = pattern.ok_or_else(|| format!("`{path}.pattern` is missing"))?;
            let name = name.or(pattern_name).unwrap_or("custom_pattern").to_owned();
            Ok(Configured { name, action, source: Source::Regex(Cow::Owned(pattern.to_owned())) })
        }
        other => Err(format!("`{path}.pattern_type` must be `prebuilt` or `regex`, not `{other}`")),
    }
}

impl Scanner for Filter {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let text = &*piece.text;
        let mut all = Vec::new();
        let mut add = |range: std::ops::Range<usize>, rule: usize| {
            // What blocks stays where it overlaps what is masked.
            let blocks =
                self.verdicts.get(rule).is_some_and(|verdict| self.choice.action(verdict) == Action::Block);
            all.push(Candidate { start: range.start, end: range.end, rule, rank: u8::from(!blocks) });
        };
        for (judge, verdict, fits) in &self.judges {
            let mut found = Vec::new();
            judge.scan(piece, &mut found);
            let ranges = found.into_iter().map(|finding| finding.range);
            ranges
                .filter(|range| text.get(range.clone()).is_some_and(fits))
                .for_each(|range| add(range, *verdict));
        }
        if let Some((pattern, numbers)) = &self.patterns {
            pattern.each(text, |found| {
                numbers
                    .get(found.pattern)
                    .into_iter()
                    .for_each(|verdict| add(found.start..found.end, *verdict));
            });
        }
        if let Some((words, first)) = &self.words {
            words.each(text, |word, range| add(range, first + word));
        }
        for (category, verdict) in &self.categories {
            category.each(text, |range| add(range, *verdict));
        }
        settle(&mut all);
        for candidate in all {
            let verdict = self.verdicts.get(candidate.rule);
            findings
                .extend(verdict.and_then(|verdict| self.choice.finding(text, candidate.range(), verdict)));
        }
    }

    fn reach(&self) -> usize {
        let judges = self.judges.iter().map(|(judge, ..)| judge.reach()).max().unwrap_or(0);
        judges.max(self.own_reach())
    }

    fn settled(&self, text: &str) -> usize {
        let own = self.own_reach();
        let judges = self.judges.iter().map(|(judge, ..)| judge.settled(text)).min().unwrap_or(text.len());
        judges.min(text.floor_char_boundary(text.len().saturating_sub(own)))
    }
}
