//! What is wrong or weak about a configuration, all of it at once, each with its place and a remedy.

use std::fmt;
use std::sync::Arc;

/// Everything that was found, errors first in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they were found.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong or weak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub place: Place,
    /// What it is; never holds a value that may be a secret.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The gateway does not start.
    Error,
    /// The gateway starts, and something is not as the configuration says or should be.
    Warning,
}

/// Where a value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Nobody said it: a default.
    #[default]
    Default,
    /// A line of a file.
    File {
        /// The file as it was named.
        file: Arc<str>,
        /// From 1; 0 stands for the whole file.
        line: u32,
        /// From 1.
        column: u32,
    },
    /// A variable of the process environment.
    Variable(Arc<str>),
    /// A model of the store, by its id.
    Stored(Arc<str>),
    /// What administrators set while the gateway runs, and the database keeps, by its name.
    Database(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Place {
    /// A file as a whole.
    pub(crate) fn file(file: &Arc<str>) -> Self {
        Self::File { file: Arc::clone(file), line: 0, column: 0 }
    }

    /// A place in a file.
    pub(crate) fn at(file: &Arc<str>, line: u64, column: u64) -> Self {
        let short = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self::File { file: Arc::clone(file), line: short(line), column: short(column) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { file, line: 0, .. } => formatter.write_str(file),
            Self::File { file, line, column } => write!(formatter, "{file}:{line}:{column}"),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Stored(id) => write!(formatter, "the stored model {id}"),
            Self::Database(name) => write!(formatter, "`{name}` in the database"),
            Self::Flag(name) => write!(formatter, "flag {name}"),
        }
    }
}

impl Report {
    /// Whether something keeps the gateway from starting.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many problems there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    pub(crate) fn error(&mut self, place: &Place, message: impl Into<String>) -> &mut Problem {
        self.add(Severity::Error, place, message.into())
    }

    pub(crate) fn warning(&mut self, place: &Place, message: impl Into<String>) -> &mut Problem {
        self.add(Severity::Warning, place, message.into())
    }

    fn add(&mut self, severity: Severity, place: &Place, message: String) -> &mut Problem {
        self.problems.push(Problem { severity, place: place.clone(), message, help: None });
        self.problems.last_mut().expect("one was pushed just now")
    }
}

impl Problem {
    pub(crate) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    pub(crate) fn help_if(&mut self, help: Option<String>) {
        self.help = help;
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.severity, self.message)?;
        if self.place != Place::Default {
            write!(formatter, "\n  at {}", self.place)?;
        }
        match &self.help {
            Some(help) => write!(formatter, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for severity in [Severity::Error, Severity::Warning] {
            for problem in self.problems.iter().filter(|problem| problem.severity == severity) {
                writeln!(formatter, "{problem}")?;
            }
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(formatter, "{errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))
    }
}

impl std::error::Error for Report {}
