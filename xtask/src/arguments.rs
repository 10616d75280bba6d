//! The words after a command: options with values, flags and plain words.

use anyhow::{Result, bail};

/// Words not yet taken. Ask for options and flags first, then for [`Arguments::next`] or [`Arguments::finish`].
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self(words)
    }

    /// Takes a flag out.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// Takes an option with its value out (`--from PATH` or `--from=PATH`).
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>> {
        let begins = |word: &String| {
            word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        let Some(at) = self.0.iter().position(begins) else { return Ok(None) };
        let word = self.0.remove(at);
        if let Some((_, value)) = word.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        if at == self.0.len() {
            bail!("`{name}` needs a value");
        }
        Ok(Some(self.0.remove(at)))
    }

    /// Takes the next plain word out.
    pub(crate) fn next(&mut self, what: &str) -> Result<String> {
        if self.0.is_empty() {
            bail!("{what} is missing");
        }
        Ok(self.0.remove(0))
    }

    /// All words that are left.
    pub(crate) fn rest(self) -> Vec<String> {
        self.0
    }

    /// Refuses words that nobody took.
    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            Some(word) => bail!("unexpected `{word}`: see `cargo xtask --help`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Arguments {
        Arguments::new(text.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn options_and_flags_stand_anywhere() {
        let mut arguments = words("prices --check --from a.json");
        assert!(arguments.flag("--check"));
        assert_eq!(arguments.option("--from").expect("has a value").as_deref(), Some("a.json"));
        assert_eq!(arguments.next("what").expect("a word"), "prices");
        assert!(arguments.finish().is_ok());
    }

    #[test]
    fn missing_values_and_strange_words_are_named() {
        assert!(words("--from").option("--from").is_err());
        assert_eq!(words("--from=x").option("--from").expect("has a value").as_deref(), Some("x"));
        assert!(words("--frm x").finish().is_err());
        assert!(words("").next("what").is_err());
    }
}
