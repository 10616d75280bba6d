//! Text in a log line: quoted where it must be, so that no value can forge a line or speak to a terminal.

use std::fmt::{self, Debug, Write};

/// Writes into a JSON string, without its quotes.
pub(crate) struct Escaped<'a, W>(pub &'a mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Without a way out of the loop, so that the compiler looks at many bytes at once.
        if text.bytes().fold(true, |plain, byte| plain & is_plain_byte(byte)) {
            return self.0.write_str(text);
        }
        let mut rest = text;
        while let Some(at) = rest.find(must_be_escaped) {
            let (plain, tail) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut characters = tail.chars();
            match characters.next() {
                Some('"') => self.0.write_str("\\\"")?,
                Some('\\') => self.0.write_str("\\\\")?,
                Some('\n') => self.0.write_str("\\n")?,
                Some('\r') => self.0.write_str("\\r")?,
                Some('\t') => self.0.write_str("\\t")?,
                Some(other) => write!(self.0, "\\u{:04x}", u32::from(other))?,
                None => {}
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Whether a byte is a letter that stands for itself; nearly all text in log lines is of such.
fn is_plain_byte(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\')
}

/// Quotes, backslashes, and control characters; with them those of terminals.
fn must_be_escaped(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{2028}' | '\u{2029}') || character.is_control()
}

/// Writes a JSON string.
pub(crate) fn quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    Escaped(out).write_str(text)?;
    out.write_char('"')
}

/// Writes what a value looks like as a JSON string, without making a text of it first.
pub(crate) fn quoted_debug(out: &mut impl Write, value: &dyn Debug) -> fmt::Result {
    out.write_char('"')?;
    write!(Escaped(out), "{value:?}")?;
    out.write_char('"')
}

/// Whether text can stand after `key=` without quotes.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|character: char| must_be_escaped(character) || character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_from_json() {
        for text in ["", "plain", "a\"b\\c\n\r\t\u{0}\u{1b}[31m\u{7f}\u{85}", "naïve 模型 🦀\u{2028}"] {
            let mut line = String::new();
            quoted(&mut line, text).expect("a string takes everything");
            assert_eq!(serde_json::from_str::<String>(&line).expect("valid"), text);
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn only_harmless_words_stand_alone() {
        assert!(is_plain("gpt-4o"));
        for text in ["", "a b", "a\u{1b}[0m", "\"", "a\nb"] {
            assert!(!is_plain(text), "{text:?}");
        }
    }
}
