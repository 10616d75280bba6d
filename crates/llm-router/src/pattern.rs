//! Public names with at most one `*`.

use std::fmt;

/// A public model name, or a pattern with one `*` that stands for any text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
    star: Option<usize>,
}

impl Pattern {
    /// A name or pattern. Further `*` after the first stand for themselves.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let star = text.find('*');
        Self { text, star }
    }

    /// Whether it has a `*`.
    pub fn is_wildcard(&self) -> bool {
        self.star.is_some()
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the `*` stands for in a name; `None` when the name does not match. An exact name catches nothing.
    pub fn capture<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self.star {
            None => (name == self.text).then_some(""),
            Some(star) => name.strip_prefix(&self.text[..star])?.strip_suffix(&self.text[star + 1..]),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_catches_what_stands_between() {
        let pattern = Pattern::new("acme/eu.*-latest");
        assert_eq!(pattern.capture("acme/eu.large-latest"), Some("large"));
        assert_eq!(pattern.capture("acme/us.large-latest"), None);
        assert_eq!(Pattern::new("*").capture("anything"), Some("anything"));
        assert_eq!(Pattern::new("name").capture("name"), Some(""));
        // Prefix and suffix must not share letters.
        assert_eq!(Pattern::new("ab*ba").capture("aba"), None);
    }
}
