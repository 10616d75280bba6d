//! What a person types, with a history and completion; or what is piped in.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, ColorMode, CompletionType, Config, Context, Editor, Helper, KeyCode, KeyEvent, Modifiers,
};

use super::order::{HELP, cut, whole};
use crate::failure::{Exit, Failure};
use crate::terminal::{NAME, Terminal};

/// What stands before what is typed.
const PROMPT: &str = "› ";

/// Lines of the history.
const KEPT: usize = 1_000;

/// Something that was read.
pub(super) enum Read {
    Text(String),
    /// Ctrl-C, while nothing was under way.
    Interrupted,
    End,
}

/// Where lines come from.
pub(super) enum Reader {
    Typed(Box<Typed>),
    Piped,
}

/// A person at a terminal.
pub(super) struct Typed {
    editor: Editor<Words, DefaultHistory>,
    history: Option<PathBuf>,
    colours: bool,
}

impl Reader {
    /// Reads a terminal with all comfort, everything else as lines.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    pub(super) fn open(keeps: bool, models: Vec<String>, terminal: Terminal) -> Result<Self, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Piped);
        }
        let colours = terminal.colours_beside;
        let config = Config::builder()
            .max_history_size(KEPT)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(|error| unread(&error))?
            .completion_type(CompletionType::List)
            .color_mode(if colours { ColorMode::Enabled } else { ColorMode::Disabled })
            .build();
        let mut editor = Editor::with_config(config).map_err(|error| unread(&error))?;
        editor.set_helper(Some(Words { models }));
        editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), Cmd::Newline);
        let history = keeps.then(history).flatten();
        if let Some(file) = &history {
            // There is none before the first conversation.
            let _ = editor.load_history(file);
        }
        Ok(Self::Typed(Box::new(Typed { editor, history, colours })))
    }

    /// Whether a person types.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self, Self::Typed(_))
    }

    /// The next text: one line, or several that belong together.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(super) fn read(&mut self) -> Result<Read, Failure> {
        match self {
            Self::Typed(typed) => typed.read(),
            Self::Piped => piped(&mut io::stdin().lock()),
        }
    }
}

impl Typed {
    fn read(&mut self) -> Result<Read, Failure> {
        let styled = if self.colours {
            format!("{}{PROMPT}{:#}", NAME.bold(), NAME.bold())
        } else {
            PROMPT.to_owned()
        };
        match self.editor.readline(&(PROMPT, styled.as_str())) {
            Ok(input) => {
                self.keep(&input);
                Ok(Read::Text(whole(&input).unwrap_or_else(|| cut(&input))))
            }
            Err(ReadlineError::Interrupted) => Ok(Read::Interrupted),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(error) => Err(unread(&error)),
        }
    }

    /// Keeps what was typed. A conversation goes on where it cannot be kept.
    fn keep(&mut self, input: &str) {
        if input.trim().is_empty() || !self.editor.add_history_entry(input).unwrap_or(false) {
            return;
        }
        if let Some(file) = &self.history {
            let _ = self.editor.append_history(file);
        }
    }
}

fn unread(error: &ReadlineError) -> Failure {
    Failure::new(Exit::Error, format!("cannot read the terminal: {error}"))
}

fn piped(input: &mut impl io::BufRead) -> Result<Read, Failure> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        let read = input
            .read_line(&mut line)
            .map_err(|error| Failure::usage(format!("cannot read what is piped in: {error}")))?;
        if read == 0 {
            return Ok(if text.is_empty() { Read::End } else { Read::Text(cut(&text)) });
        }
        let line = line.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
        if let Some(text) = whole(&text) {
            return Ok(Read::Text(text));
        }
    }
}

/// The file of what was typed; its folder is made. rustyline lets nobody else read it.
fn history() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = variable("LLM_HISTORY") {
        return Some(file);
    }
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    let folder = state.join("llm");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Completes commands and the names of models, and knows when a text goes on.
struct Words {
    models: Vec<String>,
}

impl Helper for Words {}

impl Highlighter for Words {}

impl Hinter for Words {
    type Hint = String;
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let is_whole = whole(context.input()).is_some();
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..at).unwrap_or(line);
        Ok(self.completed(typed))
    }
}

impl Words {
    fn completed(&self, typed: &str) -> (usize, Vec<String>) {
        const MODEL: &str = "/model ";
        if let Some(begun) = typed.strip_prefix(MODEL) {
            let found = self.models.iter().filter(|name| name.starts_with(begun)).cloned();
            return (MODEL.len(), found.collect());
        }
        if !typed.starts_with('/') || typed.contains(' ') {
            return (typed.len(), Vec::new());
        }
        let names = HELP.iter().filter_map(|(command, _)| command.split(' ').next());
        (0, names.filter(|name| name.starts_with(typed)).map(|name| format!("{name} ")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_models_are_completed() {
        let words =
            Words { models: vec!["gpt-4o".to_owned(), "gpt-4o-mini".to_owned(), "claude".to_owned()] };
        assert_eq!(words.completed("/s").1, ["/system ", "/save "]);
        assert_eq!(words.completed("/model gpt").1, ["gpt-4o", "gpt-4o-mini"]);
        assert!(words.completed("hello /s").1.is_empty());
    }

    #[test]
    fn piped_lines_that_belong_together_are_one_text() {
        let mut input = io::Cursor::new("one\\\ntwo\n\"\"\"\nthree\n\nfour\n\"\"\"\n/quit");
        let mut texts = Vec::new();
        while let Ok(Read::Text(text)) = piped(&mut input) {
            texts.push(text);
        }
        assert_eq!(texts, ["one\ntwo", "three\n\nfour", "/quit"]);
    }
}
