//! Patterns of users: one engine for all of them, in time that is linear in the text and with matches of bounded length.

use regex_automata::meta::{Config, Regex};
use regex_automata::{Anchored, Input, PatternID};

/// As much memory as one pattern (or one list of them) may take when it is compiled.
const LARGEST: usize = 4 << 20;

/// No bound of matches is shorter: a character must fit in.
const SHORTEST: usize = 4;

/// Patterns that are looked for together; the first of them wins where several fit.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// The longest match, in bytes: a longer one is cut here.
    longest: usize,
}

/// A match: which pattern, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) pattern: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Pattern {
    /// Compiles patterns; the names stand in errors.
    pub(crate) fn new<T: AsRef<str>>(
        names: &[String],
        patterns: &[T],
        longest: usize,
    ) -> Result<Self, String> {
        let patterns: Vec<&str> = patterns.iter().map(AsRef::as_ref).collect();
        let config = Config::new().nfa_size_limit(Some(LARGEST)).hybrid_cache_capacity(256 << 10);
        match Regex::builder().configure(config).build_many(&patterns) {
            Ok(regex) => Ok(Self { regex, longest: longest.max(SHORTEST) }),
            Err(error) => {
                let at = error.pattern().map_or(0, |pattern| pattern.as_usize());
                let name = names.get(at).map_or("pattern", String::as_str);
                Err(format!("`{name}` is not a pattern that can be used: {}", reason(&error)))
            }
        }
    }

    /// A pattern that must fit whole passages.
    pub(crate) fn whole(name: &str, pattern: &str) -> Result<Self, String> {
        Self::new(&[name.to_owned()], &[format!("^(?:{pattern})$")], usize::MAX)
    }

    /// Whether it fits somewhere.
    pub(crate) fn fits(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// All matches in order, without overlaps and without empty ones.
    ///
    /// Each is looked for in a stretch of at most twice the longest match: however many short matches there are,
    /// and however far each of them must look ahead, the time stays linear in the text.
    pub(crate) fn each(&self, text: &str, mut found: impl FnMut(Match)) {
        let mut from = 0;
        while from < text.len() {
            let end = text.floor_char_boundary(from.saturating_add(self.longest.saturating_mul(2)));
            // What begins further on may be cut off, or be only a part of what would stand there.
            let sure = if end == text.len() { end } else { text.floor_char_boundary(end - self.longest) };
            let hit = self.regex.find(Input::new(text).range(from..end)).filter(|hit| hit.start() <= sure);
            let Some(hit) = hit else {
                from = if end == text.len() { end } else { step(text, sure, from) };
                continue;
            };
            let (start, mut stop) = (hit.start(), hit.end());
            let most = text.floor_char_boundary(start.saturating_add(self.longest));
            if stop > most {
                stop = self.anchored(text, start, most, hit.pattern()).unwrap_or(start);
            }
            if stop > start {
                found(Match { pattern: hit.pattern().as_usize(), start, end: stop });
                from = stop;
            } else {
                from = step(text, start + 1, start);
            }
        }
    }

    fn anchored(&self, text: &str, start: usize, most: usize, pattern: PatternID) -> Option<usize> {
        let input = Input::new(text).range(start..most).anchored(Anchored::Pattern(pattern));
        Some(self.regex.find(input)?.end())
    }
}

/// The next border of characters at or after `to` that is further than `from`.
fn step(text: &str, to: usize, from: usize) -> usize {
    text.ceil_char_boundary(to.max(from + 1))
}

/// What the engine says, in one line.
fn reason(error: &regex_automata::meta::BuildError) -> String {
    if error.size_limit().is_some() {
        return "it is too large".to_owned();
    }
    let said = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it is malformed").trim();
    last.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, longest: usize, text: &str) -> Vec<(usize, usize)> {
        let pattern = Pattern::new(&["p".to_owned()], &[pattern], longest).expect("a pattern");
        let mut all = Vec::new();
        pattern.each(text, |found| all.push((found.start, found.end)));
        all
    }

    #[test]
    fn matches_come_in_order_and_no_longer_than_allowed() {
        assert_eq!(matches("a+", 100, "aa b aaa"), [(0, 2), (5, 8)]);
        assert_eq!(matches("a+", 4, "aaaaaaaaaa"), [(0, 4), (4, 8), (8, 10)]);
        assert_eq!(matches("x*", 10, "axx"), [(1, 3)]);
        assert_eq!(matches("é+", 5, "ééé"), [(0, 4), (4, 6)]);
        assert_eq!(matches("ab|abcdef", 8, "....abcdef"), [(4, 6)]);
        assert_eq!(matches("abcdef|ab", 8, "...........abcdef"), [(11, 17)]);
        assert_eq!(matches("b", 4, "aaaaaaaaaaaaaaaaaaaaaab"), [(22, 23)]);
    }

    #[test]
    fn many_short_matches_that_look_far_ahead_stay_linear() {
        let text = "A".repeat(1 << 16);
        assert_eq!(matches(".*[^A-Z]|[A-Z]", 64, &text).len(), 1 << 16);
    }

    #[test]
    fn malformed_patterns_are_told_in_one_line() {
        let error =
            Pattern::new(&["patterns[0].pattern".to_owned()], &["(?=a)"], 10).expect_err("look-around");
        assert!(
            error.starts_with("`patterns[0].pattern` is not a pattern that can be used: look-around"),
            "{error}"
        );
        assert!(!error.contains('\n'));
    }
}
