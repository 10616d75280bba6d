//! Values that are let through: a text that must be the whole passage, in any case, with `*` for anything.

/// A text with `*` in it, in lower case.
#[derive(Debug)]
pub(crate) struct Glob {
    first: String,
    /// What follows each `*`.
    others: Vec<String>,
}

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let mut parts = lower.split('*').map(str::to_owned);
        Self { first: parts.next().unwrap_or_default(), others: parts.collect() }
    }

    pub(crate) fn fits(&self, passage: &str) -> bool {
        let passage = passage.to_lowercase();
        let Some(mut rest) = passage.strip_prefix(self.first.as_str()) else { return false };
        let Some((last, middle)) = self.others.split_last() else { return rest.is_empty() };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(Glob::new("*@Example.com").fits("someone@example.COM"));
        assert!(!Glob::new("*@example.com").fits("someone@example.com.evil"));
        assert!(Glob::new("a*b*c").fits("a--b--c"));
        assert!(!Glob::new("a*b*c").fits("a--c"));
        assert!(Glob::new("same").fits("SAME"));
        assert!(!Glob::new("same").fits("same again"));
        assert!(!Glob::new("ab*ba").fits("aba"));
    }
}
