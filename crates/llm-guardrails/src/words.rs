//! `banned_keywords`: words of a list, as whole words and in any case.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use llm_core::guard::{Action, Finding, Piece, Scanner};

use crate::choice::{Choice, Verdict};
use crate::parameters::Parameters;

/// Words that are looked for together, in any case.
#[derive(Debug)]
pub(crate) struct Words {
    automaton: AhoCorasick,
    /// By the number of the spelling: the number of the word.
    words: Vec<usize>,
    longest: usize,
    whole: bool,
}

impl Words {
    /// Words to look for, as whole words or as parts of others too.
    pub(crate) fn new<T: AsRef<str>>(words: &[T], whole: bool) -> Result<Self, String> {
        let mut spellings: Vec<(String, usize)> = Vec::new();
        for (number, word) in words.iter().enumerate() {
            let word = word.as_ref();
            let title: String = word.chars().take(1).flat_map(char::to_uppercase).collect();
            let rest: String = word.chars().skip(1).flat_map(char::to_lowercase).collect();
            let cases = [word.to_owned(), word.to_lowercase(), word.to_uppercase(), title + &rest];
            let different: BTreeSet<String> =
                if word.is_ascii() { [word.to_owned()].into() } else { cases.into() };
            spellings.extend(different.into_iter().map(|spelling| (spelling, number)));
        }
        let few = spellings.len() < 300;
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(few.then_some(AhoCorasickKind::DFA))
            .build(spellings.iter().map(|(spelling, _)| spelling))
            .map_err(|_| "the list of words is too large".to_owned())?;
        let longest = spellings.iter().map(|(spelling, _)| spelling.len()).max().unwrap_or(0);
        Ok(Self {
            automaton,
            words: spellings.into_iter().map(|(_, number)| number).collect(),
            longest,
            whole,
        })
    }

    /// The longest word with a character on each side, in bytes.
    pub(crate) fn reach(&self) -> usize {
        self.longest + 8
    }

    /// All words in order, without overlaps: the number of the word, and where.
    pub(crate) fn each(&self, text: &str, mut found: impl FnMut(usize, std::ops::Range<usize>)) {
        for hit in self.automaton.find_iter(text) {
            if (!self.whole || is_whole(text, hit.start(), hit.end()))
                && text.is_char_boundary(hit.start())
                && let Some(word) = self.words.get(hit.pattern().as_usize())
            {
                found(*word, hit.start()..hit.end());
            }
        }
    }
}

/// Whether no word goes on at either end. Scripts that are written without blanks have no such ends.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let goes_on =
        |left: Option<char>, right: Option<char>| left.is_some_and(joins) && right.is_some_and(joins);
    let (before, within) = (text.get(..start).unwrap_or_default(), text.get(start..end).unwrap_or_default());
    let after = text.get(end..).unwrap_or_default();
    !goes_on(before.chars().next_back(), within.chars().next())
        && !goes_on(within.chars().next_back(), after.chars().next())
}

/// Letters and digits of scripts whose words stand apart.
fn joins(letter: char) -> bool {
    let runs_on = matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    (letter.is_alphanumeric() || letter == '_') && !runs_on
}

/// Looks for banned words.
#[derive(Debug)]
struct Banned {
    words: Words,
    choice: Choice,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let mut list: Vec<String> = parameters.texts("keywords")?.into_iter().map(str::to_owned).collect();
    // LiteLLM's name for the list; there it may also be a file, one word a line, whose content is handed over.
    list.extend(
        parameters
            .texts("banned_keywords_list")?
            .into_iter()
            .flat_map(str::lines)
            .map(|word| word.trim().to_owned()),
    );
    list.retain(|word| !word.is_empty());
    if list.is_empty() {
        return Err("`keywords` has no words".to_owned());
    }
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    Ok(Banned { words: Words::new(&list, true)?, choice })
}

impl Scanner for Banned {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let verdict = Verdict {
            rule: Cow::Borrowed("banned_keyword"),
            own: None,
            usual: Action::Block,
            replacement: Cow::Borrowed("[KEYWORD_REDACTED]"),
        };
        let text = &piece.text;
        self.words.each(text, |_, range| {
            findings.extend(self.choice.finding(text, range, &verdict));
        });
    }

    fn reach(&self) -> usize {
        self.words.reach()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str], whole: bool, text: &str) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        let words = Words::new(words, whole).expect("words");
        words.each(text, |word, range| all.push((word, text[range].to_owned())));
        all
    }

    #[test]
    fn whole_words_are_found_in_any_case() {
        assert_eq!(
            found(&["blue", "Über uns"], true, "BLUE bluesy ÜBER UNS über uns"),
            [(0, "BLUE".to_owned()), (1, "ÜBER UNS".to_owned()), (1, "über uns".to_owned()),]
        );
        assert_eq!(found(&["blue"], false, "bluesy").len(), 1);
    }

    #[test]
    fn scripts_without_blanks_have_no_whole_words() {
        assert_eq!(found(&["机密"], true, "这是机密文件").len(), 1);
        assert_eq!(found(&["кот"], true, "который кот").len(), 1);
    }
}
