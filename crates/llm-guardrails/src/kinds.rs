//! The judges by their names, for documents and for who builds them.

/// A kind of judge.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name in a configuration.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it finds, in a sentence.
    pub about: &'static str,
    /// Its rules; empty when it has none that can be switched on and off.
    pub rules: Vec<Rule>,
}

/// A rule of a judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in `rules`, `exclude` and findings.
    pub id: &'static str,
    /// What it finds.
    pub finds: &'static str,
}
