//! What the output is: its width, whether it has colours, and the few styles that this program uses.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::styling::AnsiColor;
pub(crate) use clap::builder::styling::Style;
use serde_json::Value;

use crate::failure::{Exit, Failure};

/// The width of what is no terminal.
const USUAL_WIDTH: u16 = 100;

/// Bold: headings, and what matters most.
pub(crate) const STRONG: Style = Style::new().bold();
/// Dim: what explains.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Names of models.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// Well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Weak.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// Wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

/// Where a command writes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// JSON in the place of text.
    pub json: bool,
    /// Whether the output has colours.
    pub colours: bool,
    /// Whether what is said beside the output has colours.
    pub colours_beside: bool,
    /// Columns.
    pub width: u16,
    /// Whether a person reads what is said beside the output.
    pub is_watched: bool,
    /// Nothing is said beside the output.
    pub quiet: bool,
}

impl Terminal {
    /// What this process has.
    pub(crate) fn of_process(json: bool, quiet: bool) -> Self {
        let width = || comfy_table::Table::new().width();
        Self {
            json,
            colours: !json && has_colours(io::stdout().is_terminal()),
            colours_beside: has_colours(io::stderr().is_terminal()),
            width: columns().or_else(width).unwrap_or(USUAL_WIDTH).max(40),
            is_watched: io::stderr().is_terminal() && !quiet,
            quiet,
        }
    }

    /// A text in a style, in the output.
    pub(crate) fn paint(self, style: Style, text: impl Display) -> String {
        painted(self.colours, style, text)
    }

    /// A text in a style, beside the output.
    pub(crate) fn paint_beside(self, style: Style, text: impl Display) -> String {
        painted(self.colours_beside, style, text)
    }

    /// Writes to the output. A reader that has gone away (`| head`) is no failure.
    ///
    /// # Errors
    /// When the output cannot be written.
    #[expect(clippy::unused_self, reason = "whoever prints was given the terminal")]
    pub(crate) fn print(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::told(Exit::Error),
            _ => Failure::new(Exit::Error, format!("cannot print: {error}")),
        })
    }

    /// Writes JSON to the output: one object on lines of its own, or with `line` on one line.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(crate) fn print_json(self, value: &Value, line: bool) -> Result<(), Failure> {
        let text = if line { value.to_string() } else { format!("{value:#}") };
        self.print(&(text + "\n"))
    }

    /// Says something beside the output, unless it is to be quiet.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Says that something is weak.
    pub(crate) fn warn(self, text: &str) {
        self.note(&format!("{} {text}", self.paint_beside(WARN, "warning:")));
    }

    /// Says why a command failed.
    pub(crate) fn fail(self, failure: &Failure) {
        if failure.message.is_empty() && !(self.json && failure.exit == Exit::Interrupted) {
            return;
        }
        if self.json {
            return say(&failure.to_json().to_string());
        }
        say(&format!("{} {}", self.paint_beside(BAD.bold(), "error:"), failure.message));
        if let Some(help) = &failure.help {
            say(&format!("  {} {help}", self.paint_beside(NAME, "help:")));
        }
    }
}

/// Says something beside the output. One that is gone does not matter.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn painted(colours: bool, style: Style, text: impl Display) -> String {
    if colours { format!("{style}{text}{style:#}") } else { text.to_string() }
}

/// NO_COLOR (<https://no-color.org>) wins over CLICOLOR_FORCE, that over CLICOLOR (<https://bixense.com/clicolors>).
fn has_colours(is_terminal: bool) -> bool {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
    decides(
        is_terminal && !is_dumb,
        variable("NO_COLOR").is_some(),
        variable("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        variable("CLICOLOR").is_none_or(|value| value != "0"),
    )
}

fn decides(is_terminal: bool, never: bool, always: bool, allowed: bool) -> bool {
    !never && (always || (is_terminal && allowed))
}

/// The columns that somebody says there are.
fn columns() -> Option<u16> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0)
}

#[cfg(test)]
impl Terminal {
    /// One of a width, without colours.
    pub(crate) fn plain(width: u16) -> Self {
        Self { json: false, colours: false, colours_beside: false, width, is_watched: false, quiet: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_for_who_wants_them() {
        assert!(decides(true, false, false, true));
        assert!(!decides(false, false, false, true), "a pipe");
        assert!(!decides(true, true, true, true), "NO_COLOR wins");
        assert!(decides(false, false, true, true), "CLICOLOR_FORCE");
        assert!(!decides(true, false, false, false), "CLICOLOR=0");
    }

    #[test]
    fn without_colours_a_text_stays_as_it_is() {
        assert_eq!(Terminal::plain(80).paint(STRONG, "x"), "x");
        assert_eq!(painted(true, STRONG, "x"), "\u{1b}[1mx\u{1b}[0m");
    }
}
