//! Why a command failed: what went wrong, what to do, and the exit code that scripts see.

use std::fmt;
use std::process::ExitCode;

use serde_json::{Value, json};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The gateway or a model answered with an error, or something that was checked is down.
    Error = 1,
    /// Wrong usage, or a wrong configuration.
    Usage = 2,
    /// Nobody answers at the address.
    Unreachable = 3,
    /// The key was refused, or may not do this.
    Refused = 4,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Its name in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Usage => "usage",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What stands before what to do, in reports of configurations.
const HELP: &str = "\n  help: ";

/// Why a command failed, for its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong; empty when everything was said already.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The status of HTTP, where there was an answer.
    pub status: Option<u16>,
}

impl Failure {
    /// A failure with an exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None, status: None }
    }

    /// Something that the user can say otherwise.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Arguments that are none: what is wrong comes first, a hint may follow, and how the command is used.
    pub(crate) fn of_usage(told: &str) -> Self {
        let mut parts = told.trim().split("\n\n").map(str::trim);
        let wrong = parts.next().unwrap_or_default();
        let failure = Self::usage(wrong.strip_prefix("error: ").unwrap_or(wrong));
        match parts.find_map(|part| part.strip_prefix("tip: ")) {
            Some(tip) => failure.help(tip),
            None => failure,
        }
    }

    /// The command has said all of it already.
    pub(crate) fn told(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// What to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::usage(format!("cannot {what} {}: {error}", path.display()))
    }

    /// What a configuration says of itself: a report with its own `error:` and `help:`; of several errors each has its own.
    pub(crate) fn report(report: &str) -> Self {
        let text = report.trim();
        let text = text.strip_prefix("error: ").unwrap_or(text);
        match text.split_once(HELP) {
            Some((message, help)) if !help.contains(HELP) => Self::usage(message).help(help),
            _ => Self::usage(text),
        }
    }

    /// The same for programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({"error": {
            "kind": self.exit.name(),
            "message": if self.message.is_empty() { self.exit.name() } else { &self.message },
            "help": self.help,
            "status": self.status,
        }})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_is_told_in_parts() {
        let told = "error: unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\nUsage: llm\n";
        let failure = Failure::of_usage(told);
        assert_eq!(failure.message, "unexpected argument '--jsn' found");
        assert_eq!(failure.help.as_deref(), Some("a similar argument exists: '--json'"));
    }

    #[test]
    fn what_to_do_is_told_apart_from_what_was_wrong() {
        let one = Failure::report("error: it is wrong\n  at config.yaml:3\n  help: mend it\n");
        assert_eq!(
            (&*one.message, one.help.as_deref()),
            ("it is wrong\n  at config.yaml:3", Some("mend it"))
        );
        let two = Failure::report("error: one\n  help: a\nerror: two\n  help: b");
        assert_eq!((&*two.message, two.help), ("one\n  help: a\nerror: two\n  help: b", None));
    }
}
