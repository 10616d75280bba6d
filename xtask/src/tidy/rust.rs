//! Just enough of Rust's grammar to tell code from comments and strings.

/// What stays of a source text; all else becomes blanks, and lines stay where they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Code,
    CodeAndStrings,
}

/// Blanks comments, and strings too when only code is kept.
pub(super) fn blank(source: &str, keep: Keep) -> String {
    let mut reader = Reader { rest: source, out: String::with_capacity(source.len()), keep };
    while !reader.rest.is_empty() {
        reader.step();
    }
    reader.out
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
    keep: Keep,
}

impl Reader<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.take(rest.find('\n').unwrap_or(rest.len()), false);
        } else if rest.starts_with("/*") {
            self.take(block_comment(rest), false);
        } else if let Some(length) = raw_string(rest).filter(|_| !self.inside_a_word()) {
            self.take(length, self.keep == Keep::CodeAndStrings);
        } else if rest.starts_with('"') {
            self.take(string(rest), self.keep == Keep::CodeAndStrings);
        } else if let Some(length) = character(rest) {
            self.take(length, self.keep == Keep::CodeAndStrings);
        } else {
            self.take(rest.chars().next().map_or(0, char::len_utf8), true);
        }
    }

    fn inside_a_word(&self) -> bool {
        self.out.ends_with(|last: char| last.is_alphanumeric() || last == '_')
    }

    fn take(&mut self, length: usize, kept: bool) {
        let (token, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        if kept {
            self.out.push_str(token);
        } else {
            self.out.extend(token.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        }
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `br#"…"#` at the beginning.
fn raw_string(text: &str) -> Option<usize> {
    let body = ["br", "cr", "r"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = body.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(text.len() - inside.len() + length)
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal at the beginning; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    if first == '\\' {
        let rest = body.get(2..)?;
        return rest.find('\'').map(|at| at + 4);
    }
    let after = body.get(first.len_utf8()..)?;
    after.starts_with('\'').then(|| first.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked() {
        for (source, code) in [
            ("a // b \"\nc", "a ······\nc"),
            ("a /* b /* c */ \" */ d", "a ················· d"),
            ("f(\"}\\\"{\") + g", "f(······) + g"),
            ("r#\"a\"b\"# c", "········ c"),
            ("for<'a> '{' '\\'' b", "for<'a> ··· ···· b"),
            ("var\"x\"", "var···"),
        ] {
            assert_eq!(blank(source, Keep::Code), code.replace('·', " "), "{source}");
        }
    }

    #[test]
    fn strings_are_kept_on_demand_and_lines_always() {
        assert_eq!(blank("a(\"b//c\") // d", Keep::CodeAndStrings).trim_end(), "a(\"b//c\")");
        let source = "/* a\n b */ \"c\nd\"\n";
        assert_eq!(blank(source, Keep::Code).matches('\n').count(), source.matches('\n').count());
    }
}
