//! The price table as text: a head of `#` lines, then one line a model, sorted by name.

use std::borrow::Cow;
use std::cmp::Ordering;

use llm_core::{Error, Result};

use super::entry::ModelEntry;
use super::packed;

/// A table that is never read as a whole, only searched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Table {
    /// The one that the crate carries.
    Embedded,
    /// One that was loaded.
    Loaded {
        text: Cow<'static, str>,
        /// Where the head ends.
        body: usize,
    },
}

impl Table {
    /// Takes a text as it is.
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        let body = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
        Self::Loaded { text, body }
    }

    /// Takes a text of unknown origin: every line is read once.
    ///
    /// # Errors
    /// Names the first line that is malformed or not in order.
    pub(crate) fn checked(text: impl Into<Cow<'static, str>>) -> Result<Self> {
        let text = text.into();
        let head = text.lines().take_while(|line| line.starts_with('#')).count();
        let table = Self::new(text);
        let mut last = "";
        for (at, line) in table.lines().enumerate() {
            let fault =
                |what: &str| Error::invalid(format!("invalid price table: line {}: {what}", head + at + 1));
            let (name, columns) = split(line);
            if name.is_empty() || name <= last {
                return Err(fault("names must be sorted by their bytes, each once"));
            }
            let entry = ModelEntry::parse(columns).filter(|_| !columns.is_empty());
            entry.ok_or_else(|| fault(&format!("malformed columns of `{name}`")))?;
            last = name;
        }
        Ok(table)
    }

    /// The columns after a model's name.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let line = self.from(name).next()?;
        let (found, columns) = split(line);
        (found == name).then_some(columns)
    }

    /// All lines from the first whose name is not before `name`.
    pub(crate) fn from(&self, name: &str) -> impl Iterator<Item = &str> {
        let part = self.part_of(name);
        let first = since(self.part(part), name);
        first.lines().chain((part + 1..self.parts()).flat_map(|part| self.part(part).lines()))
    }

    /// All lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        (0..self.parts()).flat_map(|part| self.part(part).lines())
    }

    /// How many texts it is made of, one after the other.
    fn parts(&self) -> usize {
        match self {
            Self::Embedded => packed::count(),
            Self::Loaded { .. } => 1,
        }
    }

    fn part_of(&self, name: &str) -> usize {
        match self {
            Self::Embedded => packed::block_of(name),
            Self::Loaded { .. } => 0,
        }
    }

    fn part(&self, part: usize) -> &str {
        match self {
            Self::Embedded => packed::text(part),
            Self::Loaded { text, body } => text.get(*body..).unwrap_or_default(),
        }
    }
}

/// The lines of a sorted text from the first whose name is not before `name`.
fn since<'a>(text: &'a str, name: &str) -> &'a str {
    let bytes = text.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = bytes[low..middle].iter().rposition(|byte| *byte == b'\n').map_or(low, |at| low + at + 1);
        let line = bytes[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        let key = line.split(|byte| *byte == b'\t').next().unwrap_or_default();
        match key.cmp(name.as_bytes()) {
            Ordering::Less => low = (start + line.len() + 1).min(high),
            Ordering::Equal | Ordering::Greater => high = start,
        }
    }
    text.get(low..).unwrap_or_default()
}

/// A line's name and the columns after it.
pub(crate) fn split(line: &str) -> (&str, &str) {
    line.split_once('\t').unwrap_or((line, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_is_found_and_nothing_else() {
        let table = Table::new("# head\n# more\na\tx\nab\tx\tchat\nb/c\ty\né\tz\n");
        for (name, columns) in [("a", "x"), ("ab", "x\tchat"), ("b/c", "y"), ("é", "z")] {
            assert_eq!(table.find(name), Some(columns), "{name}");
        }
        for name in ["", "aa", "b", "z", "éé", "# head", "\n"] {
            assert_eq!(table.find(name), None, "{name}");
        }
    }

    #[test]
    fn a_broken_table_names_its_line() {
        for (text, message) in [
            ("# head\nb\tx\na\tx\n", "line 3: names must be sorted"),
            ("a\tx\na\tx\n", "line 2: names"),
            ("a\tx\tchat\tmany\n", "line 1: malformed columns of `a`"),
            ("a\tx\n\n", "line 2: names"),
            ("<html>", "line 1: malformed columns of `<html>`"),
        ] {
            let error = Table::checked(text).expect_err(text);
            assert!(error.message().contains(message), "{error}");
        }
        assert!(Table::checked("").is_ok());
    }

    proptest! {
        #[test]
        fn search_agrees_with_a_walk_and_never_panics(text in "[a-c\\t\\n#é]{0,60}", name in "[a-cé]{0,3}") {
            let mut names: Vec<&str> = text.split('\n').map(|line| split(line).0).collect();
            names.sort_unstable();
            names.dedup();
            names.retain(|name| !name.is_empty() && !name.starts_with('#'));
            let sorted: String = names.iter().map(|name| format!("{name}\tx\n")).collect();
            prop_assert_eq!(Table::new(sorted).find(&name).is_some(), names.contains(&name.as_str()));
            let _ = Table::new(text).find(&name);
        }
    }
}
