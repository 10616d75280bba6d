//! `.env` files: `NAME=value` lines, with `export`, quotes, comments and `${NAME}`.
//!
//! Written here rather than taken from a library because errors must name a line and never show a value, because
//! a `$` in a key must survive (only `${NAME}` is a reference), and because nothing may depend on the process
//! environment.

use std::sync::Arc;

use crate::report::{Place, Report};

/// One variable of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) at: Place,
}

/// Reads a file's content; `outside` gives what a `${NAME}` means that the file itself did not set before.
pub(crate) fn parse(
    file: &Arc<str>,
    content: &str,
    outside: impl Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Vec<Variable> {
    let mut found: Vec<Variable> = Vec::new();
    let mut rest = content.strip_prefix('\u{feff}').unwrap_or(content);
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let at = Place::at(file, line, 1);
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        let statement = first.trim();
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        let Some((name, raw)) = name_and_value(statement) else {
            report.error(&at, "this line is no `NAME=value`").help("comments begin with `#`");
            continue;
        };
        let value = match raw.chars().next() {
            Some(quote @ ('"' | '\'')) => match quoted(raw, quote, rest) {
                Some((inner, lines, left)) => {
                    line += lines;
                    rest = left;
                    if quote == '"' { unescape(&inner) } else { Piece::literal(&inner) }
                }
                None => {
                    let problem = report.error(&at, format!("the value of `{name}` has no closing quote"));
                    problem.help(format!("end it with {quote}"));
                    continue;
                }
            },
            _ => vec![Piece { text: without_comment(raw).to_owned(), literal: false }],
        };
        let known = |name: &str| {
            let own = found.iter().rev().find(|variable| variable.name == name);
            own.map(|variable| variable.value.clone()).or_else(|| outside(name))
        };
        let value = value.iter().map(|piece| piece.expand(&known)).collect();
        found.push(Variable { name: name.to_owned(), value, at });
    }
    found
}

fn name_and_value(statement: &str) -> Option<(&str, &str)> {
    let statement = statement.strip_prefix("export ").unwrap_or(statement);
    let (name, value) = statement.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let valid = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    (!name.is_empty() && name.chars().all(valid)).then_some((name, value))
}

/// What an unquoted value is before ` #`.
fn without_comment(raw: &str) -> &str {
    let comment = raw
        .char_indices()
        .zip(raw.chars().skip(1))
        .find_map(|((at, letter), next)| (letter.is_whitespace() && next == '#').then_some(at));
    if raw.starts_with('#') { "" } else { comment.and_then(|at| raw.get(..at)).unwrap_or(raw).trim_end() }
}

/// A quoted value's content, how many more lines it takes, and what follows them.
fn quoted<'a>(first: &str, quote: char, rest: &'a str) -> Option<(String, u64, &'a str)> {
    let (mut inner, mut lines, mut rest) = (String::new(), 0, rest);
    let mut current = first.get(1..)?.to_owned();
    loop {
        let mut escaped = false;
        for (at, letter) in current.char_indices() {
            if letter == quote && !escaped {
                inner.push_str(current.get(..at)?);
                return Some((inner, lines, rest));
            }
            escaped = letter == '\\' && !escaped && quote == '"';
        }
        if rest.is_empty() {
            return None;
        }
        inner.push_str(&current);
        inner.push('\n');
        let (next, after) = rest.split_once('\n').unwrap_or((rest, ""));
        (current, rest, lines) = (next.trim_end_matches('\r').to_owned(), after, lines + 1);
    }
}

/// A part of a value: taken as it is, or with references in it.
struct Piece {
    text: String,
    literal: bool,
}

impl Piece {
    fn literal(text: &str) -> Vec<Self> {
        vec![Self { text: text.to_owned(), literal: true }]
    }

    fn expand(&self, known: &impl Fn(&str) -> Option<String>) -> String {
        if self.literal {
            return self.text.clone();
        }
        let (mut out, mut rest) = (String::new(), self.text.as_str());
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, left)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            let (name, default) = name.split_once(":-").unwrap_or((name, ""));
            out.push_str(
                &known(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()),
            );
            rest = left;
        }
        out + rest
    }
}

/// The pieces of a double-quoted value: what an escape stands for is literal.
fn unescape(inner: &str) -> Vec<Piece> {
    let mut pieces = vec![Piece { text: String::new(), literal: false }];
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        let literal = match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => Some("\n".to_owned()),
                Some('r') => Some("\r".to_owned()),
                Some('t') => Some("\t".to_owned()),
                Some(other @ ('"' | '\\' | '$' | '\'')) => Some(other.to_string()),
                Some(other) => Some(format!("\\{other}")),
                None => Some("\\".to_owned()),
            },
            _ => None,
        };
        match (literal, pieces.last_mut()) {
            (Some(text), _) => {
                pieces.push(Piece { text, literal: true });
                pieces.push(Piece { text: String::new(), literal: false });
            }
            (None, Some(last)) => last.text.push(letter),
            (None, None) => {}
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(content: &str) -> (Vec<(String, String)>, Report) {
        let mut report = Report::default();
        let outside = |name: &str| (name == "HOME").then(|| "/somewhere".to_owned());
        let found = parse(&Arc::from(".env"), content, outside, &mut report);
        (found.into_iter().map(|variable| (variable.name, variable.value)).collect(), report)
    }

    #[test]
    fn every_way_to_write_a_value_is_read() {
        let (found, report) = values(
            "# comment\n\nA=plain  # 可选，注释\nexport B = spaced \nC=\"two words # no comment\"\nD='$raw ${HOME}'\n\
             E=${A}-${HOME}-${NONE}-${NONE:-x}\nF=sk-a$b#c\nG=\nH=\"a\\nb\\\"c\\${A}\"\nI=\"line one\nline two\"\nJ=12345\r\n",
        );
        let wanted = [
            ("A", "plain"),
            ("B", "spaced"),
            ("C", "two words # no comment"),
            ("D", "$raw ${HOME}"),
            ("E", "plain-/somewhere--x"),
            ("F", "sk-a$b#c"),
            ("G", ""),
            ("H", "a\nb\"c${A}"),
            ("I", "line one\nline two"),
            ("J", "12345"),
        ];
        assert_eq!(found, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(report, Report::default());
    }

    #[test]
    fn a_broken_line_is_named_without_its_content() {
        let (found, report) = values("A=1\nsk-secret\nB=\"open\nC=2\n");
        assert_eq!(found.len(), 2, "the lines after it are read");
        assert_eq!(
            report.to_string(),
            "error: this line is no `NAME=value`\n  at .env:2:1\n  help: comments begin with `#`\n\
             error: the value of `B` has no closing quote\n  at .env:3:1\n  help: end it with \"\n2 errors, 0 warnings"
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics(content in "[A-Z='\"\\\\ #$ {}\\n]{0,60}") {
            let _ = values(&content);
        }
    }
}
