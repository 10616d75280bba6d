//! The command line of the trials.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// What the command line says.
pub(crate) struct Words {
    /// Which trial.
    pub(crate) trial: String,
    /// The program under trial.
    pub(crate) program: PathBuf,
    /// Where its files go.
    pub(crate) folder: PathBuf,
    rest: Vec<String>,
}

impl Words {
    /// `TRIAL PROGRAM FOLDER …`, as `cargo xtask` calls it.
    pub(crate) fn read() -> Result<Self> {
        let mut words = std::env::args().skip(1);
        let mut next = |what: &str| words.next().with_context(|| format!("{what} is missing"));
        let (trial, program, folder) = (next("the trial")?, next("the program")?, next("the folder")?);
        Ok(Self { trial, program: program.into(), folder: folder.into(), rest: words.collect() })
    }

    /// The text behind an option.
    pub(crate) fn text(&self, option: &str) -> Result<Option<&str>> {
        let Some(at) = self.rest.iter().position(|word| word == option) else { return Ok(None) };
        self.rest
            .get(at + 1)
            .map(|word| Some(word.as_str()))
            .with_context(|| format!("`{option}` needs a value"))
    }

    /// The number behind an option.
    pub(crate) fn number(&self, option: &str) -> Result<Option<f64>> {
        let number =
            |text: &str| text.parse().with_context(|| format!("`{option}` needs a number, not `{text}`"));
        self.text(option)?.map(number).transpose()
    }

    /// Whether a word was said.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.rest.iter().any(|said| said == word)
    }

    /// Plain words, without options and their numbers.
    pub(crate) fn plain(&self) -> Vec<&str> {
        let is_value = |at: usize| at > 0 && self.rest[at - 1].starts_with("--");
        let plain =
            self.rest.iter().enumerate().filter(|(at, word)| !word.starts_with("--") && !is_value(*at));
        plain.map(|(_, word)| word.as_str()).collect()
    }
}
